"""Let one process at a time do a piece of work; the lock ends with the process that holds it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rdlake.errors import LakeBusy


@contextmanager
def locked(descriptor: int, root: object, who: str) -> Iterator[None]:
    """Hold the lock of an open file, and close the file at the end.

    Raise LakeBusy when another process holds it; `root` and `who` say where and doing what.
    """
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            raise LakeBusy.locked(root, who) from error
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
