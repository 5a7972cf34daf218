"""Load and decode hostile pickles in a process of their own: `python attacked.py <group>`.

Prints a line of JSON for each: its name, its fate, what went wrong if anything did, and the
seconds that the slowest step took. The process may use 512 MiB more than it has after its imports.
"""

from __future__ import annotations

import ctypes
import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rdlake.sources.pickles import (
Refused,
as_frame,
as_path,
as_series,
as_value,
attributes,
load,
open_envelope,
)  # fmt: skip
from tests.sources.pickles.assemble import STOP
from tests.sources.pickles.bombs import shared_level
from tests.sources.pickles.hostile import ATTACKS

MEMORY = 512 << 20
STEPS: tuple[Callable[[object], object], ...] = (
    as_value, as_frame, as_series, as_path, attributes, repr,
)  # fmt: skip


def limit_memory() -> None:
    """Allow so much more memory than there is once polars has its threads, which reserve much
    more."""
    attacked(shared_level(1_000) + STOP)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    now = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))


def give_back() -> None:
    """Return the memory of the case before to the system, so that each is measured alone."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def attacked(data: bytes) -> tuple[str, float, str]:
    """Return the fate, the seconds of the slowest step, and the refusal of it."""
    started = time.process_time()
    try:
        value = load(data)
    except Refused as refusal:
        return "refused", time.process_time() - started, str(refusal)
    slowest = time.process_time() - started
    for step in STEPS:
        started = time.process_time()
        try:
            step(value)
        except (Refused, RecursionError) as refusal:
            if isinstance(refusal, RecursionError) and step is not repr:
                raise
        slowest = max(slowest, time.process_time() - started)
    return "inert", slowest, ""


def main(group: str) -> None:
    limit_memory()
    for name, hostile in ATTACKS.items():
        if name.startswith(group):
            print(json.dumps({"name": name, "started": True}), flush=True)
            give_back()
            data = hostile.bytes()
            if data[:4] == b"RDAG":
                with suppress(Refused):
                    open_envelope(data, bytes(32))
            fate, seconds, reason = attacked(data)
            print(json.dumps({"name": name, "fate": fate, "seconds": seconds, "why": reason}))


if __name__ == "__main__":
    main(sys.argv[1])
