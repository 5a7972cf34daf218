"""Write a catalog version as one DuckDB file that any DuckDB from 1.2 on can attach.

The file needs no extension and can be moved: each Parquet file is read below the root that a
session variable names, otherwise below the root at the time of rendering.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from rdlake.catalog.contract import ROWS_SCHEMA
from rdlake.catalog.engine import FileLists, engine_door, open_engine, refuse_torn
from rdlake.catalog.file_faults import CURRENT, find_fault
from rdlake.catalog.materialize.schedule import find_lost_views, rebuild_views
from rdlake.catalog.pinning import file_lists
from rdlake.catalog.template import ALIAS, VERSIONS, find_template, version_columns
from rdlake.catalog.version import Version, file_name, find_version, history, last_number
from rdlake.errors import DamagedLake
from rdlake.schema.frames import frame_of
from rdlake.schema.sql import literal
from rdlake.schema.tables import table
from rdlake.store.durable import (
    remove_quietly,
    sync,
    sync_folder,
    temporary_path,
    write_durably,
)
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door


@contextlib.contextmanager
def draft(
    lake: Lake, versions: Sequence[Version], files: FileLists, reuse_from: Lake | None = None
) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
    """Yield the last of `versions` as a finished file under a temporary name, and a connection to
    it. Take what another lake already has of it from there.

    The file is removed at the end unless it was moved to its own name. DamagedLake when a pinned
    file cannot be read, StorageFailed when this one cannot be written.
    """
    with storage_door(lake.catalogs_folder):
        lake.catalogs_folder.mkdir(exist_ok=True)
    with temporary_path(lake.catalogs_folder, ".duckdb") as path:
        try:
            with (
                engine_door(lake, versions[-1].catalog_version, path),
                contextlib.closing(open_engine()) as connection,
            ):
                with storage_door(path):
                    shutil.copyfile(find_template(lake, versions[-1].sql, reuse_from), path)
                _fill(connection, path, lake, versions, files)
                connection.execute(f"DETACH {ALIAS}")
                connection.execute(f"ATTACH {literal(str(path))} AS {ALIAS} (READ_ONLY)")
                connection.execute(f"USE {ALIAS}")
                yield path, connection
        finally:
            _discard(_wal(path))


def render_version(lake: Lake, version: Version) -> Path:
    """Return the version's file. Render it again from its row when it was pruned or is not that
    version, and build lost files of its views again. DamagedLake when the row was changed."""
    target = lake.catalogs_folder / version.file_name
    fault, lost = find_fault(target, version), find_lost_views(lake, version)
    if (fault or lost) and version.digest != version.computed_digest():
        raise DamagedLake.table(
            lake.folder("catalogs"),
            f"the row of version {version.catalog_version} was changed",
            "read another version: rdlake catalogs verify tells which are whole",
        )
    rebuild_views(lake, version, lost)
    if fault:
        until = [each for each in history(lake) if each.catalog_version <= version.catalog_version]
        with draft(lake, until, file_lists(lake, version.pinned)) as (path, _):
            write_durably(path, target)
    return target


def place_current(lake: Lake) -> Path | None:
    """Make catalog.duckdb the newest version; None where an open file cannot be replaced."""
    target = lake.root / CURRENT
    while True:
        number = last_number(lake)
        source = lake.catalogs_folder / file_name(number)
        if not source.exists():
            render_version(lake, find_version(lake, number))
        with storage_door(target):
            if not _copy_over(source, target):
                return None
        if last_number(lake) == number:
            return target


def root_expression(lake: Lake) -> str:
    """Return SQL for the lake's root: the variable of this lake, that of any lake, else the path
    when it was rendered."""
    names = (f"lake_root_{lake.lake_id[:8]}", "lake_root")
    variables = ", ".join(f"getvariable({literal(name)})" for name in names)
    return f"coalesce({variables}, {literal(lake.root.as_posix())})"


def _fill(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    lake: Lake,
    versions: Sequence[Version],
    lists: FileLists,
) -> None:
    """Give the contract at `path` the rows of the last version."""
    version = versions[-1]
    refuse_torn(lake, version.catalog_version, lists)
    connection.execute(f"ATTACH {literal(str(path))} AS {ALIAS}; USE {ALIAS}; BEGIN")
    rows = version.contract.row_queries(lists, root_expression(lake))
    for name, query in rows.items():
        connection.execute(f"CREATE OR REPLACE MACRO {ROWS_SCHEMA}.{name}() AS TABLE {query}")
    _fill_versions(connection, versions)
    connection.execute(f"COMMIT; USE memory; CHECKPOINT {ALIAS}")


def _fill_versions(connection: duckdb.DuckDBPyConnection, versions: Sequence[Version]) -> None:
    """Write the versions so far as constants: the only rows that lie in the file itself."""
    names = [each.name for each in version_columns()]
    rows = [{name: getattr(version, name) for name in names} for version in versions]
    connection.register("versions", frame_of(table("catalogs"), rows).select(names).to_arrow())
    connection.execute(f"INSERT INTO {VERSIONS} FROM versions")
    connection.unregister("versions")


def _copy_over(source: Path, target: Path) -> bool:
    """Give `target` the content of `source`; False where an open file cannot be replaced."""
    with temporary_path(target.parent, ".duckdb") as path:
        if not _same_content(source, target):
            shutil.copyfile(source, path)
        return _replace(path, target)


def _replace(path: Path, target: Path) -> bool:
    # Without a new file the target is right already. The rest of the steps may still be missing
    # when an earlier process was stopped between them.
    is_new = path.exists()
    if is_new:
        sync(path)
    try:
        remove_quietly(_wal(target))
        if is_new:
            path.replace(target)
    except PermissionError:
        return False
    sync_folder(target.parent)
    return True


def _discard(path: Path) -> None:
    """Remove a temporary file. One that cannot be removed does no harm: upkeep removes it a day
    later."""
    with contextlib.suppress(OSError):
        path.unlink()


def _same_content(one: Path, other: Path) -> bool:
    try:
        return one.read_bytes() == other.read_bytes()
    except FileNotFoundError:
        return False


def _wal(path: Path) -> Path:
    """Return the log that DuckDB would replay over a file; only a writer leaves one behind."""
    return path.with_name(path.name + ".wal")
