"""In how many parts the rows of a view are made, and which of them one more experiment touches.

A large lake has its experiments in parts by the first letter of their ids, so that publishing one
more makes one part of each view again and not everything.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256

import duckdb

from rdlake.catalog.contract import TABLES_SCHEMA, definitions, parted
from rdlake.catalog.pins import Pinned, file_lists, folder_of, repaired_since
from rdlake.catalog.version import Version
from rdlake.datafiles import DataFile
from rdlake.lake import Lake
from rdlake.quoting import identifier, literal
from rdlake.tables import table

__all__ = ["SUFFIX", "Moves", "Part", "parts_of"]

BOUNDS = ("", *"123456789abcdef")
MANY_LOOPS = 5000
"""From here on the views are made in parts; before, all at once is faster."""
SUFFIX = "01234567.parquet"
"""How long the end of a file's name is: it tells what is in the file."""
_TABLE = re.compile(rf"\b{TABLES_SCHEMA}\.(\w+)")


@dataclass(frozen=True)
class Part:
    """Rows of a view whose `by` is at least `first` and before `end`; without `by` all of them.
    `stem` is how the name of their file begins: a digest of what they follow from."""

    view: str
    stem: str
    by: str | None = None
    first: str = ""
    end: str | None = None

    def within(self, name: str, query: str) -> str:
        """The statement that makes the view of a table, of its rows in this part."""
        head = f"CREATE VIEW {TABLES_SCHEMA}.{name} AS"
        if self.by is None or self.by not in table(name).column_names:
            return f"{head} {query}"
        return f"{head} SELECT * FROM ({query}) WHERE {self.condition(self.by)}"

    def condition(self, column: str) -> str:
        """SQL: whether the column's value belongs to this part."""
        before = f" AND {column} < {literal(self.end)}" if self.end else ""
        return f"{column} >= {literal(self.first)}{before}"


def parts_of(version: Version, view: str) -> list[Part]:
    """The parts that the view has in this version, in the order of their rows."""
    query, by = definitions(version.sql)[view], parted(version.sql).get(view)
    if by is None or version.pins["loops"].rows < MANY_LOOPS:
        files = [version.pins[name].file_list for name in sorted(set(_TABLE.findall(query)))]
        return [Part(view, _stem(view, query, files))]
    ends = (*BOUNDS[1:], None)
    return [
        Part(view, _stem(view, query, [by, first]), by, first, end)
        for first, end in zip(BOUNDS, ends, strict=True)
    ]


def _stem(view: str, query: str, follows: list[str]) -> str:
    return f"{view}-{sha256(repr((query, follows)).encode()).hexdigest()[:16]}-"


class Moves:
    """Which values came or went between the last version and what is pinned now."""

    def __init__(self, lake: Lake, pinned: Pinned, last: Version | None) -> None:
        self._lake, self._now = lake, pinned.files
        trusted = last is not None and not repaired_since(lake, last)
        self._before = file_lists(lake, last.tables) if last and trusted else None
        self._seen: dict[tuple[str, str], set[str] | None] = {}

    def touch(self, part: Part, tables: set[str]) -> bool:
        """True when a table that the part follows from may have other rows in it. A part that is
        everything is named by the tables' files already."""
        if part.by is None:
            return False
        for name in sorted(tables):
            values = self._moved(name, part.by)
            if values is None or any(_belongs(part, value) for value in values):
                return True
        return False

    def _moved(self, name: str, by: str) -> set[str] | None:
        if (name, by) not in self._seen:
            self._seen[name, by] = self._values(name, by)
        return self._seen[name, by]

    def _values(self, name: str, by: str) -> set[str] | None:
        """The values in files that are only in one of the two; None when that cannot be told."""
        if self._before is None:
            return None
        other = set(self._before.get(name, ())) ^ set(self._now.get(name, ()))
        if not other:
            return set()
        if by not in table(name).column_names or not self._readable(name, other):
            return None
        paths = ", ".join(literal(str(folder_of(self._lake, name) / file.path)) for file in other)
        with closing(duckdb.connect()) as connection:
            found = connection.execute(
                f"SELECT DISTINCT {identifier(by)} "
                f"FROM read_parquet([{paths}], hive_partitioning=false)"
            ).fetchall()
        return {value for (value,) in found if value is not None}

    def _readable(self, name: str, files: set[DataFile]) -> bool:
        folder = folder_of(self._lake, name)
        return all((folder / each.path).is_file() for each in files)


def _belongs(part: Part, value: str) -> bool:
    return value >= part.first and (part.end is None or value < part.end)
