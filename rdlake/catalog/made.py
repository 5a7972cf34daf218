"""Views whose rows are worked out once, when published, and kept as files beside the catalogs.

The contract does not show the difference: such a view reads its file, another one the tables.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import duckdb
import pyarrow.parquet as pq

from rdlake.catalog.contract import MADE, TABLES_SCHEMA, definitions, keys, over_files
from rdlake.catalog.engine import Lists, engine_door, refuse_torn
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

__all__ = ["lost_rows", "make_again", "recover_views", "with_views"]

PACKED = "(FORMAT parquet, COMPRESSION snappy)"
_TABLE = re.compile(rf"\b{TABLES_SCHEMA}\.(\w+)")


def with_views(lake: Lake, version: Version, pinned: Pinned, last: Version | None) -> Pinned:
    """The same with every view that the version's SQL has made when published. One whose definition
    and tables are those of the last version keeps its file."""
    before = file_lists(lake, last.views) if last else {}
    files: dict[str, tuple[DataFile, ...]] = {}
    fresh: dict[str, tuple[DataFile, ...]] = {}
    for view in definitions(version.sql):
        stem = _stem(version, view)
        kept = before.get(view, ())
        if any(each.path.startswith(stem) and _whole(lake, each) for each in kept):
            files[view] = kept
        else:
            files[view] = fresh[view] = (_made(lake, version, view, pinned.files),)
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
    for view in views:
        _made(lake, version, view, file_lists(lake, version.tables))


def recover_views(lake: Lake, versions: Collection[Version]) -> None:
    """Record lost lists of views' files again, where making these again proves them."""
    lost = {pin.file_list for pin in lost_lists(lake, versions)}
    for version in versions:
        for pin in version.views:
            if pin.file_list in lost:
                with suppress(DamagedLake):
                    made = _made(lake, version, pin.name, file_lists(lake, version.tables))
                    if list_digest(pin.name, [made]) == pin.file_list:
                        lake.record_files({pin.name: [made]})


def _stem(version: Version, view: str) -> str:
    """How the name of its file begins: with a digest of what the rows follow from, the query and
    the files of the tables it reads."""
    query = definitions(version.sql)[view]
    files = [version.pins[name].file_list for name in sorted(set(_TABLE.findall(query)))]
    return f"{view}-{sha256(repr((query, files)).encode()).hexdigest()[:16]}-"


def _made(lake: Lake, version: Version, view: str, lists: Lists) -> DataFile:
    """The view's rows, sorted by its key, as a file on disk, named by where they come from and by
    what is in it."""
    tables = {pin.name: lists[pin.name] for pin in version.tables}
    refuse_torn(lake, version.catalog_version, tables)
    folder = lake.root / MADE
    passing = folder / f".{uuid4().hex}.parquet"
    with storage_door(folder):
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(lake.catalogs_folder)
    try:
        with engine_door(lake, version.catalog_version, passing):
            _write(over_files(version.sql, tables, literal(lake.root.as_posix())), view, passing)
        with storage_door(passing):
            told, size = pq.read_metadata(passing), passing.stat().st_size
            digest = sync_with_sha256(passing)
            name = f"{_stem(version, view)}{digest[:8]}.parquet"
            write_durably(passing, folder / name)
    finally:
        with suppress(OSError):  # what will not go is taken by upkeep
            remove_quietly(passing)
    return DataFile(name, size, digest, told.num_rows, told.num_columns)


def _write(sql: str, view: str, path: Path) -> None:
    """The rows that the view's own query gives, without the rest of the contract."""
    query = definitions(sql)[view]
    order = ", ".join(map(identifier, keys(sql)[view]))
    with closing(duckdb.connect()) as connection:
        connection.execute(f"CREATE SCHEMA {TABLES_SCHEMA}")
        for name in set(_TABLE.findall(query)):
            connection.execute(_created(sql, name))
        connection.execute(
            f"COPY (FROM ({query}) ORDER BY {order}) TO {literal(str(path))} {PACKED}"
        )


def _created(sql: str, name: str) -> str:
    """The statement that makes the view of one table."""
    start = sql.index(f"CREATE VIEW {TABLES_SCHEMA}.{name} AS")
    return sql[start : sql.index(f"COMMENT ON VIEW {TABLES_SCHEMA}.{name} IS", start)]


def _whole(lake: Lake, file: DataFile) -> bool:
    path = lake.root / MADE / file.path
    return path.is_file() and path.stat().st_size == file.size
