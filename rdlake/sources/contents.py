"""What the files of a scanned folder hold: each read once, so that what is hashed is parsed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from rdlake.experiment import Finding, SourceFile
from rdlake.sources.artifact_types import artifact_type
from rdlake.sources.files import Entry, Scan, digest_of
from rdlake.sources.wording import because

__all__ = ["KEPT", "Hashed", "hash_files", "open_file"]

PIECE = 1 << 20
KEPT: Mapping[str, int] = MappingProxyType({"qlib_res.csv": 8 << 20, "ret.parquet": 64 << 20})
"""The files that are parsed whole, and up to how many bytes."""

_NO_LINK, _NO_WAIT = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_NONBLOCK", 0)
_FILE = os.O_RDONLY | _NO_LINK | _NO_WAIT | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Hashed:
    """A scan's files with the digests of their contents; `kept` has the bytes of those in KEPT."""

    files: tuple[SourceFile, ...]
    source_digest: str
    kept: Mapping[str, bytes]
    findings: tuple[Finding, ...] = ()


def hash_files(scanned: Scan) -> Hashed:
    """The sha256 of every scanned file, each read once; an unreadable one has a finding instead."""
    files: list[SourceFile] = []
    kept: dict[str, bytes] = {}
    findings: list[Finding] = []
    for entry in scanned.entries:
        size, digest = None, None
        if entry.target is None:
            try:
                size, digest = _read(entry, kept)
            except OSError as error:
                size = entry.status.st_size
                findings.append(_unreadable(entry.path, error))
        word = artifact_type(entry.path)
        files.append(SourceFile(entry.path, word, entry.kind, size, digest, entry.target))
    return Hashed(tuple(files), digest_of(map(_source_line, files)), kept, tuple(findings))


@contextmanager
def open_file(location: str) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of a regular file, never of what a link points to; OSError otherwise."""
    descriptor = os.open(location, _FILE)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        yield descriptor, status
    finally:
        os.close(descriptor)


def _read(entry: Entry, kept: dict[str, bytes]) -> tuple[int, str]:
    """Size and sha256 of a file's bytes, at most as many as it had when it was opened."""
    digest, size, pieces = sha256(), 0, []
    with open_file(entry.location) as (descriptor, status):
        if entry.status.st_ino and not os.path.samestat(entry.status, status):
            raise OSError(errno.ESTALE, "replaced by another file while it was read")
        keep = status.st_size <= KEPT.get(entry.path, -1)
        while piece := os.read(descriptor, min(PIECE, status.st_size - size)):
            digest.update(piece)
            size += len(piece)
            if keep:
                pieces.append(piece)
    if keep:
        kept[entry.path] = b"".join(pieces)
    return size, digest.hexdigest()


def _source_line(file: SourceFile) -> str:
    content = file.sha256 or file.target or "unreadable"
    return f"{file.path}\0{file.kind}\0{file.size}\0{content}\0"


def _unreadable(path: str, error: OSError) -> Finding:
    reason = f"the file cannot be read: {because(error)}"
    return Finding("error", path, reason, "make it readable and ingest again, or remove it")
