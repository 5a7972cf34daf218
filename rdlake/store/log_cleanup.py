"""Remove old entries and checkpoints of a Delta log that a later checkpoint makes superfluous.

delta-rs lists the whole log at each commit, so a log that only grows makes every commit slower.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

from rdlake.store.delta import read_log_state
from rdlake.store.delta_log import checkpoint_fault, checkpoint_path, entry_path, log_folder
from rdlake.store.durable import remove_quietly, sync, sync_folder
from rdlake.store.translate import storage_door

VERSIONS_KEPT = 100
"""The number of newest versions that can still be opened; the checkpoint before them stays too."""
_OF_A_VERSION = re.compile(r"^(?P<version>\d{20})\.(json|checkpoint\.parquet)$")


def covered_files(table_folder: Path, before: float) -> list[Path]:
    """Return the log files, oldest first, that a later checkpoint covers.

    That checkpoint was proven to say the same, `VERSIONS_KEPT` versions follow it, and all files up
    to it are older than the instant `before`. Return an empty list when there is no such
    checkpoint.
    """
    with storage_door(table_folder), suppress(FileNotFoundError):  # another upkeep is at work
        versions = _versions(log_folder(table_folder))
        old = _old_enough(versions, before)
        whole = [number for number in old if _is_whole(table_folder, number)]
        for end in range(len(whole), 0, -1):
            if _tells_the_same(table_folder, whole[:end]):
                gone = [each for each in old if each < whole[end - 1]]
                return [path for each in gone for path in versions[each]]
    return []


def remove_covered(table_folder: Path, paths: Sequence[Path]) -> None:
    """Remove covered files, oldest first: a stop at any moment leaves a log without gaps."""
    if not paths:
        return
    with storage_door(table_folder):
        folder = log_folder(table_folder)
        for checkpoint in folder.glob("*.checkpoint.parquet"):
            if checkpoint not in paths:
                sync(checkpoint)
        sync_folder(folder)
        for path in paths:
            remove_quietly(path)


def _versions(folder: Path) -> dict[int, list[Path]]:
    """Return the files of each version, oldest first."""
    found: dict[int, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if name := _OF_A_VERSION.match(path.name):
            found.setdefault(int(name["version"]), []).append(path)
    return found


def _old_enough(versions: Mapping[int, Sequence[Path]], before: float) -> list[int]:
    """Return the oldest versions without a gap, up to the first version to keep."""
    kept_from = max(versions, default=0) - VERSIONS_KEPT + 1
    return list(
        takewhile(
            lambda each: (
                each < kept_from and all(path.stat().st_mtime < before for path in versions[each])
            ),
            versions,
        )
    )


def _is_whole(table_folder: Path, version: int) -> bool:
    path = checkpoint_path(table_folder, version)
    return path.is_file() and checkpoint_fault(path, path.parent.parent) is None


def _tells_the_same(table_folder: Path, checkpoints: Sequence[int]) -> bool:
    """Return whether the last checkpoint alone says what the checkpoint before it and the entries
    since say.

    When there is no checkpoint before it, all entries are compared.
    """
    *earlier, version = checkpoints
    start = earlier[-1] if earlier else None
    entries = [
        entry_path(table_folder, n) for n in range(0 if start is None else start + 1, version + 1)
    ]
    base = [] if start is None else [checkpoint_path(table_folder, start)]
    alone = read_log_state([checkpoint_path(table_folder, version)])
    return alone is not None and alone == read_log_state([*base, *entries])
