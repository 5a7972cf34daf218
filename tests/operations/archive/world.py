"""A lake of experiments with files, links and shared content, and archives of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rdlake.library import Library
from rdlake.operations.archive import ArchiveRequest, archive
from rdlake.operations.archive.run import ArchiveReport
from rdlake.schema.frames import polars_schema
from rdlake.schema.tables import TABLES, table
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace

IDS = ("a" * 32, "b" * 32, "c" * 32)
NOT_COPIED = {"archives", "catalogs", "cleanups", "file_lists", "pins"}
BIG = bytes(range(256)) * 8192
"""Two chunks of content."""


@dataclass(frozen=True)
class World:
    """A lake, the folder it was read from, and where its archive goes."""

    lake: Lake
    workspaces: Path
    to: Path

    def archive(self, **asked: Any) -> ArchiveReport:
        return archive(self.lake, self.to, ArchiveRequest(**asked))

    @property
    def there(self) -> Lake:
        return open_store(self.to)

    def there_is_anything(self) -> bool:
        """Whether a file lies where the archive goes."""
        return any(path.is_file() for path in self.to.rglob("*"))

    def ingest(self) -> None:
        Library(self.lake).ingest(self.workspaces)


def make_world(folder: Path) -> World:
    """Two experiments of factors, one of a model with weights and links, a folder of code."""
    workspaces = folder / "workspaces"
    make_workspace(workspaces, IDS[0], level=0.001)
    make_workspace(workspaces, IDS[1], level=0.002, factors=("MOM_5D",))
    model = make_workspace(workspaces, IDS[2], action="model", level=-0.001, factors=None)
    (model / "params.pkl").write_bytes(BIG)
    (model / "empty.json").write_bytes(b"")
    (model / "注释.json").write_text('{"名": 1}', encoding="utf-8")
    (model / "below" / "deeper").mkdir(parents=True)
    (model / "below" / "deeper" / "code.py").write_text("pass\n", encoding="utf-8")
    (model / "notes.bin").write_bytes(b"not worth keeping")
    (model / "below" / "inside").symlink_to("../model.py")
    (model / "daily_pv.h5").symlink_to("/data/daily_pv.h5")
    (model / "out").symlink_to("../../elsewhere")
    sub = workspaces / ("d" * 32)
    sub.mkdir()
    (sub / "factor.py").write_text("pass\n", encoding="utf-8")
    lake = init_store(folder / "lake")
    made = World(lake, workspaces, folder / "archive")
    made.ingest()
    return made


def rows_of(lake: Lake) -> dict[str, list[str]]:
    """Every row of every table that an archive has too, without clocks."""
    found = {}
    for entry in TABLES:
        if entry.name not in NOT_COPIED:
            names = [column.name for column in entry.columns if not column.clock]
            found[entry.name] = sorted(map(repr, lake.read(entry.name, names).rows()))
    return found


def put_rows(lake: Lake, name: str, workspace_id: str, *rows: Mapping[str, Any]) -> None:
    """These rows in the place of a workspace's, whatever reader they came from."""
    schema = polars_schema(table(name))
    frame = pl.DataFrame(rows, schema=schema) if rows else pl.DataFrame(schema=schema)
    lake.commit({name: frame}, {"workspace_id": [workspace_id]})


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by path; links are none."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def links_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        for path in sorted(folder.rglob("*"))
        if path.is_symlink()
    }


def copied(template: World, folder: Path) -> World:
    """Copy a world, for a test to change."""
    shutil.copytree(template.lake.root.parent, folder, symlinks=True, dirs_exist_ok=True)
    lake = open_store(folder / "lake")
    return World(lake, folder / "workspaces", folder / "archive")
