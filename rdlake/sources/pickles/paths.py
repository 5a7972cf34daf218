"""Decode paths as text of the system that they were written on."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath, PureWindowsPath

from rdlake.sources.pickles.names import refuse, word
from rdlake.sources.pickles.records import record

LONGEST_PATH = 32_767


def as_path(value: object) -> PurePath:
    """Return a PurePosixPath or PureWindowsPath, whatever this system is; Refused for no path."""
    found = record(value, "a path")
    flavour = word(found)
    if flavour not in ("Posix", "Windows"):
        raise refuse(found, "is not a path")
    # Python 3.13 writes the whole path, all before it its parts.
    parts = [part for part in found.args if type(part) is str]
    if len(parts) != len(found.args):
        raise refuse(found, "a path with parts that are no text")
    if sum(map(len, parts)) > LONGEST_PATH:
        raise refuse(found, "a path longer than any system has")
    return PurePosixPath(*parts) if flavour == "Posix" else PureWindowsPath(*parts)
