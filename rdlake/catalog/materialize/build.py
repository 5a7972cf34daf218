"""Write the rows of a view as files: what its query returns over the files of a version.

When few values changed since the last version, only their rows are computed; the others are read
from the last version's file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from rdlake.catalog.contract import TABLES_SCHEMA, VIEW_FILES, Contract
from rdlake.catalog.engine import FileLists, engine_door, open_engine, refuse_torn
from rdlake.catalog.materialize.changes import FEW, LONG, ChangedValues, is_one_of
from rdlake.catalog.materialize.partitions import Part, parts_of
from rdlake.catalog.version import Version
from rdlake.schema.sql import identifier, literal, literals
from rdlake.store.data_files import DataFile, list_digest
from rdlake.store.durable import sync_folder, sync_with_sha256, temporary_path, write_durably
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door

FORMAT = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE"
SAME_BYTES = "SET disabled_optimizers = 'statistics_propagation'"
"""With this optimizer the statistics of the files that are read decide which columns are written as
never null. Then the same rows would be other bytes."""
CHANGED_ROWS = "changed_rows"
"""The table of the rows of a view that follow from the changed values."""
OWNER = "workspace_id"
MANY_WORKSPACES = 10 * FEW
"""Up to so many workspaces, sources are restricted to their rows."""


@contextmanager
def open_builder(lake: Lake, version: Version, lists: FileLists) -> Iterator[ViewBuilder]:
    """Open a builder of the version's views over these files of tables and views."""
    tables = {name: files for name, files in lists.items() if name in version.pins}
    with closing(open_engine()) as connection:
        connection.execute(SAME_BYTES)
        connection.execute(f"CREATE SCHEMA {TABLES_SCHEMA}")
        rows = version.contract.row_queries(tables, literal(lake.root.as_posix()))
        yield ViewBuilder(
            lake=lake,
            version=version,
            rows=rows,
            connection=connection,
            lists={name: tuple(files) for name, files in lists.items()},
        )


@dataclass(frozen=True, kw_only=True)
class ViewBuilder:
    """Build the files of a version's views. `rows` are the queries of tables and views; `lists` the
    files of tables, and of the views that are built already."""

    lake: Lake
    version: Version
    rows: Mapping[str, str]
    connection: duckdb.DuckDBPyConnection
    lists: dict[str, tuple[DataFile, ...]]
    cached: dict[str, str] = field(default_factory=dict)
    """The table that holds the rows of a query, by its text."""
    shown: dict[str, str] = field(default_factory=dict)
    """The rows that each view in the connection shows now. To state a view again takes its time."""

    @property
    def contract(self) -> Contract:
        return self.version.contract

    @property
    def folder(self) -> Path:
        return self.lake.root / VIEW_FILES

    def parts(self, view: str) -> list[Part]:
        """Return the parts of a view, in the order of their rows."""
        sources = self.contract.sources[view]
        digests = {name: list_digest(name, self.lists[name]) for name in sources}
        return parts_of(self.version, view, digests)

    def build_files(
        self, view: str, old_files: Mapping[str, DataFile], changes: ChangedValues
    ) -> tuple[DataFile, ...]:
        """Return the files of a view. A part keeps its old file, found by its stem, while nothing
        changed in it. Where few values changed, the rows of other values come from the old file."""
        parts = self.parts(view)
        by = parts[0].by
        usable = {stem: old for stem, old in old_files.items() if is_whole(self.lake, old)}
        # Without `by` the stem is made of the sources' files: an old file of it is right as it is.
        changed = changes.of(self.contract.sources[view], by) if by else set()
        if changed is None:
            usable, changed = {}, set()
        few = len(changed) <= FEW
        if by and changed and few and any(part.stem in usable for part in parts):
            self._compute_changed_rows(view, by, changed)
        files = []
        for part in parts:
            old = usable.get(part.stem)
            if old is None or any(map(part.has, changed)):
                old = self._patch_part(part, old, changed) if old and few else self.build_part(part)
            files.append(old)
        return tuple(files)

    def build_part(self, part: Part) -> DataFile:
        """Write the rows of a part, computed from everything that the view reads."""
        self._show_sources(part.view, part)
        return self._write_part(part, self.rows[part.view])

    def _patch_part(self, part: Part, old: DataFile, changed: Collection[str]) -> DataFile:
        """Write the rows of a part: those of an old file without the changed values, and the rows
        that were computed for these."""
        shown_by = self.contract.views[part.view].settings.shown_by
        assert shown_by
        old_rows = f"SELECT * FROM {_read_files([self.folder / old.path])}"
        return self._write_part(
            part,
            f"{old_rows} WHERE NOT {is_one_of(shown_by, changed)}"
            f" UNION ALL SELECT * FROM {CHANGED_ROWS} WHERE {part.condition(shown_by)}",
        )

    def _write_part(self, part: Part, rows: str) -> DataFile:
        """Write rows in the order of the view's key. The file's name says what they follow from and
        what is in it."""
        settings = self.contract.views[part.view].settings
        order = ", ".join(map(identifier, settings.key))
        with storage_door(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.lake.catalogs_folder)
        with temporary_path(self.folder, ".parquet") as path:
            with engine_door(self.lake, self.version.catalog_version, path):
                target = f"{literal(str(path))} ({FORMAT} {settings.group})"
                self.connection.execute(f"COPY (FROM ({rows}) ORDER BY {order}) TO {target}")
            with storage_door(path):
                metadata, length = pq.read_metadata(path), path.stat().st_size
                digest = sync_with_sha256(path)
                name = f"{part.stem}{digest[:8]}.parquet"
                write_durably(path, self.folder / name)
        return DataFile(
            path=name,
            size=length,
            sha256=digest,
            rows=metadata.num_rows,
            columns=metadata.num_columns,
        )

    def _compute_changed_rows(self, view: str, by: str, changed: Collection[str]) -> None:
        """Compute the rows of the view that follow from these values."""
        self._show_sources(view, (by, changed))
        with engine_door(self.lake, self.version.catalog_version, self.folder):
            query = f"CREATE OR REPLACE TEMP TABLE {CHANGED_ROWS} AS ({self.rows[view]})"
            self.connection.execute(query)

    def _show_sources(self, view: str, only: Part | tuple[str, Collection[str]]) -> None:
        """Let the view's query read only rows of a part, or of these values of a column."""
        sources, number = self.contract.sources[view], self.version.catalog_version
        refuse_torn(self.lake, number, {name: self.lists[name] for name in sources})
        with engine_door(self.lake, number, self.folder):
            workspaces = None if isinstance(only, Part) else self._workspaces_of(*only)
            for name in sources:
                is_view = name in self.contract.materialized
                shown = identifier(name) if is_view else f"{TABLES_SCHEMA}.{name}"
                rows = f"SELECT * FROM ({self._rows_of(name)})"
                rows += _restriction(self.contract.columns_known(name), only, workspaces)
                if not isinstance(only, Part) and only[0] == OWNER and name not in LONG:
                    rows = self._cache_rows(rows)
                if self.shown.get(shown) != rows:
                    self.connection.execute(f"CREATE OR REPLACE VIEW {shown} AS {rows}")
                    self.shown[shown] = rows

    def _cache_rows(self, rows: str) -> str:
        """Return the query of the same rows in a table, read once for all views that need them."""
        if rows not in self.cached:
            self.cached[rows] = f"cached_{len(self.cached)}"
            self.connection.execute(f"CREATE TABLE {self.cached[rows]} AS {rows}")
        return f"SELECT * FROM {self.cached[rows]}"

    def _workspaces_of(self, by: str, values: Collection[str]) -> set[str] | None:
        """Return the workspaces that have one of these values; None for too many, or when no
        relation leads to them."""
        sources = self.contract.relations.columns.get(by)
        if sources is None:
            return None
        found: set[str] = set()
        for name in sources:
            rows = f"FROM ({self._rows_of(name)}) WHERE {is_one_of(by, values)}"
            query = f"SELECT DISTINCT {OWNER} {rows} LIMIT {MANY_WORKSPACES + 1}"
            found |= {each for (each,) in self.connection.execute(query).fetchall() if each}
        return found if len(found) <= MANY_WORKSPACES else None

    def _rows_of(self, name: str) -> str:
        """Return the query of all rows of a table, or of a view that is built already."""
        if name in self.contract.materialized:
            return f"SELECT * FROM {_read_files([self.folder / f.path for f in self.lists[name]])}"
        return self.rows[name]


def is_whole(lake: Lake, file: DataFile) -> bool:
    """Say whether a file of a view is there with all its bytes."""
    path = lake.root / VIEW_FILES / file.path
    return path.is_file() and path.stat().st_size == file.size


def _restriction(
    columns: Collection[str],
    only: Part | tuple[str, Collection[str]],
    workspaces: Collection[str] | None,
) -> str:
    """Return SQL that restricts the rows of a source with these columns."""
    if isinstance(only, Part):
        if only.by is None or only.by not in columns or only.is_whole:
            return ""
        return f" WHERE {only.condition(only.by)}"
    by, values = only
    if by in columns:
        return f" WHERE {is_one_of(by, values)}"
    if OWNER in columns and workspaces is not None:
        wanted = f"SELECT unnest([{literals(sorted(workspaces))}]::VARCHAR[]) AS wanted"
        return f" SEMI JOIN ({wanted}) ON wanted = {OWNER}"  # faster than IN for many workspaces
    return ""


def _read_files(paths: Sequence[Path]) -> str:
    return f"read_parquet([{literals(map(str, paths))}], hive_partitioning=false)"
