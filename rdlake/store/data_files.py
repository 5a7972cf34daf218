"""Describe data files: their facts, the digests of lists of them, which to rewrite as one."""

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
"""How many bytes a file counts for; the same on disk, unless a table says otherwise."""
FULL_FILE = 64 << 20
"""A file of so many bytes is not rewritten to save on the number of files."""
SMALL_FILE, FEW_ROWS, FILES_IN_A_CROWD = 1 << 20, 20_000, 50
"""So many files of less than so many bytes and rows are rewritten by the next commit. Rows count
because a replace writes the whole file again in which its rows lie."""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class DataFile:
    """One Parquet file of a table; `path` is relative to the table's folder."""

    path: str
    size: int
    sha256: str
    rows: int
    columns: int

    def record(self) -> dict[str, object]:
        return asdict(self)


def list_digest(table: str, files: Iterable[DataFile]) -> str:
    """The digest that names a list of files; the order of the list does not matter."""
    facts = [astuple(file) for file in sorted(files)]
    return hashlib.sha256(json.dumps([table, facts]).encode()).hexdigest()


def crowd(files: Collection[File], size: Size = SIZE) -> set[File]:
    """The small files among these when they are many; else none."""
    small = {file for file in files if file[1] < SMALL_FILE and file[2] < FEW_ROWS}
    if len(small) >= FILES_IN_A_CROWD:
        small = {file for file in small if size(file) < SMALL_FILE}
    return small if len(small) >= FILES_IN_A_CROWD else set()


def group_by_size(files: Iterable[File], size: Size = SIZE) -> list[tuple[File, ...]]:
    """The files in groups, each of which makes one file of a good size."""
    groups: list[list[File]] = []
    for file in sorted(files):
        if not groups or sum(map(size, groups[-1])) + size(file) > FULL_FILE:
            groups.append([])
        groups[-1].append(file)
    return [tuple(group) for group in groups]


def small_files(files: Iterable[File], size: Size = SIZE) -> list[tuple[File, ...]]:
    """Groups of files that would make one of a good size together; none alone."""
    groups = group_by_size([file for file in files if size(file) < FULL_FILE], size)
    return [group for group in groups if len(group) > 1]


def half_written_files(folder: Path, before: float) -> list[str]:
    """Paths below `folder` of what delta-rs was writing when it was stopped, `before` an instant.
    It gives a file its name when it is whole, and never looks at those that are not."""
    found = []
    for path in folder.rglob("*#*"):
        with suppress(FileNotFoundError):
            if _TEMPORARY.search(path.name) and path.stat().st_mtime < before:
                found.append(path.relative_to(folder).as_posix())
    return found
