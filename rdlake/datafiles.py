"""Data files as facts on disk: made durable, hashed once, named in lists by digest.

delta-rs never calls fsync on a local disk, so whoever commits must do it here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DataFile", "list_digest", "sync", "sync_folder", "sync_with_sha256", "write_durably"]

PIECE = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class DataFile:
    """One Parquet file of a table; `path` is relative to the table's folder."""

    path: str
    size: int
    sha256: str
    rows: int

    def record(self) -> dict[str, object]:
        return {"path": self.path, "size": self.size, "sha256": self.sha256, "rows": self.rows}


def list_digest(table: str, files: Iterable[DataFile]) -> str:
    """The digest that names a list of files; the order of the list does not matter."""
    facts = [[file.path, file.size, file.sha256, file.rows] for file in sorted(files)]
    return hashlib.sha256(json.dumps([table, facts]).encode()).hexdigest()


def sync_with_sha256(path: Path) -> str:
    """Flush the file to disk and return the digest of its content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


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


def write_durably(source: Path, target: Path) -> None:
    """Put a finished file in the place of another, in one step that survives a crash."""
    sync(source)
    source.replace(target)
    sync_folder(target.parent)


def remove_quietly(path: Path) -> None:
    """Remove a file that may already be gone."""
    with suppress(FileNotFoundError):
        path.unlink()
