"""Flush files to disk and replace them so that a crash leaves the old content or the new one.

delta-rs never calls fsync on a local disk, so whoever commits must do it here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(target: Path, temporary: Path | None = None) -> Iterator[Path]:
    """Yield a path to write to; put what was written in the place of `target` at the end.

    The path lies in the target's folder. When the block fails, `target` stays as it was.
    `temporary` is the path to use where upkeep expects another name than a hidden one.
    """
    with temporary_path(target.parent, target.suffix, temporary) as path:
        yield path
        write_durably(path, target)


@contextmanager
def temporary_path(folder: Path, suffix: str, name: Path | None = None) -> Iterator[Path]:
    """Yield a hidden path that no file has yet; remove the file at the end unless it was moved."""
    path = name or folder / f".{uuid4().hex}{suffix}"
    try:
        yield path
    finally:
        # A file that cannot be removed does no harm: upkeep removes it a day later.
        with suppress(OSError):
            path.unlink()


def write_durably(source: Path, target: Path) -> None:
    """Put a finished file in the place of another, in one step that survives a crash."""
    sync(source)
    source.replace(target)
    sync_folder(target.parent)


def sync(path: Path) -> None:
    """Flush one file to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to disk; Windows has no such call and needs none."""
    if os.name != "nt":
        sync(path)


def sync_with_sha256(path: Path) -> str:
    """Flush the file to disk and return the digest of its content."""
    sync(path)
    return sha256_of(path)


def sha256_of(path: Path) -> str:
    """Return the digest of a file's content, read now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_quietly(path: Path) -> None:
    """Remove a file that may already be gone."""
    with suppress(FileNotFoundError):
        path.unlink()
