"""One workspace folder as it lies on disk: its files and links by name, size and times.

No file is opened; links are recorded and never followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from rdlake.experiment import Finding
from rdlake.sources.wording import because

__all__ = ["Entry", "Scan", "digest_of", "scan"]

MAX_DEPTH = 32
MAX_ENTRIES = 50_000
_NOT_UTF8 = "the name is not UTF-8; its other bytes are written as \\x…"

_BY_DESCRIPTOR = os.scandir in os.supports_fd and os.open in os.supports_dir_fd
_JUNCTION = 0xA0000003  # Windows: a folder that is a link by another name
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | _NO_LINK | getattr(os, "O_DIRECTORY", 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or link: its path as recorded, where it lies, what the system says of it."""

    path: str
    location: str
    status: os.stat_result
    target: str | None = None

    @property
    def kind(self) -> Literal["file", "link"]:
        return "file" if self.target is None else "link"


@dataclass(frozen=True, slots=True)
class Scan:
    """What a folder holds, by path. `listed` is false when the folder itself cannot be read."""

    folder: Path
    entries: tuple[Entry, ...]
    subfolders: frozenset[str]
    stat_digest: str
    findings: tuple[Finding, ...] = ()
    listed: bool = True


@dataclass(frozen=True, slots=True)
class _Folder:
    opened: int | str
    location: str
    prefix: str
    depth: int


@dataclass(slots=True)
class _Found:
    entries: dict[str, Entry] = field(default_factory=dict)
    subfolders: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    seen: int = 0
    too_deep: bool = False


def scan(folder: Path) -> Scan:
    """Every file and link below a folder by name, size and times, in at most 50,000 entries."""
    found, listed = _Found(), True
    location = os.fspath(folder)
    try:
        with _listing(location, location, None) as opened:
            _visit(found, _Folder(opened, location, "", 1))
    except OSError as error:
        listed = False
        found.findings.append(_error(None, f"the folder cannot be read: {because(error)}"))
    entries = tuple(found.entries[path] for path in sorted(found.entries))
    return Scan(
        folder=folder,
        entries=entries,
        subfolders=frozenset(found.subfolders),
        stat_digest=digest_of(map(_stat_line, entries)),
        findings=tuple(found.findings),
        listed=listed,
    )


@contextmanager
def _listing(location: str, name: str, parent: int | str | None) -> Iterator[int | str]:
    """A folder in the form `os.scandir` takes: held open where the system can, so that no link
    put in its place, or in the place of a folder above it, is followed."""
    if not _BY_DESCRIPTOR:
        yield location
        return
    descriptor = os.open(name, _FOLDER, dir_fd=parent if isinstance(parent, int) else None)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _visit(found: _Found, folder: _Folder) -> None:
    with os.scandir(folder.opened) as children:
        for child in children:
            found.seen += 1
            if found.seen > MAX_ENTRIES:
                if found.seen == MAX_ENTRIES + 1:
                    reason = f"more than {MAX_ENTRIES:,} files; the rest was not read"
                    found.findings.append(_error(None, reason))
                return
            path = folder.prefix + _recorded(child.name)
            if not path.endswith(child.name):
                found.findings.append(Finding("warning", path, _NOT_UTF8, "rename it if you can"))
            try:
                _note(found, folder, child, path)
            except OSError as error:
                found.findings.append(_error(path, f"cannot be read: {because(error)}"))


def _note(found: _Found, folder: _Folder, child: os.DirEntry[str], path: str) -> None:
    status = child.stat(follow_symlinks=False)
    location = f"{folder.location}/{child.name}"
    if stat.S_ISREG(status.st_mode):
        _add(found, Entry(path, location, status))
    elif stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", None) == _JUNCTION:
        _add(found, Entry(path, location, status, _target(folder, location, child.name)))
    elif not stat.S_ISDIR(status.st_mode):
        reason = "neither file, folder nor link (a pipe, socket or device); not opened"
        found.findings.append(Finding("warning", path, reason, "remove it if nothing uses it"))
    elif folder.depth < MAX_DEPTH:
        found.subfolders.add(path)
        with _listing(location, child.name, folder.opened) as opened:
            _visit(found, _Folder(opened, location, f"{path}/", folder.depth + 1))
    elif not found.too_deep:
        found.too_deep = True
        found.findings.append(_error(path, f"more than {MAX_DEPTH} folders deep; not read below"))


def _target(folder: _Folder, location: str, name: str) -> str:
    if isinstance(folder.opened, int):
        return _recorded(os.readlink(name, dir_fd=folder.opened))
    return _recorded(os.fspath(Path(location).readlink()))


def _add(found: _Found, entry: Entry) -> None:
    if entry.path in found.entries:
        reason = "two names that are not UTF-8 are written alike; only one was read"
        found.findings.append(_error(entry.path, reason))
    else:
        found.entries[entry.path] = entry


def _recorded(name: str) -> str:
    """The name as text that any table can hold."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _error(path: str | None, reason: str) -> Finding:
    fix = "mend or remove it and ingest again; until then it is missing from the lake"
    return Finding("error", path, reason, fix)


def _stat_line(entry: Entry) -> str:
    status = entry.status
    times = f"{status.st_mtime_ns}\0{status.st_ctime_ns}"
    return f"{entry.path}\0{entry.kind}\0{status.st_size}\0{times}\0{status.st_ino}\0"


def digest_of(lines: Iterable[str]) -> str:
    """sha256 over lines whose fields each end in a null character."""
    return sha256("".join(lines).encode()).hexdigest()
