"""List the files and links of one workspace folder by name, size and times.

No file is opened. Links are recorded and never followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from rdlake.domain.experiment import Finding
from rdlake.sources.formats.wording import escape_name, explain

MAX_DEPTH = 32
MAX_ENTRIES = 50_000

_NOT_UTF8 = "the name is not UTF-8; its other bytes are written as \\x…"
_SPECIAL = "a pipe, socket or device; it was not opened"

_BY_DESCRIPTOR = os.scandir in os.supports_fd and os.open in os.supports_dir_fd
JUNCTION = 0xA0000003
"""The tag by which Windows marks a folder that is a link."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | _NO_LINK | getattr(os, "O_DIRECTORY", 0)


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """Describe a file or link: its path as recorded, its location, and its status."""

    path: str
    location: str
    status: os.stat_result
    target: str | None = None

    @property
    def kind(self) -> Literal["file", "link"]:
        """Return `link` for an entry with a target, else `file`."""
        return "file" if self.target is None else "link"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """Hold the entries of a folder, sorted by path.

    When the folder itself cannot be read, `listed` is false and there is no digest.
    """

    folder: Path
    entries: tuple[FolderEntry, ...]
    subfolders: frozenset[str]
    stat_digest: str
    findings: tuple[Finding, ...] = ()
    listed: bool = True


def _enter_all(_: str) -> bool:
    return True


@dataclass(kw_only=True, slots=True)
class _FolderWalk:
    """Collect the entries of one folder and its limits during the walk."""

    enters: Callable[[str], bool] = _enter_all
    most: int = MAX_ENTRIES
    entries: list[FolderEntry] = field(default_factory=list)
    subfolders: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    seen: int = 0


def scan_folder(
    folder: Path, *, enters: Callable[[str], bool] = _enter_all, most: int | None = None
) -> Scan:
    """List every file and link below a folder by name, size and times, at most 50,000 entries.

    `most` sets another limit. A folder is not opened when `enters` declines its relative path.
    """
    found, listed = _FolderWalk(enters=enters, most=MAX_ENTRIES if most is None else most), True
    location = os.fspath(folder)
    try:
        _enter(found, None, location, location, "")
    except OSError as error:
        listed = False
        found.findings.append(_error(None, f"the folder cannot be read: {explain(error)}"))
    if found.seen > found.most:
        reason = f"more than {found.most:,} files; the rest was not read"
        found.findings.append(_error(None, reason))
    entries = _drop_duplicates(found)
    return Scan(
        folder=folder,
        entries=entries,
        subfolders=frozenset(found.subfolders),
        stat_digest=digest_lines(map(_stat_line, entries)) if listed else "",
        findings=tuple(found.findings),
        listed=listed,
    )


def _enter(found: _FolderWalk, parent: int | None, name: str, location: str, prefix: str) -> None:
    """Visit a folder.

    Where the system can, the folder is held open while it is visited. So a link that replaces it,
    or a folder above it, is not followed.
    """
    if not _BY_DESCRIPTOR:
        _visit(found, None, location, prefix)
        return
    descriptor = os.open(name, _FOLDER, dir_fd=parent)
    try:
        _visit(found, descriptor, location, prefix)
    finally:
        os.close(descriptor)


def _visit(found: _FolderWalk, descriptor: int | None, location: str, prefix: str) -> None:
    with os.scandir(location if descriptor is None else descriptor) as children:
        for child in children:
            found.seen += 1
            if found.seen > found.most:
                return
            name = child.name
            path = prefix + escape_name(name)
            if not path.endswith(name):
                found.findings.append(Finding("warning", path, _NOT_UTF8, "rename it if you can"))
            try:
                status = child.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found.entries.append(FolderEntry(path, f"{location}/{name}", status))
                elif _is_link(status):
                    target = _read_target(name, descriptor, location)
                    found.entries.append(FolderEntry(path, f"{location}/{name}", status, target))
                elif stat.S_ISDIR(status.st_mode):
                    _descend(found, descriptor, name, location, path)
                else:
                    found.findings.append(Finding("warning", path, _SPECIAL, "remove it if unused"))
            except OSError as error:
                found.findings.append(_error(path, f"cannot be read: {explain(error)}"))


def _descend(found: _FolderWalk, parent: int | None, name: str, location: str, path: str) -> None:
    if not found.enters(path):
        return
    if path.count("/") < MAX_DEPTH - 1:
        found.subfolders.add(path)
        _enter(found, parent, name, f"{location}/{name}", f"{path}/")
    else:
        found.findings.append(_error(path, f"{MAX_DEPTH} folders deep; not read below"))


def _is_link(status: os.stat_result) -> bool:
    is_junction = getattr(status, "st_reparse_tag", None) == JUNCTION
    return stat.S_ISLNK(status.st_mode) or is_junction


def _read_target(name: str, descriptor: int | None, location: str) -> str:
    if descriptor is None:
        return escape_name(os.fspath(Path(location, name).readlink()))
    return escape_name(os.readlink(name, dir_fd=descriptor))


def _drop_duplicates(found: _FolderWalk) -> tuple[FolderEntry, ...]:
    """Return the entries sorted by path; of two with one recorded path, only one."""
    by_path = {entry.path: entry for entry in found.entries}
    if len(by_path) != len(found.entries):
        alike = len(found.entries) - len(by_path)
        reason = f"{alike} names that are not UTF-8 are recorded like others; left out"
        found.findings.append(_error(None, reason))
    return tuple(by_path[path] for path in sorted(by_path))


def _error(path: str | None, reason: str) -> Finding:
    fix = "mend or remove it and ingest again; until then it is missing from the lake"
    return Finding("error", path, reason, fix)


def _stat_line(entry: FolderEntry) -> str:
    status = entry.status
    times = f"{status.st_mtime_ns}\0{status.st_ctime_ns}"
    return f"{entry.path}\0{entry.kind}\0{status.st_size}\0{times}\0{status.st_ino}\0"


def digest_lines(lines: Iterable[str]) -> str:
    """Return the sha256 of lines whose fields each end in a null character."""
    return sha256("".join(lines).encode()).hexdigest()
