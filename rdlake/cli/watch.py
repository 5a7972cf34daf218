"""Look again and again for what is new, until told to stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING

from rdlake.cli.output import say
from rdlake.errors import BadInput, ExitCode, LakeBusy, StorageFailed

if TYPE_CHECKING:
    from rdlake.ingest.pipeline import IngestReport


PASSING = (BadInput, LakeBusy, StorageFailed)
"""Errors that may be over at the next look: a folder that vanished, a busy lake, a full disk."""


def watch_for_more(
    look: Callable[[], IngestReport], tell: Callable[[IngestReport], None], interval: float
) -> int:
    """Repeat until Ctrl-C: look, report what is new, wait. Ctrl-C lets a look finish.

    An error of the first look ends it. A later error that may pass is told once.
    """
    first, trouble = True, ""
    with _until_stopped() as stop:
        say(f"watching, every {interval:g} s; Ctrl-C stops")
        while not stop.is_set():
            try:
                report = look()
            except PASSING as error:
                if first:
                    raise
                if str(error) != trouble:
                    say(f"{error}\n  trying again every {interval:g} s")
                trouble = str(error)
            else:
                findings = repr(report.root_findings)
                if first or report.outcomes or findings != trouble:
                    tell(report)
                trouble = findings
            first = False
            stop.wait(interval)
    say("stopped; all that was read is committed")
    return ExitCode.OK


@contextmanager
def _until_stopped() -> Iterator[Event]:
    """Yield an event that the first Ctrl-C or request to end sets; a second one stops at once."""
    stop = Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        os.write(2, b"\nstopping when this look is done; Ctrl-C again stops at once\n")

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
