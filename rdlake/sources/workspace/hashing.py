"""Hash the files of a scanned folder. Each file is read once, so that what is hashed is what is
parsed."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from rdlake.domain.experiment import Finding, SourceFile
from rdlake.sources.fork.json_files import JSON_FILES
from rdlake.sources.formats.json_text import MAX_BYTES
from rdlake.sources.formats.wording import explain
from rdlake.sources.workspace.artifact_types import artifact_type
from rdlake.sources.workspace.scan import FolderEntry, Scan, digest_lines

PIECE = 1 << 20
PARSED_FILES: Mapping[str, int] = MappingProxyType(
    {
        "factor.py": 1 << 20,
        "model.py": 1 << 20,
        "qlib_res.csv": 8 << 20,
        "ret.parquet": 64 << 20,
        "ret.pkl": 64 << 20,
        **dict.fromkeys(JSON_FILES, MAX_BYTES),
    }
)
"""The files that are parsed, and the largest size that is parsed."""
MAX_SMALL_FILE = 4 << 20
"""The largest size of a template, or of a file that mlflow recorded."""
MAX_RECORDED = 64 << 20
"""About how many bytes of mlflow's files are kept for one workspace."""

_TEMPLATE = re.compile(r"[^/]+\.ya?ml")
_RECORDED = re.compile(
    r"mlruns/[^/]+/(meta\.yaml|[^/]+/(meta\.yaml|metrics/.+|params/.+"
    r"|artifacts/(task|config|sig_analysis/r?ic\.pkl|portfolio_analysis/port_analysis_[^/]+\.pkl)))",
    re.DOTALL,
)

_NO_LINK, _NO_WAIT = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_NONBLOCK", 0)
_FILE = os.O_RDONLY | _NO_LINK | _NO_WAIT | getattr(os, "O_BINARY", 0)
_NO_TIME = getattr(os, "O_NOATIME", 0)


@dataclass(frozen=True, slots=True)
class HashedFiles:
    """Hold a scan's files with their digests. `contents` has the bytes of the files that are
    parsed."""

    files: tuple[SourceFile, ...]
    source_digest: str
    contents: Mapping[str, bytes]
    findings: tuple[Finding, ...] = ()


def hash_files(scanned: Scan) -> HashedFiles:
    """Return the sha256 of every scanned file. An unreadable file gets a finding instead."""
    files: list[SourceFile] = []
    kept: dict[str, bytes] = {}
    findings: list[Finding] = []
    recorded = 0
    for entry in scanned.entries:
        size, digest = None, None
        if entry.target is None:
            try:
                most = -1 if recorded > MAX_RECORDED else max_parsed_size(entry.path)
                size, digest = _hash_file(entry, kept, most)
                if entry.path in kept and entry.path not in PARSED_FILES:
                    recorded += size
            except OSError as error:
                size = entry.status.st_size
                findings.append(_unreadable(entry.path, error))
        word = artifact_type(entry.path)
        files.append(
            SourceFile(
                path=entry.path,
                artifact_type=word,
                kind=entry.kind,
                size=size,
                sha256=digest,
                target=entry.target,
            )
        )
    return HashedFiles(tuple(files), digest_files(files), kept, tuple(findings))


def digest_files(files: Iterable[SourceFile]) -> str:
    """Return the source_digest of a folder with these files."""
    return digest_lines(map(_source_line, sorted(files, key=lambda file: file.path)))


def max_parsed_size(path: str) -> int:
    """Return the largest size at which a file is parsed; -1 for a file that is not parsed."""
    if path in PARSED_FILES:
        return PARSED_FILES[path]
    pattern = _RECORDED if path.startswith("mlruns/") else _TEMPLATE
    return MAX_SMALL_FILE if pattern.fullmatch(path) else -1


def open_file(location: str) -> tuple[int, os.stat_result]:
    """Return a descriptor of a regular file, which the caller closes, and its status.

    OSError for anything else, a link included. The access time stays as it is when the file is
    ours.
    """
    try:
        descriptor = os.open(location, _FILE | _NO_TIME)
    except PermissionError:
        descriptor = os.open(location, _FILE)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor, status


def _hash_file(entry: FolderEntry, kept: dict[str, bytes], most: int) -> tuple[int, str]:
    """Return the size and sha256 of a file. Its bytes are kept when there are at most `most`."""
    digest, size, so_far = sha256(), 0, list[bytes]()
    for piece in read_pieces(entry):
        digest.update(piece)
        size += len(piece)
        if size <= most:
            so_far.append(piece)
        else:
            so_far.clear()
    if size <= most:
        kept[entry.path] = b"".join(so_far)
    return size, digest.hexdigest()


def read_pieces(entry: FolderEntry) -> Iterator[bytes]:
    """Yield a scanned file's bytes in pieces of 1 MiB, at most as many bytes as it had when it was
    opened.

    OSError when it cannot be read or was replaced by another file.
    """
    descriptor, status = open_file(entry.location)
    try:
        if not is_same_file(entry.status, status):
            raise OSError(errno.ESTALE, "replaced by another file while it was read")
        left = status.st_size
        while left and (piece := _read_full(descriptor, min(PIECE, left))):
            yield piece
            left -= len(piece)
    finally:
        os.close(descriptor)


def _read_full(descriptor: int, size: int) -> bytes:
    """Return `size` bytes; fewer only at the end of the file."""
    piece = os.read(descriptor, size)
    while len(piece) < size and (more := os.read(descriptor, size - len(piece))):
        piece += more
    return piece


def is_same_file(seen: os.stat_result, opened: os.stat_result) -> bool:
    """Return whether the opened file is the one that was scanned. (Windows does not tell.)"""
    return not seen.st_ino or (seen.st_ino, seen.st_dev) == (opened.st_ino, opened.st_dev)


def _source_line(file: SourceFile) -> str:
    content = file.sha256 or file.target or "unreadable"
    return f"{file.path}\0{file.kind}\0{file.size}\0{content}\0"


def _unreadable(path: str, error: OSError) -> Finding:
    reason = f"the file cannot be read: {explain(error)}"
    return Finding("error", path, reason, "make it readable and ingest again, or remove it")
