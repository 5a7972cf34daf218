"""Describe data files: size, digest, digests of lists of them, and which small ones to merge."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from operator import itemgetter
from pathlib import Path

_TEMPORARY = re.compile(r"#\d+$")
File = tuple[str, int, int]
"""A data file as a Delta log names it: path, size, rows."""
Size = Callable[[File], int]
SIZE: Size = itemgetter(1)
"""The size on disk; a table of raw content counts otherwise."""
FULL_FILE = 64 << 20
"""A file of this size is not rewritten to save on the number of files."""
SMALL_FILE, FEW_ROWS, FILES_IN_A_CROWD = 1 << 20, 20_000, 50
"""The next commit merges files with fewer bytes and rows than this when there are so many.

Rows count because a replace rewrites the whole file in which its rows lie.
"""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class DataFile:
    """Describe one Parquet file of a table; `path` is relative to the table's folder."""

    path: str
    size: int
    sha256: str
    rows: int
    columns: int

    def record(self) -> dict[str, object]:
        return asdict(self)


def list_digest(table: str, files: Iterable[DataFile]) -> str:
    """Return the digest that names a list of files; the order of the list does not matter."""
    facts = [astuple(file) for file in sorted(files)]
    return hashlib.sha256(json.dumps([table, facts]).encode()).hexdigest()


def crowd(files: Collection[File], size: Size = SIZE) -> set[File]:
    """Return the small files when there are many of them; else none."""
    small = {file for file in files if file[1] < SMALL_FILE and file[2] < FEW_ROWS}
    if len(small) >= FILES_IN_A_CROWD:
        small = {file for file in small if size(file) < SMALL_FILE}
    return small if len(small) >= FILES_IN_A_CROWD else set()


def group_by_size(files: Iterable[File], size: Size = SIZE) -> list[tuple[File, ...]]:
    """Return the files in groups, each of which makes one file of a good size."""
    groups: list[list[File]] = []
    for file in sorted(files):
        if not groups or sum(map(size, groups[-1])) + size(file) > FULL_FILE:
            groups.append([])
        groups[-1].append(file)
    return [tuple(group) for group in groups]


def small_files(files: Iterable[File], size: Size = SIZE) -> list[tuple[File, ...]]:
    """Return groups of files that together make one of a good size; no group has one file."""
    groups = group_by_size([file for file in files if size(file) < FULL_FILE], size)
    return [group for group in groups if len(group) > 1]


def half_written_files(folder: Path, before: float) -> list[str]:
    """Return paths of files that delta-rs was writing when it was stopped before the instant
    `before`.

    delta-rs renames a file when it is whole, and never looks at the others.
    """
    found = []
    for path in folder.rglob("*#*"):
        with suppress(FileNotFoundError):
            if _TEMPORARY.search(path.name) and path.stat().st_mtime < before:
                found.append(path.relative_to(folder).as_posix())
    return found
