"""Find the values whose rows were added, removed or changed since the last version.

What follows from other rows alone is as it was: a part of a view, a check that held.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from threading import RLock

import duckdb

from rdlake.catalog.contract import current_contract
from rdlake.catalog.engine import open_engine
from rdlake.catalog.pinning import Pinned, file_lists, folder_of, repaired_since
from rdlake.catalog.version import Version
from rdlake.schema.sql import identifier, literals
from rdlake.schema.tables import TABLES
from rdlake.store.data_files import DataFile
from rdlake.store.lake import Lake

FEW = 500
"""Up to so many changed values, what follows from them is computed for them alone."""
LONG = ("equity_curves", "factor_ic", "signals")
"""Tables with a row for every day. Even the rows of few values are too many to hold in memory."""


class ChangedValues:
    """Compare the files pinned now with those of the last version, by the values in a column."""

    def __init__(self, lake: Lake, pinned: Pinned, last: Version | None) -> None:
        self._lake, self._now = lake, dict(pinned.files)
        self._contract = current_contract()
        trusted = last is not None and not repaired_since(lake, last)
        self._before = file_lists(lake, last.pinned) if last and trusted else None
        self._known: dict[tuple[str, str], set[str] | None] = {}
        self._lock = RLock()

    def add_view(self, view: str, files: tuple[DataFile, ...]) -> None:
        """Add the files of a view that other views read."""
        self._now[view] = files

    def unchanged(self, tables: Collection[str]) -> bool:
        """Say whether all of these tables consist of the same files as before."""
        before = self._before
        return before is not None and all(
            name in self._now and set(before.get(name, ())) == set(self._now[name])
            for name in tables
        )

    def in_lake(self, by: str) -> set[str] | None:
        """Return the changed values of all tables that have the column, and of the relations that
        lead to it; None when they are not known."""
        tables = {each.name for each in TABLES if each.pinned and by in each.column_names}
        return self.of(tables.union(self._contract.relations.columns.get(by, ())), by)

    def of(self, sources: Collection[str], by: str) -> set[str] | None:
        """Return the changed values of these tables and views; None when they are not known."""
        changed: set[str] = set()
        with self._lock:
            for name in sorted(sources):
                values = self._of_source(name, by)
                if values is None:
                    return None
                changed |= values
        return changed

    def _of_source(self, name: str, by: str) -> set[str] | None:
        if (name, by) not in self._known:
            self._known[name, by] = self._compare(name, by)
        return self._known[name, by]

    def _compare(self, name: str, by: str) -> set[str] | None:
        if self._before is None or name not in self._now:
            return None
        before, now = set(self._before.get(name, ())), set(self._now[name])
        if before == now:
            return set()
        if by not in self._contract.columns_known(name):
            return self._through_workspaces(name, by)
        if not self._readable(name, before ^ now):
            return None
        old, new = self._rows(name, before - now), self._rows(name, now - before)
        if name == "blobs":  # the digest stands for the content, which need not be read
            old, new = (f"SELECT {by} FROM ({rows})" if rows else "" for rows in (old, new))
        if old and new and len({file.columns for file in before ^ now}) == 1:
            differing = f"({old} EXCEPT ALL {new}) UNION ALL ({new} EXCEPT ALL {old})"
            return self._values_in(by, differing)
        return self._values_in(by, " UNION ALL BY NAME ".join(rows for rows in (old, new) if rows))

    def _through_workspaces(self, name: str, by: str) -> set[str] | None:
        """Return the values of the workspaces whose rows changed. Values that a workspace had
        before are in rows of other sources, which changed as well."""
        workspaces = self._workspaces(name)
        if workspaces is None or by == "workspace_id":
            return workspaces
        sources = self._contract.relations.columns.get(by)
        return self._look_up(sources, by, "workspace_id", workspaces) if sources else None

    def _workspaces(self, name: str) -> set[str] | None:
        """Return the workspaces whose rows changed. For shared tables, return the workspaces that
        use a changed row."""
        if shared := self._contract.relations.tables.get(name):
            changed = self._of_source(name, shared.column)
            if changed is None:
                return None
            return self._look_up(shared.used_in, "workspace_id", shared.used_as, changed)
        owned = "workspace_id" in self._contract.columns_known(name)
        return self._of_source(name, "workspace_id") if owned else None

    def _look_up(
        self, sources: Collection[str], by: str, column: str, values: Collection[str]
    ) -> set[str] | None:
        """Return the values of `by` in rows of these sources that have one of `values` in a column;
        None for too many."""
        if len(values) > FEW:
            return None
        found: set[str] = set()
        for rows in [self._rows(each, self._now.get(each, ())) for each in sources]:
            if rows and values:
                more = self._values_in(
                    by, f"SELECT * FROM ({rows}) WHERE {is_one_of(column, values)}"
                )
                if more is None:
                    return None
                found |= more
        return found

    def _values_in(self, by: str, rows: str) -> set[str] | None:
        """Return the values of a column in these rows. None for files that cannot be read: then
        everything is made anew, which names the files that are still needed."""
        query = f"SELECT DISTINCT {identifier(by)} FROM ({rows})"
        try:
            found = self._connection.execute(query).fetchall()
        except duckdb.Error:
            return None
        return {value for (value,) in found if value is not None}

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return open_engine()

    def _readable(self, name: str, files: Collection[DataFile]) -> bool:
        folder = folder_of(self._lake, name)
        return all((folder / each.path).is_file() for each in files)

    def _rows(self, name: str, files: Collection[DataFile]) -> str:
        """Return the query of all rows of these files; an empty text without any."""
        folder = folder_of(self._lake, name)
        paths = literals(str(folder / file.path) for file in files)
        options = "hive_partitioning=false, union_by_name=true"
        return f"SELECT * FROM read_parquet([{paths}], {options})" if files else ""


def is_one_of(column: str, values: Collection[str]) -> str:
    """Return SQL: whether the column has one of these values."""
    return f"{identifier(column)} IN ({literals(sorted(values))})"
