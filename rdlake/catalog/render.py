"""A catalog version as one DuckDB file that any DuckDB from 1.2 on can attach, without extension.

Relocatable: each file is read below the root that a session variable names, else below the root
at the time of rendering.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import duckdb

from rdlake.catalog.contract import ROWS_SCHEMA, row_queries
from rdlake.catalog.engine import Lists, engine, engine_door, refuse_torn
from rdlake.catalog.file_faults import CURRENT, says
from rdlake.catalog.materialize.schedule import lost_rows, make_again
from rdlake.catalog.pinning import file_lists
from rdlake.catalog.template import ALIAS, VERSIONS, blank, columns_told
from rdlake.catalog.version import Version, file_name, history, last_number, numbered
from rdlake.errors import DamagedLake
from rdlake.schema.frames import frame_of
from rdlake.schema.sql import literal
from rdlake.schema.tables import table
from rdlake.store.durable import remove_quietly, sync, sync_folder, write_durably
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door


@contextlib.contextmanager
def draft(
    lake: Lake, versions: Sequence[Version], files: Lists, beside: Lake | None = None
) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
    """The last of `versions` as a finished file under a passing name, open for looking at it. What
    a lake `beside` has of it already is taken from there.

    The file is removed at the end unless it was moved to its own name. DamagedLake when a pinned
    file cannot be read, StorageFailed when this one cannot be written.
    """
    path = lake.catalogs_folder / f".{uuid4().hex}.duckdb"
    with storage_door(path):
        path.parent.mkdir(exist_ok=True)
    try:
        with (
            engine_door(lake, versions[-1].catalog_version, path),
            contextlib.closing(engine()) as connection,
        ):
            with storage_door(path):
                shutil.copyfile(blank(lake, versions[-1].sql, beside), path)
            _fill(connection, path, lake, versions, files)
            connection.execute(f"DETACH {ALIAS}")
            connection.execute(f"ATTACH {literal(str(path))} AS {ALIAS} (READ_ONLY)")
            connection.execute(f"USE {ALIAS}")
            yield path, connection
    finally:
        _discard(path)
        _discard(_wal(path))


def rendered(lake: Lake, version: Version) -> Path:
    """The version's file, made again from its row when it was pruned or is not that version, and so
    are lost rows of its views. DamagedLake when the row is not what was published."""
    target = lake.catalogs_folder / version.file_name
    wrong, lost = says(target, version), lost_rows(lake, version)
    if (wrong or lost) and version.digest != version.computed_digest():
        raise DamagedLake.table(
            lake.folder("catalogs"),
            f"the row of version {version.catalog_version} was changed",
            "read another version: rdlake catalogs verify tells which are whole",
        )
    make_again(lake, version, lost)
    if wrong:
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
            rendered(lake, numbered(lake, number))
        with storage_door(target):
            if not _replaced(source, target):
                return None
        if last_number(lake) == number:
            return target


def root_expression(lake: Lake) -> str:
    """SQL for the lake's root: the variable of this lake, of any lake, else the root as it is."""
    names = (f"lake_root_{lake.lake_id[:8]}", "lake_root")
    variables = ", ".join(f"getvariable({literal(name)})" for name in names)
    return f"coalesce({variables}, {literal(lake.root.as_posix())})"


def _fill(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    lake: Lake,
    versions: Sequence[Version],
    lists: Lists,
) -> None:
    """Give the contract at `path` the rows of the last version."""
    version = versions[-1]
    refuse_torn(lake, version.catalog_version, lists)
    connection.execute(f"ATTACH {literal(str(path))} AS {ALIAS}; USE {ALIAS}; BEGIN")
    rows = row_queries(version.sql, lists, root_expression(lake))
    for name, query in rows.items():
        connection.execute(f"CREATE OR REPLACE MACRO {ROWS_SCHEMA}.{name}() AS TABLE {query}")
    _fill_versions(connection, versions)
    connection.execute(f"COMMIT; USE memory; CHECKPOINT {ALIAS}")


def _fill_versions(connection: duckdb.DuckDBPyConnection, versions: Sequence[Version]) -> None:
    """The versions so far, as constants: the only rows that lie in the file itself."""
    names = [each.name for each in columns_told()]
    rows = [{name: getattr(version, name) for name in names} for version in versions]
    connection.register("versions", frame_of(table("catalogs"), rows).select(names).to_arrow())
    connection.execute(f"INSERT INTO {VERSIONS} FROM versions")
    connection.unregister("versions")


def _replaced(source: Path, target: Path) -> bool:
    """Give `target` the content of `source`; False where an open file cannot be replaced."""
    passing = target.with_name(f".{uuid4().hex}.duckdb")
    try:
        if not _same_content(source, target):
            shutil.copyfile(source, passing)
        return _took_place(passing, target)
    finally:
        _discard(passing)


def _took_place(passing: Path, target: Path) -> bool:
    there = passing.exists()  # else whoever put it there may have been stopped before the last step
    if there:
        sync(passing)
    try:
        remove_quietly(_wal(target))
        if there:
            passing.replace(target)
    except PermissionError:
        return False
    sync_folder(target.parent)
    return True


def _discard(path: Path) -> None:
    """Remove a passing file. One that will not go harms nobody: upkeep takes it a day later."""
    with contextlib.suppress(OSError):
        path.unlink()


def _same_content(one: Path, other: Path) -> bool:
    try:
        return one.read_bytes() == other.read_bytes()
    except FileNotFoundError:
        return False


def _wal(path: Path) -> Path:
    """What DuckDB would replay over the file; only somebody who wrote to it leaves one."""
    return path.with_name(path.name + ".wal")
