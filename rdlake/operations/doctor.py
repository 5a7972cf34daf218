"""Examine whether a lake is whole, and return a torn lake to its last whole version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rdlake.catalog.file_faults import catalog_faults
from rdlake.catalog.materialize.schedule import recover_views
from rdlake.catalog.pinning import lost_commits, lost_lists, recover_lists
from rdlake.catalog.render import place_current
from rdlake.catalog.version import Version, read_versions
from rdlake.errors import DamagedLake, NoLake, restore
from rdlake.schema.tables import TABLES
from rdlake.store.delta_log import TornFile, has_log, log_folder, repair_folder, torn_files
from rdlake.store.lake import Lake
from rdlake.store.opening import is_lake, open_store, usable_root
from rdlake.store.translate import storage_door

MEND = "rdlake doctor --repair moves it aside; then run the ingest again"
BEHIND = f"{restore()}; or rdlake doctor --repair, then run the ingest again"
FOUND_AGAIN = f"rdlake doctor --repair finds it in the table's log; else {restore()}"
RESTORE = restore("the table's _delta_log")


@dataclass(frozen=True)
class Complaint:
    """Describe a file that is not whole, and the fix."""

    file: str
    reason: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class Health:
    """Report what a quick look at the lake shows."""

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
    """Check the end of every table's log, and whether the lake is behind what was published.

    Raise NoLake when there is none.
    """
    path = _lake_path(root)
    folders = _table_folders(path)
    faults = tuple(
        Complaint(str(torn.path), torn.reason, RESTORE if torn.needed else MEND)
        for folder in folders
        for torn in torn_files(folder, whole=True)
    )
    if faults:
        return Health(
            root=str(path), lake_id=None, tables=len(folders), catalog_version=None, faults=faults
        )
    try:
        lake = open_store(path)
        versions = read_versions(lake)
        complaints = tuple(_about_catalogs(lake, versions))
    except DamagedLake as error:
        return Health(
            root=str(path),
            lake_id=None,
            tables=len(folders),
            catalog_version=None,
            faults=(Complaint(error.where, error.what, error.fix),),
        )
    newest = versions[-1].catalog_version if versions else None
    return Health(
        root=str(path),
        lake_id=lake.lake_id,
        tables=len(folders),
        catalog_version=newest,
        faults=complaints,
    )


def _about_catalogs(lake: Lake, versions: list[Version]) -> Iterator[Complaint]:
    """Yield where tables' logs, lists of files and catalog files contradict what was published."""
    if versions:
        for name, reason in lost_commits(lake, versions[-1]).items():
            yield Complaint(str(log_folder(lake.folder(name))), reason, BEHIND)
    for pin in lost_lists(lake, versions):
        reason = f"the list of files {pin.file_list} of {pin.name} is missing"
        yield Complaint(str(lake.folder("file_lists")), reason, FOUND_AGAIN)
    for each in catalog_faults(lake, versions, quick=True):
        yield Complaint(str(each.path), each.reason, each.fix)


def repair(root: str | Path) -> list[str]:
    """Move torn files at the end of each log, and catalog files of no published version, into
    `torn/`. Recover lost lists of files and place the newest version. Return what was moved.

    A pointer to a torn checkpoint goes with it. Raise DamagedLake when a log leads to no version
    without a torn file.
    """
    path = _lake_path(root)
    aside = repair_folder(path, datetime.now(UTC))
    moved: list[str] = []
    for folder in _table_folders(path):
        while torn := torn_files(folder, whole=True):
            _refuse_needed(torn)
            moved += [str(_move(each.path, aside / folder.name)) for each in torn]
    if is_lake(path):
        moved += _mend_catalogs(open_store(path), aside)
    return moved


def _refuse_needed(torn: list[TornFile]) -> None:
    for each in torn:
        if each.needed:
            raise DamagedLake(each.reason, where=each.path, fix=RESTORE)


def _mend_catalogs(lake: Lake, aside: Path) -> list[str]:
    versions = read_versions(lake)
    faults = list(catalog_faults(lake, versions))
    there = [each.path for each in faults if each.path.exists()]
    moved = [str(_move(path, aside / "catalogs")) for path in there]
    recover_lists(lake, versions)
    recover_views(lake, versions)
    if versions and lost_commits(lake, versions[-1]):
        with storage_door(aside):  # its name makes the next publication pin every table again
            aside.mkdir(parents=True, exist_ok=True)
    if versions and faults:
        place_current(lake)
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
        raise NoLake.at(path)
    return path
