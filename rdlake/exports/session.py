"""One version opened for handing all its rows on, in the order of their keys."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from rdlake.catalog.contract import keys
from rdlake.catalog.engine import engine_door
from rdlake.catalog.time_travel import connect
from rdlake.catalog.version import Version, newest, numbered
from rdlake.schema.sql import identifier, literal
from rdlake.store.durable import write_durably
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door

MEMORY = "400MB"
"""More than this DuckDB keeps on disk while it sorts."""
PASSING, DAY = ".rdlake-export-", 86_400


@dataclass(frozen=True)
class Exported:
    """One file that was written."""

    path: Path
    rows: int


@dataclass(frozen=True)
class Rows:
    """The rows of a version's views, and a passing folder for what is made of them."""

    version: Version
    connection: duckdb.DuckDBPyConnection
    aside: Path

    @property
    def views(self) -> list[str]:
        return sorted(keys(self.version.sql))

    def columns(self, view: str) -> list[str]:
        """In their order; none of a view that the version does not have."""
        if view not in self.views:
            return []
        found = self.connection.execute(f"DESCRIBE {identifier(view)}").fetchall()
        return [row[0] for row in found]

    def select(self, view: str, columns: str = "*", where: str = "true") -> str:
        """SQL for rows in the order of their key."""
        order = ", ".join(map(identifier, keys(self.version.sql)[view]))
        return f"SELECT {columns} FROM {identifier(view)} WHERE {where} ORDER BY {order}"


@contextlib.contextmanager
def exporting(lake: Lake, folder: Path, version: int | None) -> Iterator[Rows]:
    """A version, by default the newest, for writing it to a folder, which is made. What the block
    leaves in `aside` takes its place in the folder when it ends well; else nothing is replaced."""
    chosen = newest(lake) if version is None else numbered(lake, version)
    with storage_door(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        passing = tempfile.TemporaryDirectory(prefix=PASSING, dir=folder)
    with (
        passing as aside,
        contextlib.closing(connect(lake.root, chosen.catalog_version)) as connection,
        engine_door(lake, chosen.catalog_version, folder),
    ):
        connection.execute(f"SET memory_limit = {literal(MEMORY)}")
        connection.execute(f"SET temp_directory = {literal(str(Path(aside) / 'sorted'))}")
        yield Rows(chosen, connection, Path(aside))
        for path in sorted(Path(aside).glob("*.*")):
            write_durably(path, folder / path.name)


def _sweep(folder: Path) -> None:
    """Remove what exports left behind that were killed long ago."""
    for path in folder.glob(f"{PASSING}*"):
        if path.is_dir() and not path.is_symlink() and path.stat().st_mtime < time.time() - DAY:
            shutil.rmtree(path)
