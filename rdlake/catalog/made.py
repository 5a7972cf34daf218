"""Views whose rows are worked out once, when published, and kept as files beside the catalogs.

The contract does not show the difference: such a view reads its file, another one the tables.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from uuid import uuid4

import duckdb
import pyarrow.parquet as pq

from rdlake.catalog.contract import MADE, TABLES_SCHEMA, definitions, keys, over_files
from rdlake.catalog.engine import Lists, engine_door, refuse_torn
from rdlake.catalog.moves import FEW, Moves, within
from rdlake.catalog.parts import SUFFIX, Part, parts_of
from rdlake.catalog.pins import Pinned, file_lists, lost_lists
from rdlake.catalog.version import Pin, Version
from rdlake.datafiles import (
    DataFile,
    list_digest,
    remove_quietly,
    sync_folder,
    sync_with_sha256,
    write_durably,
)
from rdlake.errors import DamagedLake
from rdlake.lake import Lake
from rdlake.quoting import identifier, literal
from rdlake.storage import storage_door

__all__ = ["lost_rows", "make_again", "read_by", "recover_views", "with_views"]

PACKED = "(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 8192)"
"""Small groups of rows, so that a look-up by key reads little."""
SAME_BYTES = "SET disabled_optimizers = 'statistics_propagation'"
"""Else what is known of the files that are read decides which columns are written as never null."""
_TABLE = re.compile(rf"\b{TABLES_SCHEMA}\.(\w+)")


def with_views(
    lake: Lake,
    version: Version,
    pinned: Pinned,
    last: Version | None,
    moves: Moves,
    taken: Lists,
) -> Pinned:
    """The same with every view that the version's SQL has made when published. What follows from
    the same query and the same rows of tables as in the last version keeps its file; where few
    rows moved, the others are taken from it. Of views that are `taken` the files are there."""
    before = file_lists(lake, last.views) if last else {}
    files: dict[str, tuple[DataFile, ...]] = {}
    with _making(lake, version, pinned.files) as making:
        for view in definitions(version.sql):
            kept = {each.path[: -len(SUFFIX)]: each for each in before.get(view, ())}
            files[view] = tuple(taken.get(view, ())) or tuple(
                making.kept_or_made(part, kept.get(part.stem), moves)
                for part in parts_of(version, view)
            )
    fresh = {view: each for view, each in files.items() if each != before.get(view)}
    views = {
        view: Pin(view, None, sum(file.rows for file in each), list_digest(view, each))
        for view, each in files.items()
    }
    return Pinned(pinned.pins, views, {**pinned.files, **files}, {**pinned.fresh, **fresh})


def lost_rows(lake: Lake, version: Version) -> list[str]:
    """The version's views whose files are not there whole."""
    return [
        view
        for view, files in file_lists(lake, version.views).items()
        if not all(_whole(lake, file) for file in files)
    ]


def make_again(lake: Lake, version: Version, views: Collection[str]) -> None:
    """Make the files of these views again from the version's tables; one that does not come out as
    it was published gets another name and stays lost."""
    there = file_lists(lake, version.views)
    with _making(lake, version, file_lists(lake, version.tables)) as making:
        for part in chain(*(parts_of(version, view) for view in views)):
            if not any(
                each.path.startswith(part.stem) and _whole(lake, each) for each in there[part.view]
            ):
                making.made(part)


def recover_views(lake: Lake, versions: Collection[Version]) -> None:
    """Record lost lists of views' files again, where making these again proves them."""
    lost = {pin.file_list for pin in lost_lists(lake, versions)}
    for version in versions:
        for pin in version.views:
            if pin.file_list in lost:
                with suppress(DamagedLake):
                    lists = file_lists(lake, version.tables)
                    with _making(lake, version, lists) as making:
                        made = [making.made(part) for part in parts_of(version, pin.name)]
                    if list_digest(pin.name, made) == pin.file_list:
                        lake.record_files({pin.name: made})


@contextmanager
def _making(lake: Lake, version: Version, lists: Lists) -> Iterator[_Making]:
    """What makes files of the version's tables, of these files."""
    tables = {pin.name: lists[pin.name] for pin in version.tables}
    with closing(duckdb.connect()) as connection:
        connection.execute(SAME_BYTES)
        connection.execute(f"CREATE SCHEMA {TABLES_SCHEMA}")
        sql = over_files(version.sql, tables, literal(lake.root.as_posix()))
        yield _Making(lake, version, tables, sql, connection)


@dataclass(frozen=True)
class _Making:
    """Files of views' rows in the making. `sql` is the version's, over the files of its tables."""

    lake: Lake
    version: Version
    tables: Lists
    sql: str
    connection: duckdb.DuckDBPyConnection

    def kept_or_made(self, part: Part, old: DataFile | None, moves: Moves) -> DataFile:
        """The part's old file while nothing moved in it; of few that moved, the others' rows are
        taken from it."""
        if not old or not _whole(self.lake, old):
            return self.made(part)
        if part.by is None:  # its stem tells that nothing moved
            return old
        moved = moves.of(read_by(self.sql, part.view), part.by.column)
        if moved is None:
            return self.made(part)
        here = {value for value in moved if part.has(value)}
        if not here:
            return old
        return self.made(part, (old, here) if len(here) <= FEW else None)

    def made(self, part: Part, patch: tuple[DataFile, Collection[str]] | None = None) -> DataFile:
        """The part's rows, sorted by the view's key, as a file on disk, named by where they come
        from and by what is in it; with the rows of an old file but those of some values."""
        number, folder = self.version.catalog_version, self.lake.root / MADE
        refuse_torn(self.lake, number, self.tables)
        passing = folder / f".{uuid4().hex}.parquet"
        with storage_door(folder):
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.lake.catalogs_folder)
        try:
            with engine_door(self.lake, number, passing):
                self._write(part, passing, patch)
            with storage_door(passing):
                told, size = pq.read_metadata(passing), passing.stat().st_size
                digest = sync_with_sha256(passing)
                name = f"{part.stem}{digest[:8]}.parquet"
                write_durably(passing, folder / name)
        finally:
            with suppress(OSError):  # what will not go is taken by upkeep
                remove_quietly(passing)
        return DataFile(name, size, digest, told.num_rows, told.num_columns)

    def _write(
        self, part: Part, path: Path, patch: tuple[DataFile, Collection[str]] | None
    ) -> None:
        """The rows that the view's own query gives, without the rest of the contract."""
        query = rows = definitions(self.sql)[part.view]
        order = ", ".join(map(identifier, keys(self.sql)[part.view]))
        only = None
        if patch and part.by:
            old, only = patch
            source = literal(str(self.lake.root / MADE / old.path))
            kept = f"SELECT * FROM read_parquet({source}, hive_partitioning=false)"
            rows = f"{kept} WHERE NOT {within(part.by.shown, only)} UNION ALL ({query})"
        for name in sorted(read_by(self.sql, part.view)):
            self.connection.execute(part.rows_of(name, _rows_of(self.sql, name), only))
        target = f"{literal(str(path))} {PACKED}"
        self.connection.execute(f"COPY (FROM ({rows}) ORDER BY {order}) TO {target}")


def read_by(sql: str, view: str) -> set[str]:
    """The tables that the view's own query reads."""
    return set(_TABLE.findall(definitions(sql)[view]))


def _rows_of(sql: str, name: str) -> str:
    """The query of the view of one table."""
    head = f"CREATE VIEW {TABLES_SCHEMA}.{name} AS\n"
    start = sql.index(head) + len(head)
    end = sql.index(f";\nCOMMENT ON VIEW {TABLES_SCHEMA}.{name} IS", start)
    return sql[start:end]


def _whole(lake: Lake, file: DataFile) -> bool:
    path = lake.root / MADE / file.path
    return path.is_file() and path.stat().st_size == file.size
