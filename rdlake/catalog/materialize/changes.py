"""Which rows came or went between the last version and what is pinned now, by a value in them.

What follows from the other rows alone is as it was: a part of a view, a check that held.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from threading import RLock

import duckdb

from rdlake.catalog.contract import script, telling
from rdlake.catalog.engine import engine
from rdlake.catalog.pinning import Pinned, file_lists, folder_of, repaired_since
from rdlake.catalog.version import Version
from rdlake.schema.sql import identifier, literal
from rdlake.schema.tables import TABLES
from rdlake.store.data_files import DataFile
from rdlake.store.lake import Lake

FEW = 500
"""Up to so many values, what follows from them is asked for them alone."""
LONG = ("equity_curves", "factor_ic", "signals")
"""Tables with a row for every day: of these not even the rows of few are held in memory."""
TOLD_BY = {
    "factor_name": ("factors",),
    "strategy_id": ("loops",),
    "group_id": ("group_places", "group_words"),
}
"""What tells which of these a workspace has."""
SHARED = {
    "strategies": ("belongs_to", ("loops",), "strategy_id"),
    "blobs": ("sha256", ("artifacts", "charts"), "sha256"),
}
"""Tables of what several workspaces share: by which column it is told, and what says who has it."""


class Moves:
    """Which values came or went, or stand in another row than before."""

    def __init__(self, lake: Lake, pinned: Pinned, last: Version | None) -> None:
        self._lake, self._now = lake, dict(pinned.files)
        trusted = last is not None and not repaired_since(lake, last)
        self._before = file_lists(lake, last.pinned) if last and trusted else None
        self._seen: dict[tuple[str, str], set[str] | None] = {}
        self._turn = RLock()

    def made(self, view: str, files: tuple[DataFile, ...]) -> None:
        """The files of a view that others read."""
        self._now[view] = files

    def none(self, tables: Collection[str]) -> bool:
        """Whether all of these tables consist of the files that they did before."""
        before = self._before
        return before is not None and all(
            name in self._now and set(before.get(name, ())) == set(self._now[name])
            for name in tables
        )

    def anywhere(self, by: str) -> set[str] | None:
        """Of all tables that have the column, and of what tells of it; None when that cannot be
        told."""
        having = {each.name for each in TABLES if each.pinned and by in each.column_names}
        return self.of(having.union(TOLD_BY.get(by, ())), by)

    def of(self, sources: Collection[str], by: str) -> set[str] | None:
        """Of these tables and views; None when that cannot be told."""
        moved: set[str] = set()
        with self._turn:
            for name in sorted(sources):
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
        if self._before is None or name not in self._now:
            return None
        before, now = set(self._before.get(name, ())), set(self._now[name])
        if before == now:
            return set()
        if by not in telling(script(), name):
            return self._through_workspaces(name, by)
        if not self._readable(name, before ^ now):
            return None
        gone, came = self._rows(name, before - now), self._rows(name, now - before)
        if name == "blobs":  # what is in them their digests say
            gone, came = (f"SELECT {by} FROM ({rows})" if rows else "" for rows in (gone, came))
        if gone and came and len({file.columns for file in before ^ now}) == 1:
            differing = f"({gone} EXCEPT ALL {came}) UNION ALL ({came} EXCEPT ALL {gone})"
            return self._asked(by, differing)
        either = " UNION ALL BY NAME ".join(rows for rows in (gone, came) if rows)
        return self._asked(by, either)

    def _through_workspaces(self, name: str, by: str) -> set[str] | None:
        """What the workspaces have whose rows moved; what they had is in rows that moved too."""
        workspaces = self._workspaces(name)
        if workspaces is None or by == "workspace_id":
            return workspaces
        return self._told(TOLD_BY[by], by, "workspace_id", workspaces) if by in TOLD_BY else None

    def _workspaces(self, name: str) -> set[str] | None:
        """Whose rows moved; of what is shared, who has it."""
        if name in SHARED:
            column, told_by, there = SHARED[name]
            moved = self._moved(name, column)
            return None if moved is None else self._told(told_by, "workspace_id", there, moved)
        owned = "workspace_id" in telling(script(), name)
        return self._moved(name, "workspace_id") if owned else None

    def _told(
        self, sources: Collection[str], by: str, column: str, values: Collection[str]
    ) -> set[str] | None:
        """Which of `by` these have now where the column has one of these values."""
        if len(values) > FEW:
            return None
        found: set[str] = set()
        for rows in [self._rows(each, self._now.get(each, ())) for each in sources]:
            if rows and values:
                told = self._asked(by, f"SELECT * FROM ({rows}) WHERE {within(column, values)}")
                if told is None:
                    return None
                found |= told
        return found

    def _asked(self, by: str, rows: str) -> set[str] | None:
        """None for files that cannot be read: whatever is then made of everything names those that
        are still needed."""
        query = f"SELECT DISTINCT {identifier(by)} FROM ({rows})"
        try:
            found = self._connection.execute(query).fetchall()
        except duckdb.Error:
            return None
        return {value for (value,) in found if value is not None}

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return engine()

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
