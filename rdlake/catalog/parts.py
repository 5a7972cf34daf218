"""In how many parts the rows of a view are made, so that one more experiment touches few of them.

A large lake has its experiments in parts by the first letter of their ids.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

from rdlake.catalog.contract import TABLES_SCHEMA, By, definitions, parted
from rdlake.catalog.moves import within
from rdlake.catalog.version import Version
from rdlake.quoting import identifier, literal
from rdlake.tables import table

__all__ = ["SUFFIX", "Part", "parts_of"]

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
    by: By | None = None
    first: str = ""
    end: str | None = None

    def rows_of(self, name: str, query: str, only: Collection[str] | None) -> str:
        """The statement that makes the view of a table, of its rows in this part; of those that
        have one of `only`, when these are given."""
        head = f"CREATE OR REPLACE VIEW {TABLES_SCHEMA}.{name} AS"
        if self.by is None or self.by.column not in table(name).column_names:
            return f"{head} {query}"
        where = self._condition() if only is None else within(self.by.column, only)
        return f"{head} SELECT * FROM ({query}) WHERE {where}"

    def has(self, value: str) -> bool:
        return value >= self.first and (self.end is None or value < self.end)

    def _condition(self) -> str:
        """SQL: whether a table's row belongs to this part."""
        assert self.by
        column = identifier(self.by.column)
        before = f" AND {column} < {literal(self.end)}" if self.end else ""
        return f"{column} >= {literal(self.first)}{before}"


def parts_of(version: Version, view: str) -> list[Part]:
    """The parts that the view has in this version, in the order of their rows."""
    query, by = definitions(version.sql)[view], parted(version.sql).get(view)
    if by is None or version.pins["loops"].rows < MANY_LOOPS:
        files = [version.pins[name].file_list for name in sorted(set(_TABLE.findall(query)))]
        return [Part(view, _stem(view, query, files))]
    bounds = BOUNDS if by.column == "workspace_id" else ("",)
    return [
        Part(view, _stem(view, query, [by.column, first]), by, first, end)
        for first, end in zip(bounds, (*bounds[1:], None), strict=True)
    ]


def _stem(view: str, query: str, follows: list[str]) -> str:
    return f"{view}-{sha256(repr((query, follows)).encode()).hexdigest()[:16]}-"
