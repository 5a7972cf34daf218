"""Which rows came or went between the last version and what is pinned now, by a value in them.

What follows from the other rows alone is as it was: a part of a view, a check that held.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing

import duckdb

from rdlake.catalog.pins import Pinned, file_lists, folder_of, repaired_since
from rdlake.catalog.version import Version
from rdlake.datafiles import DataFile
from rdlake.lake import Lake
from rdlake.quoting import identifier, literal
from rdlake.tables import TABLES, table

__all__ = ["FEW", "Moves", "within"]

FEW = 500
"""Up to so many values, what follows from them is asked for them alone."""
TOLD_BY = {"factor_name": "factors", "strategy_id": "loops"}
"""The table that tells which of these a workspace has."""


class Moves:
    """Which values came or went, or stand in another row than before."""

    def __init__(self, lake: Lake, pinned: Pinned, last: Version | None) -> None:
        self._lake, self._now = lake, pinned.files
        trusted = last is not None and not repaired_since(lake, last)
        self._before = file_lists(lake, last.tables) if last and trusted else None
        self._seen: dict[tuple[str, str], set[str] | None] = {}

    def none(self, tables: Collection[str]) -> bool:
        """Whether all of these tables consist of the files that they did before."""
        before = self._before
        return before is not None and all(
            name in self._now and set(before.get(name, ())) == set(self._now[name])
            for name in tables
        )

    def anywhere(self, by: str) -> set[str] | None:
        """Of all tables that have the column; None when that cannot be told."""
        having = [each.name for each in TABLES if each.pinned and by in each.column_names]
        return self.of(having, by)

    def of(self, tables: Collection[str], by: str) -> set[str] | None:
        """Of these tables; None when that cannot be told."""
        moved: set[str] = set()
        for name in sorted(tables):
            values = self._moved(name, by)
            if values is None:
                return None
            moved |= values
        return moved

    def _moved(self, name: str, by: str) -> set[str] | None:
        if (name, by) not in self._seen:
            self._seen[name, by] = self._values(name, by)
        return self._seen[name, by]

    def _values(self, name: str, by: str) -> set[str] | None:
        if self._before is None:
            return None
        before, now = set(self._before.get(name, ())), set(self._now.get(name, ()))
        if before == now:
            return set()
        if by not in table(name).column_names:
            return self._through_workspaces(name, by)
        if not self._readable(name, before ^ now):
            return None
        gone, came = self._rows(name, before - now), self._rows(name, now - before)
        if gone and came and len({file.columns for file in before ^ now}) == 1:
            differing = f"({gone} EXCEPT ALL {came}) UNION ALL ({came} EXCEPT ALL {gone})"
            return _asked(by, differing)
        either = " UNION ALL BY NAME ".join(rows for rows in (gone, came) if rows)
        return _asked(by, either)

    def _through_workspaces(self, name: str, by: str) -> set[str] | None:
        """What the workspaces have whose rows moved; what they had is in rows that moved too."""
        if by not in TOLD_BY or "workspace_id" not in table(name).column_names:
            return None
        workspaces, told = self._moved(name, "workspace_id"), TOLD_BY[by]
        if workspaces is None or len(workspaces) > FEW:
            return None
        rows = self._rows(told, self._now.get(told, ()))
        if not workspaces or not rows:
            return set()
        return _asked(by, f"SELECT * FROM ({rows}) WHERE {within('workspace_id', workspaces)}")

    def _readable(self, name: str, files: Collection[DataFile]) -> bool:
        folder = folder_of(self._lake, name)
        return all((folder / each.path).is_file() for each in files)

    def _rows(self, name: str, files: Collection[DataFile]) -> str:
        """The query of all rows of these files; empty without any."""
        folder = folder_of(self._lake, name)
        paths = ", ".join(literal(str(folder / file.path)) for file in files)
        options = "hive_partitioning=false, union_by_name=true"
        return f"SELECT * FROM read_parquet([{paths}], {options})" if files else ""


def within(column: str, values: Collection[str]) -> str:
    """SQL: whether the column has one of these values."""
    return f"{identifier(column)} IN ({', '.join(map(literal, sorted(values)))})"


def _asked(by: str, rows: str) -> set[str] | None:
    """None for files that cannot be read: whatever is then made of everything names those that are
    still needed."""
    query = f"SELECT DISTINCT {identifier(by)} FROM ({rows})"
    with closing(duckdb.connect()) as connection:
        try:
            found = connection.execute(query).fetchall()
        except duckdb.Error:
            return None
    return {value for (value,) in found if value is not None}
