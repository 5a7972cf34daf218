"""Describe every error that a user can do something about: what happened, where, and the fix.

RdlakeError
├── NoLake            there is no lake at this path (exit 10)
├── DamagedLake       a file of the lake is torn, missing or not what was written (exit 4)
├── UnsupportedLake   made by another version of rdlake, or at a path it cannot use
├── LakeBusy          another process is at work; nothing of this batch is half visible
├── StorageFailed     the disk or object store refused: full, read-only, unreadable
├── BadInput          what the user pointed at is not what the command needs
├── UnknownVersion    no such catalog version
└── CheckFailed       the data breaks a promise; nothing was published (exit 4)

A class method makes an error from facts, so that each text is written once.
"""

from __future__ import annotations

from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Self


class ExitCode(IntEnum):
    """List what the process tells its caller."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    VERIFICATION_FAILED = 4
    NO_LAKE = 10


def restore(what: str = "it") -> str:
    """Return the fix for a file that only a copy of the lake still has."""
    return f"restore {what} from a copy of the lake"


class RdlakeError(Exception):
    """Tell what happened, where, and what to do about it."""

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, where: object, fix: str) -> None:
        super().__init__(what, str(where), fix)
        self.what, self.where, self.fix = what, str(where), fix

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), where=self.where, fix=self.fix), (self.what,)

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  fix:   {self.fix}"


class NoLake(RdlakeError):
    """Tell that there is no lake at a path."""

    exit_code = ExitCode.NO_LAKE

    @classmethod
    def at(cls, root: Path) -> Self:
        """Tell how to make a lake there."""
        return cls("there is no lake here", where=root, fix=f"rdlake init --lake {root}")


class DamagedLake(RdlakeError):
    """Tell that a file of the lake is torn, missing or not what was written."""

    exit_code = ExitCode.VERIFICATION_FAILED

    @classmethod
    def file(cls, path: object, reason: str) -> Self:
        """Tell that a data file must be restored."""
        return cls(
            reason,
            where=path,
            fix=f"{restore()}, or ingest the same folders into a new lake; "
            "rdlake catalogs verify --deep names every pinned file that is not whole",
        )

    @classmethod
    def table(cls, folder: Path, reason: str, otherwise: str) -> Self:
        """Tell that a table must be restored, and what to do when there is no copy."""
        fix = f"{restore(f'tables/{folder.name}')}, or {otherwise}"
        return cls(reason, where=folder, fix=fix)

    @classmethod
    def content(cls, where: object) -> Self:
        """Tell that stored content is not what its digest says."""
        return cls.file(where, "the content stored under this digest is not what it says")


class UnsupportedLake(RdlakeError):
    """Tell that another version of rdlake made the lake, or that its path cannot be used."""


class LakeBusy(RdlakeError):
    """Tell that another process is at work."""

    @classmethod
    def locked(cls, root: object, who: str) -> Self:
        """Tell who holds the lock below a folder."""
        return cls(
            f"another {who} is at work there",
            where=root,
            fix="let it end, then run the command again; nothing was changed by this one",
        )


class StorageFailed(RdlakeError):
    """Tell that the disk or object store refused."""

    @classmethod
    def cannot_write(cls, path: object, error: OSError, what: str) -> Self:
        """Tell why something cannot be written to a folder of the user's choice."""
        return cls(
            f"cannot write {what}: {error.strerror}",
            where=path,
            fix="free space, or name a folder that is there and can be written to; "
            "then run the command again",
        )


class BadInput(RdlakeError):
    """Tell that what the user pointed at is not what the command needs."""

    @classmethod
    def no_folder(cls, path: Path) -> Self:
        """Tell that the folder to write to is not there."""
        return cls("no such folder", where=path, fix="make it, or name another one")


class UnknownVersion(RdlakeError):
    """Tell that there is no such catalog version."""


class CheckFailed(RdlakeError):
    """Tell that the data breaks a promise."""

    exit_code = ExitCode.VERIFICATION_FAILED
