"""Read a Delta log as files on disk: whether its end is whole, and what one commit wrote.

delta-rs and DuckDB both accept a last log entry of zero bytes silently, and a zero-byte checkpoint
makes a table unreadable. So the end of each log is checked before it is trusted.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rdlake.store.durable import sync, sync_folder

_ENTRY = re.compile(r"^(\d{20})\.json$")
_CHECKPOINT = re.compile(r"^(\d{20})\.checkpoint.*\.parquet$")
_PARQUET_MAGIC = b"PAR1"
LAST_CHECKPOINT = "_last_checkpoint"
VERSION_MARK = "rdlakeVersion"
"""The name in commitInfo of the version that an entry was written as. An entry under another number
was moved there."""
_ASIDE, _MOMENT = "torn", "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True)
class TornFile:
    """Describe a file of a log that is not whole. `needed` is True when the log leads to no version
    without it; then moving it aside mends nothing."""

    path: Path
    reason: str
    needed: bool = False


@dataclass(frozen=True)
class Commit:
    """Describe what one log entry added: (path, size, rows) of each data file."""

    version: int
    added: tuple[tuple[str, int, int], ...]
    data_change: bool


def log_folder(table_folder: Path) -> Path:
    return table_folder / "_delta_log"


def entry_path(table_folder: Path, version: int) -> Path:
    return log_folder(table_folder) / f"{version:020d}.json"


def checkpoint_path(table_folder: Path, version: int) -> Path:
    return log_folder(table_folder) / f"{version:020d}.checkpoint.parquet"


def has_log(table_folder: Path) -> bool:
    """Return whether a commit was made; a writer that was stopped leaves a log without entries."""
    try:
        with os.scandir(log_folder(table_folder)) as entries:
            return any(_ENTRY.match(entry.name) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _actions(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def commit_entry(table_folder: Path, version: int) -> Commit:
    """Return what the commit of that version added. Raise OSError or ValueError when it cannot be
    read."""
    added: list[tuple[str, int, int]] = []
    data_change = False
    for action in _actions(entry_path(table_folder, version)):
        if "metaData" in action or "protocol" in action:
            data_change = True
        for kind in ("add", "remove"):
            if kind in action:
                data_change |= bool(action[kind].get("dataChange", True))
        if "add" in action:
            add = action["add"]
            rows = json.loads(add.get("stats") or "{}").get("numRecords", 0)
            added.append((add["path"], add["size"], rows))
    return Commit(version, tuple(added), data_change)


def data_changed_since(table_folder: Path, version: int, until: int) -> bool:
    """Return whether a commit after `version` up to `until` changed rows; compaction does not."""
    for number in range(version + 1, until + 1):
        try:
            if commit_entry(table_folder, number).data_change:
                return True
        except FileNotFoundError:
            return True
    return False


def sync_commit(table_folder: Path, version: int) -> None:
    """Flush the log entry of that version, the checkpoint made with it, and the folders."""
    folder = log_folder(table_folder)
    sync(entry_path(table_folder, version))
    for path in (checkpoint_path(table_folder, version), folder / LAST_CHECKPOINT):
        try:
            sync(path)
        except FileNotFoundError:
            continue
    sync_folder(folder)
    sync_folder(table_folder)


def torn_files(table_folder: Path, *, whole: bool = False) -> list[TornFile]:
    """Return the files at the end of the log that are not whole; usually there are none.

    `whole` checks every entry since the last checkpoint, not only the newest.
    """
    folder = log_folder(table_folder)
    pointer = _pointer(folder)  # Before the listing, since a writer makes the checkpoint first.
    names = os.listdir(folder)  # noqa: PTH208 - thousands of names, at every open
    entries = {int(name[:20]) for name in names if _ENTRY.match(name)}
    checkpoints = sorted(name for name in names if _CHECKPOINT.match(name))
    numbers = sorted({int(name[:20]) for name in checkpoints})
    torn = []
    if entries:
        torn += _torn_entries(table_folder, entries, numbers[-1] if numbers else None, whole=whole)
    if checkpoints and (reason := checkpoint_fault(folder / checkpoints[-1], table_folder)):
        needed = not _leads_on(entries, numbers[-2] if len(numbers) > 1 else None)
        torn.append(TornFile(folder / checkpoints[-1], reason, needed))
    if pointer is not None and (reason := _pointer_fault(pointer, checkpoints)):
        torn.append(TornFile(folder / LAST_CHECKPOINT, reason))
    return torn


def repair_folder(root: Path, moment: datetime) -> Path:
    """Return the folder to which a repair of that moment (UTC) moves the torn files of a lake."""
    return root / _ASIDE / moment.strftime(_MOMENT)


def last_repair(root: Path) -> datetime | None:
    """Return when torn files were last moved aside, in UTC without zone; None when never.

    Since then a table may lack rows, and a version number may stand for another commit than before.
    """
    moments = []
    for folder in (root / _ASIDE).glob("*T*"):
        with suppress(ValueError):
            moments.append(datetime.strptime(folder.name, _MOMENT))
    return max(moments, default=None)


def _leads_on(entries: Collection[int], start: int | None) -> bool:
    """Return whether a log has an entry at checkpoint `start`, or else its first entry."""
    return start in entries if start is not None else 0 in entries


def _torn_entries(
    table_folder: Path, entries: set[int], start: int | None, *, whole: bool
) -> list[TornFile]:
    """Return the newest entry when it is not whole, or when an entry before it is missing.

    With `whole`, return every entry that is not whole and the entries after it, since what they
    change is unknown.
    """
    newest = max(entries)
    first = 0 if start is None else min(start, newest)
    if start is None and 0 not in entries:
        missing = entry_path(table_folder, 0)
        return [TornFile(missing, "the log has neither a beginning nor a checkpoint", needed=True)]
    torn: list[TornFile] = []
    lost: str | None = None
    for number in range(first, newest + 1):
        # A listing may miss a file that was made meanwhile.
        if number not in entries and not entry_path(table_folder, number).exists():
            lost = f"log entry {number} before it is missing"
        elif lost:
            torn.append(TornFile(entry_path(table_folder, number), lost))
        elif (whole or number == newest) and (
            reason := _entry_fault(table_folder, number, last=number == newest)
        ):
            torn.append(TornFile(entry_path(table_folder, number), reason))
            lost = f"log entry {number} before it is not whole"
    return torn


def _entry_fault(table_folder: Path, number: int, *, last: bool) -> str | None:
    """Return what is wrong with an entry. Data files are checked only for the last entry: other
    files may have been replaced and removed since."""
    name = "the last log entry" if last else f"log entry {number}"
    try:
        actions = list(_actions(entry_path(table_folder, number)))
    except ValueError:
        return f"{name} is not whole"
    if not actions:
        return f"{name} is empty"
    for action in actions:
        if "commitInfo" in action and (written := _written_as(action["commitInfo"], number)):
            return f"{name} is the one of {written}"
        add = action.get("add")
        if last and add and "://" not in add["path"]:
            file = table_folder / add["path"]
            if not file.is_file():
                return f"{name} names {add['path']}, which does not exist"
            if file.stat().st_size != add["size"]:
                return f"{name} names {add['path']}, which is not whole"
    return None


def _written_as(told: Mapping[str, Any], number: int) -> str | None:
    """Return the version that an entry was written as, when that is not its number."""
    if told.get("operation") == "CREATE TABLE":
        return "version 0" if number else None
    written = told.get(VERSION_MARK, number)
    return f"version {written}" if written != number else None


def checkpoint_fault(path: Path, table_folder: Path) -> str | None:
    """Return what is wrong with a checkpoint; None when it is whole and has the right number."""
    with path.open("rb") as file:
        head = file.read(4)
        size = file.seek(0, 2)
        file.seek(max(0, size - 4))
        tail = file.read(4)
    if size < 12 or head != _PARQUET_MAGIC or tail != _PARQUET_MAGIC:
        return "the last checkpoint is not whole"
    if not path.with_name(f"{path.name[:20]}.json").exists():
        return "the last checkpoint is of a log entry that does not exist"
    try:
        return _checkpoint_of_another(path, table_folder)
    except (OSError, pa.ArrowException):
        return "the last checkpoint cannot be read"


def _checkpoint_of_another(path: Path, table_folder: Path) -> str | None:
    """Return a reason when a checkpoint belongs to another version.

    It must hold the files that its entry added and none that the entry removed. A torn entry proves
    nothing.
    """
    if not path.name.endswith(".checkpoint.parquet"):
        return None
    try:
        actions = list(_actions(entry_path(table_folder, int(path.name[:20]))))
    except ValueError:
        return None
    added, removed = (
        {action[kind]["path"] for action in actions if kind in action} for kind in ("add", "remove")
    )
    with pq.ParquetFile(path) as file:
        rows = file.read(columns=["add.path"]).column("add").to_pylist()
    held = {row["path"] for row in rows if row and row["path"]}
    if added <= held and not removed & held:
        return None
    return "the last checkpoint is not the one of its number"


def _pointer(folder: Path) -> bytes | None:
    try:
        return (folder / LAST_CHECKPOINT).read_bytes()
    except FileNotFoundError:
        return None


def _pointer_fault(pointer: bytes, checkpoints: Collection[str]) -> str | None:
    try:
        version = int(json.loads(pointer)["version"])
    except (ValueError, KeyError, TypeError):
        return "the pointer to the last checkpoint is not whole"
    if not any(name.startswith(f"{version:020d}.") for name in checkpoints):
        return f"it points to checkpoint {version}, which does not exist"
    return None
