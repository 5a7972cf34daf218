"""Open an archive: never the lake itself, one archiver at a time, and a lost disk is reported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rdlake.errors import BadInput, StorageFailed
from rdlake.store.lake import Lake
from rdlake.store.lock import locked
from rdlake.store.opening import init_store, is_lake, open_store, usable_root

TURN = ".archiving"
LAKE_FOLDERS = {"tables", "catalogs", TURN}


def find_archive(lake: Lake, to: str | Path) -> Lake | None:
    """Return the archive there; None when there is none yet. Raise BadInput for a place that cannot
    be one."""
    root = usable_root(to)
    here, there = lake.root.resolve(), root.resolve()
    if here == there or here in there.parents or there in here.parents:
        what = "is the lake itself" if here == there else "and the lake lie one inside the other"
        raise BadInput(
            f"the archive {what}",
            where=root,
            fix="name a folder outside the lake, better still on another disk",
        )
    if is_lake(root):
        archive = open_store(root)
        if archive.lake_id == lake.lake_id:
            raise BadInput(
                "this is a copy of the lake, with its id, and no archive",
                where=root,
                fix="name a new folder: an archive is a lake of its own",
            )
        return archive
    try:
        taken = root.exists() and (
            not root.is_dir() or {each.name for each in root.iterdir()} - LAKE_FOLDERS
        )
    except OSError as error:
        raise _unusable(root, error) from error
    if taken:
        raise BadInput(
            "something else lies there",
            where=root,
            fix="name an archive, an empty folder, or a new one",
        )
    return None


@contextmanager
def open_archive(lake: Lake, to: str | Path) -> Iterator[Lake]:
    """Yield the archive there, a new one if there is none, and lock it meanwhile.

    Raise LakeBusy when another archiver is at work.
    """
    found = find_archive(lake, to)
    root = found.root if found else usable_root(to)
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / TURN, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise _unusable(root, error) from error
    with locked(descriptor, root, "archiver"):
        yield found or init_store(root)


def refuse_gone(archive: Lake) -> None:
    """Raise StorageFailed when the archive is gone: a removed disk leaves an empty folder, which
    must not be written to."""
    if not is_lake(archive.root):
        raise StorageFailed(
            "the archive is gone",
            where=archive.root,
            fix="bring its disk back and run the command again; what was committed is taken up",
        )


def _unusable(root: Path, error: OSError) -> StorageFailed:
    return StorageFailed(
        f"the archive cannot be used: {error.strerror}",
        where=root,
        fix="name a folder that can be made and written to",
    )
