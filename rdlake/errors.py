"""Every error a user can do something about. The message says what, where and the fix.

RdlakeError
├── NoLake            there is no lake at this path (exit 10)
├── DamagedLake       a file of the lake is torn, missing or not what it was (exit 4)
├── UnsupportedLake   made by another version of rdlake, or at a path it cannot use
├── LakeBusy          other writers kept winning; nothing of this batch is half visible
├── StorageFailed     the disk or object store refused: full, read-only, unreadable
├── BadInput          what the user pointed at is not what the command needs
├── UnknownVersion    no such catalog version
└── CheckFailed       the data breaks a promise; nothing was published (exit 4)
"""

from __future__ import annotations

from enum import IntEnum
from functools import partial


class ExitCode(IntEnum):
    """What the process tells its caller."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    VERIFICATION_FAILED = 4
    NO_LAKE = 10


class RdlakeError(Exception):
    """What happened, where, and what to do about it."""

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, where: object, fix: str) -> None:
        super().__init__(what, str(where), fix)
        self.what, self.where, self.fix = what, str(where), fix

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), where=self.where, fix=self.fix), (self.what,)

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  fix:   {self.fix}"


class NoLake(RdlakeError):
    exit_code = ExitCode.NO_LAKE


class DamagedLake(RdlakeError):
    exit_code = ExitCode.VERIFICATION_FAILED


class UnsupportedLake(RdlakeError):
    pass


class LakeBusy(RdlakeError):
    pass


class StorageFailed(RdlakeError):
    pass


class BadInput(RdlakeError):
    pass


class UnknownVersion(RdlakeError):
    pass


class CheckFailed(RdlakeError):
    exit_code = ExitCode.VERIFICATION_FAILED
