"""The rows of views as files in the making: what a view's own query gives over a version's files.

Of many rows few moved since the last version: these are asked for alone, the others taken from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import duckdb
import pyarrow.parquet as pq

from rdlake.catalog.contract import (
    MADE,
    TABLES_SCHEMA,
    By,
    definitions,
    group_sizes,
    keys,
    row_queries,
    sources,
    telling,
)
from rdlake.catalog.engine import Lists, engine, engine_door, refuse_torn
from rdlake.catalog.materialize.changes import FEW, LONG, TOLD_BY, Moves, within
from rdlake.catalog.materialize.partitions import Part, parts_of
from rdlake.catalog.version import Version
from rdlake.schema.sql import identifier, literal
from rdlake.store.data_files import DataFile, list_digest
from rdlake.store.durable import remove_quietly, sync_folder, sync_with_sha256, write_durably
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door

PACKED = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE"
GROUP_SIZE = 8192
"""Small groups of rows, so that a look-up by key reads little."""
SAME_BYTES = "SET disabled_optimizers = 'statistics_propagation'"
"""Else what is known of the files that are read decides which columns are written as never null."""
NEWS = "news"
"""The rows of a view that follow from what moved."""
OWNER = "workspace_id"
TOLD = 10 * FEW
"""Up to so many workspaces, rows are asked for of these alone."""


@contextmanager
def making(lake: Lake, version: Version, lists: Lists) -> Iterator[Making]:
    """What makes files of the version's views, of these files of tables and views."""
    tables = {name: files for name, files in lists.items() if name in version.pins}
    with closing(engine()) as connection:
        connection.execute(SAME_BYTES)
        connection.execute(f"CREATE SCHEMA {TABLES_SCHEMA}")
        rows = row_queries(version.sql, tables, literal(lake.root.as_posix()))
        yield Making(lake, version, rows, connection, {k: tuple(v) for k, v in lists.items()})


@dataclass(frozen=True)
class Making:
    """Files of views' rows in the making. `rows` are the queries of tables and views; `lists` the
    files of tables, and of the views that are made already."""

    lake: Lake
    version: Version
    rows: Mapping[str, str]
    connection: duckdb.DuckDBPyConnection
    lists: dict[str, tuple[DataFile, ...]]
    held: dict[str, str] = field(default_factory=dict)

    def parts(self, view: str) -> list[Part]:
        needs = sources(self.version.sql)[view]
        digests = {name: list_digest(name, self.lists[name]) for name in needs}
        return parts_of(self.version, view, digests)

    def files_of(
        self, view: str, kept: Mapping[str, DataFile], moves: Moves
    ) -> tuple[DataFile, ...]:
        """The files of a view: a part's old one, by its stem in `kept`, while nothing moved in it;
        where few moved, all other rows are taken from that."""
        parts = self.parts(view)
        there = {stem: old for stem, old in kept.items() if is_whole(self.lake, old)}
        by = parts[0].by
        if by is None:  # the stem tells whether anything moved
            return tuple(there.get(part.stem) or self.made(part) for part in parts)
        moved = moves.of(sources(self.version.sql)[view], by.column)
        if moved is None:
            return tuple(self.made(part) for part in parts)
        if 0 < len(moved) <= FEW and any(part.stem in there for part in parts):
            self._ask(view, by, moved)
        files = []
        for part in parts:
            old = there.get(part.stem)
            if not old or not any(map(part.has, moved)):
                files.append(old or self.made(part))
            else:
                files.append(self.made(part, (old, moved) if len(moved) <= FEW else None))
        return tuple(files)

    def made(self, part: Part, patch: tuple[DataFile, Collection[str]] | None = None) -> DataFile:
        """The part's rows, sorted by the view's key, as a file on disk, named by where they come
        from and by what is in it. With `patch` they are the news and, but for those of some
        values, the rows of an old file."""
        if patch:
            rows = self._patched(part, *patch)
        else:
            self._show(part.view, part)
            rows = self.rows[part.view]
        order = ", ".join(map(identifier, keys(self.version.sql)[part.view]))
        folder = self.lake.root / MADE
        passing = folder / f".{uuid4().hex}.parquet"
        with storage_door(folder):
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.lake.catalogs_folder)
        try:
            with engine_door(self.lake, self.version.catalog_version, passing):
                size = group_sizes(self.version.sql).get(part.view, GROUP_SIZE)
                target = f"{literal(str(passing))} ({PACKED} {size})"
                self.connection.execute(f"COPY (FROM ({rows}) ORDER BY {order}) TO {target}")
            with storage_door(passing):
                told, length = pq.read_metadata(passing), passing.stat().st_size
                digest = sync_with_sha256(passing)
                name = f"{part.stem}{digest[:8]}.parquet"
                write_durably(passing, folder / name)
        finally:
            with suppress(OSError):  # what will not go is taken by upkeep
                remove_quietly(passing)
        return DataFile(name, length, digest, told.num_rows, told.num_columns)

    def _patched(self, part: Part, old: DataFile, moved: Collection[str]) -> str:
        """The query of an old file's rows, but those of the values that moved, and of the news."""
        assert part.by
        shown = part.by.shown
        kept = f"SELECT * FROM {_read([self.lake.root / MADE / old.path])}"
        return (
            f"{kept} WHERE NOT {within(shown, moved)}"
            f" UNION ALL SELECT * FROM {NEWS} WHERE {part.condition(shown)}"
        )

    def _ask(self, view: str, by: By, moved: Collection[str]) -> None:
        """Make the news: the rows of the view that follow from these values."""
        self._show(view, (by, moved))
        with engine_door(self.lake, self.version.catalog_version, self.lake.root / MADE):
            query = f"CREATE OR REPLACE TEMP TABLE {NEWS} AS ({self.rows[view]})"
            self.connection.execute(query)

    def _show(self, view: str, only: Part | tuple[By, Collection[str]]) -> None:
        """Let the view's query see such rows of its sources alone."""
        needs, number = sources(self.version.sql)[view], self.version.catalog_version
        refuse_torn(self.lake, number, {name: self.lists[name] for name in needs})
        with engine_door(self.lake, number, self.lake.root / MADE):
            theirs = None if isinstance(only, Part) else self._workspaces(*only)
            for name in needs:
                is_made = name in definitions(self.version.sql)
                shown = identifier(name) if is_made else f"{TABLES_SCHEMA}.{name}"
                rows = f"SELECT * FROM ({self._rows(name)})"
                rows += _seen(telling(self.version.sql, name), only, theirs)
                if not isinstance(only, Part) and only[0].column == OWNER and name not in LONG:
                    rows = self._held(rows)
                self.connection.execute(f"CREATE OR REPLACE VIEW {shown} AS {rows}")

    def _held(self, rows: str) -> str:
        """The query of the same rows, read once for all views that ask for them."""
        if rows not in self.held:
            self.held[rows] = f"held_{len(self.held)}"
            self.connection.execute(f"CREATE TABLE {self.held[rows]} AS {rows}")
        return f"SELECT * FROM {self.held[rows]}"

    def _workspaces(self, by: By, values: Collection[str]) -> set[str] | None:
        """Which workspaces have one of these values, if they are not many."""
        found: set[str] = set()
        for name in TOLD_BY.get(by.column, ()):
            rows = f"FROM ({self._rows(name)}) WHERE {within(by.column, values)}"
            told = self.connection.execute(f"SELECT DISTINCT workspace_id {rows} LIMIT {TOLD + 1}")
            found |= {each for (each,) in told.fetchall() if each is not None}
        return found if by.column in TOLD_BY and len(found) <= TOLD else None

    def _rows(self, name: str) -> str:
        """The query of all rows of a table, or of a view that is made already."""
        if name in definitions(self.version.sql):
            paths = [self.lake.root / MADE / file.path for file in self.lists[name]]
            return f"SELECT * FROM {_read(paths)}"
        return self.rows[name]


def is_whole(lake: Lake, file: DataFile) -> bool:
    path = lake.root / MADE / file.path
    return path.is_file() and path.stat().st_size == file.size


def _seen(
    columns: Collection[str],
    only: Part | tuple[By, Collection[str]],
    workspaces: Collection[str] | None,
) -> str:
    """SQL: which rows of a source are seen."""
    if isinstance(only, Part):
        has = only.by and only.by.column in columns
        return f" WHERE {only.condition(only.by.column)}" if only.by and has else ""
    by, values = only
    if by.column in columns:
        return f" WHERE {within(by.column, values)}"
    if OWNER in columns and workspaces is not None:
        listed = ", ".join(map(literal, sorted(workspaces)))
        told = f"SELECT unnest([{listed}]::VARCHAR[]) AS told"
        return f" SEMI JOIN ({told}) ON told = {OWNER}"  # in many rows it finds some faster than IN
    return ""


def _read(paths: Sequence[Path]) -> str:
    listed = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning=false)"
