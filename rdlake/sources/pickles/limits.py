"""Limit what one pickle may cost, and keep the account of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rdlake.sources.pickles.refusal import Refused

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Hold the limits for one pickle.

    `size` is the number of bytes, packed and unpacked. `memory` is the number of bytes for the
    pickle and all that is made from it, by a cautious estimate. `depth` is the number of levels of
    nesting. `expanded` is the number of values when nothing is shared. `seconds` is this thread's
    processor time, so that a busy machine refuses nothing more.
    """

    size: int = 256 * MIB
    memory: int = 384 * MIB
    depth: int = 1_000
    expanded: int = 10_000_000
    seconds: float = 1.5


DEFAULT = Limits()


class Budget:
    """Count what is left of the limits while one pickle is read or one value is decoded."""

    __slots__ = ("containers", "deadline", "left", "limits", "shared", "uncounted")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.memory
        self.deadline = time.thread_time() + limits.seconds
        self.containers = 0
        self.shared = 0
        self.uncounted = 0

    def spend(self, cost: int) -> None:
        """Take memory before it is used; Refused when there is not enough left."""
        self.left -= cost
        if self.left < 0:
            raise Refused("pickle", f"needs more than {self.limits.memory:,} bytes of memory")

    def contain(self, cost: int) -> None:
        """Take the memory of one more container."""
        self.containers += 1
        self.left -= cost
        if self.left < 0:
            self.spend(0)

    def watch(self) -> None:
        """Raise Refused when the time is up."""
        if time.thread_time() > self.deadline:
            raise Refused("pickle", f"takes longer than {self.limits.seconds:g} s")
