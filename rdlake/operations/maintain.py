"""Keep a lake small and fast without losing anything that a catalog version pins."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rdlake.catalog.contract import VIEW_FILES, current_contract
from rdlake.catalog.pinning import file_lists
from rdlake.catalog.template import TEMPLATES, is_template_of
from rdlake.catalog.version import history
from rdlake.schema.tables import TABLES
from rdlake.store.durable import remove_quietly
from rdlake.store.lake import Lake
from rdlake.store.log_cleanup import covered_files, remove_covered
from rdlake.store.translate import storage_door

FILES_WORTH_COMPACTING = 9
HOURS_UNTIL_REMOVAL = 24
"""An unneeded file may belong to a writer still at work; after a day it does not."""
CATALOG_FILES_KEPT = 50
_CATALOG_FILE = re.compile(r"^v\d{6,}\.duckdb$")
_DRAFT = re.compile(r"^\.[0-9a-f]{32}\.duckdb(\.wal)?$")


@dataclass(frozen=True, kw_only=True)
class TableUpkeep:
    """Report what was done to one table, or would be."""

    table: str
    files: int
    compacted: bool
    removed: tuple[str, ...]
    log_removed: tuple[str, ...]
    bytes_freed: int


@dataclass(frozen=True)
class MaintainReport:
    """Report what was done, or would be; pruned catalog files are made again on demand."""

    tables: tuple[TableUpkeep, ...]
    catalog_files_pruned: tuple[str, ...]
    dry_run: bool

    @property
    def bytes_freed(self) -> int:
        return sum(each.bytes_freed for each in self.tables)


def maintain(
    lake: Lake, *, dry_run: bool = False, older_than_hours: int = HOURS_UNTIL_REMOVAL
) -> MaintainReport:
    """Compact tables of many files. Remove files that neither a table nor a version needs, and log
    entries that a later checkpoint covers."""
    pinned = _pinned_paths(lake)
    return MaintainReport(
        tuple(
            _keep_up(lake, entry.name, pinned, older_than_hours, dry_run=dry_run)
            for entry in TABLES
            if lake.snapshot(entry.name).version is not None
        ),
        _prune_catalog_files(lake, pinned, older_than_hours, dry_run=dry_run),
        dry_run,
    )


def _keep_up(
    lake: Lake, name: str, pinned: set[tuple[str, str]], hours: int, *, dry_run: bool
) -> TableUpkeep:
    files = len(lake.snapshot(name).files)
    compact = files >= FILES_WORTH_COMPACTING
    if compact and not dry_run:
        compact = lake.compact(name)
    folder = lake.folder(name)
    removed = [path for path in lake.unreferenced(name, hours) if (name, path) not in pinned]
    log = covered_files(folder, time.time() - hours * 3600)
    freed = sum(_size(path) for path in (*(folder / each for each in removed), *log))
    if not dry_run:
        for path in removed:
            with storage_door(folder / path):
                remove_quietly(folder / path)
        remove_covered(folder, log)
    names = tuple(path.name for path in log)
    return TableUpkeep(
        table=name,
        files=files,
        compacted=compact,
        removed=tuple(sorted(removed)),
        log_removed=names,
        bytes_freed=freed,
    )


def _size(file: Path) -> int:
    with storage_door(file):
        return file.stat().st_size if file.is_file() else 0


def _pinned_paths(lake: Lake) -> set[tuple[str, str]]:
    """Return (table, path) of every file that some published version needs.

    Raise DamagedLake when a version's list of files is gone, for then nothing may be removed.
    """
    pins = {pin.file_list: pin for version in history(lake) for pin in version.pinned}
    lists = lake.read("file_lists", ["digest", "files"], pl.col("digest").is_in(list(pins)))
    found = dict(lists.rows())
    for digest in pins.keys() - found.keys():
        file_lists(lake, [pins[digest]])
    return {
        (pins[digest].name, file["path"]) for digest, files in found.items() for file in files or ()
    }


def _prune_catalog_files(
    lake: Lake, pinned: set[tuple[str, str]], hours: int, *, dry_run: bool
) -> tuple[str, ...]:
    """Remove old versions' DuckDB files, view rows that no version has, other contracts, and drafts
    of a stopped publisher.

    A file that a reader on Windows holds open stays until the next time.
    """
    entries = _entries(lake.catalogs_folder)
    versions = [path for path in entries if _CATALOG_FILE.match(path.name)]
    old = time.time() - hours * 3600
    drafts = [path for path in (*entries, *lake.root.iterdir()) if _DRAFT.match(path.name)]
    needed = {path for _, path in pinned}
    unused = [path for path in _entries(lake.root / VIEW_FILES) if path.name not in needed]
    others = [
        path
        for path in _entries(lake.root / TEMPLATES)
        if not is_template_of(path, current_contract().text)
    ]
    left_behind = [path for path in (*drafts, *unused, *others) if _left_behind(path, old)]
    pruned = versions[:-CATALOG_FILES_KEPT] + left_behind
    return tuple(path.name for path in pruned if dry_run or _removed(path))


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _left_behind(path: Path, before: float) -> bool:
    """Return whether nobody has written to a file since; its publisher may just have ended."""
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:
        return False


def _removed(path: Path) -> bool:
    try:
        remove_quietly(path)
    except PermissionError:
        return False
    return True
