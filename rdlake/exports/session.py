"""Open one version to export all its rows in the order of their keys."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from rdlake.catalog.engine import engine_door
from rdlake.catalog.time_travel import connect
from rdlake.catalog.version import Version, find_version, newest
from rdlake.schema.sql import identifier, literal
from rdlake.store.durable import write_durably
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door

MEMORY = "400MB"
"""DuckDB moves what exceeds this to disk while it sorts."""
PASSING, DAY = ".rdlake-export-", 86_400


@dataclass(frozen=True)
class ExportedFile:
    """Describe one file that was written."""

    path: Path
    rows: int


@dataclass(frozen=True)
class ExportSession:
    """Read the rows of a version's views; files are written to `staging` first."""

    version: Version
    connection: duckdb.DuckDBPyConnection
    staging: Path

    @property
    def views(self) -> list[str]:
        """Return the names of the views."""
        return sorted(self.version.contract.keys)

    def columns(self, view: str) -> list[str]:
        """Return the columns of a view in order; none if the version does not have the view."""
        if view not in self.views:
            return []
        found = self.connection.execute(f"DESCRIBE {identifier(view)}").fetchall()
        return [row[0] for row in found]

    def select(self, view: str, columns: str = "*", where: str = "true") -> str:
        """Return SQL for rows in the order of their key."""
        order = ", ".join(map(identifier, self.version.contract.keys[view]))
        return f"SELECT {columns} FROM {identifier(view)} WHERE {where} ORDER BY {order}"


@contextlib.contextmanager
def open_session(lake: Lake, folder: Path, version: int | None) -> Iterator[ExportSession]:
    """Open a version, by default the newest, to export it to a folder, which is created.

    When the block ends well, the files in `staging` replace those in the folder. Otherwise nothing
    is replaced.
    """
    chosen = newest(lake) if version is None else find_version(lake, version)
    with storage_door(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        passing = tempfile.TemporaryDirectory(prefix=PASSING, dir=folder)
    with (
        passing as staging,
        contextlib.closing(connect(lake.root, chosen.catalog_version)) as connection,
        engine_door(lake, chosen.catalog_version, folder),
    ):
        connection.execute(f"SET memory_limit = {literal(MEMORY)}")
        connection.execute(f"SET temp_directory = {literal(str(Path(staging) / 'sorted'))}")
        yield ExportSession(chosen, connection, Path(staging))
        for path in sorted(Path(staging).glob("*.*")):
            write_durably(path, folder / path.name)


def _sweep(folder: Path) -> None:
    """Remove what exports left behind that were killed long ago."""
    for path in folder.glob(f"{PASSING}*"):
        if path.is_dir() and not path.is_symlink() and path.stat().st_mtime < time.time() - DAY:
            shutil.rmtree(path)
