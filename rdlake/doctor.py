"""Is the lake whole, and if its end is torn: back to the last whole version, deleting nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rdlake.catalog.version import history
from rdlake.deltalog import has_log, repair_folder, torn_files
from rdlake.errors import DamagedLake, NoLake
from rdlake.opening import is_lake, open_lake, usable_root
from rdlake.storage import storage_door
from rdlake.tables import TABLES

__all__ = ["Complaint", "Health", "examine", "repair"]

MEND = "rdlake doctor --repair moves it aside; then run the ingest again"


@dataclass(frozen=True)
class Complaint:
    """A file that is not whole, and what to do."""

    file: str
    reason: str
    fix: str


@dataclass(frozen=True)
class Health:
    """What a quick look at the lake shows."""

    root: str
    lake_id: str | None
    tables: int
    catalog_version: int | None
    faults: tuple[Complaint, ...]

    @property
    def whole(self) -> bool:
        return not self.faults

    @property
    def summary(self) -> str:
        if self.faults:
            return f"lake at {self.root}: {len(self.faults)} files are not whole"
        published = f"version {self.catalog_version}" if self.catalog_version else "nothing"
        return f"lake {self.lake_id} at {self.root}: {self.tables} tables, {published} published"


def examine(root: str | Path) -> Health:
    """Look at the end of every table's log; NoLake when there is none."""
    path = _lake_path(root)
    folders = _table_folders(path)
    faults = tuple(
        Complaint(str(torn.path), torn.reason, MEND)
        for folder in folders
        for torn in torn_files(folder)
    )
    if faults:
        return Health(str(path), None, len(folders), None, faults)
    try:
        lake = open_lake(path)
    except DamagedLake as error:
        return Health(
            str(path), None, len(folders), None, (Complaint(error.where, error.what, error.fix),)
        )
    versions = history(lake)
    newest = versions[-1].catalog_version if versions else None
    return Health(str(path), lake.lake_id, len(folders), newest, ())


def repair(root: str | Path) -> list[str]:
    """Move the torn files at the end of each log into `torn/`; returns what was moved.

    What such a file leaves torn in its turn, as a pointer to its checkpoint, goes with it.
    """
    path = _lake_path(root)
    aside = repair_folder(path, datetime.now(UTC))
    moved: list[str] = []
    for folder in _table_folders(path):
        while torn := torn_files(folder):
            moved += [str(_move(each.path, aside / folder.name)) for each in torn]
    return moved


def _move(file: Path, aside: Path) -> Path:
    with storage_door(file):
        aside.mkdir(parents=True, exist_ok=True)
        return file.rename(aside / file.name)


def _table_folders(path: Path) -> list[Path]:
    folders = [path / "tables" / entry.name for entry in TABLES]
    return [folder for folder in folders if has_log(folder)]


def _lake_path(root: str | Path) -> Path:
    path = usable_root(root)
    if not is_lake(path):
        raise NoLake("there is no lake here", where=path, fix=f"rdlake init --lake {path}")
    return path
