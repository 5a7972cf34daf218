"""How much one pickle may cost, and the account it is kept in."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rdlake.sources.pickles.refusal import Refused

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """`size` bytes of pickle, packed and unpacked; `memory` bytes for it and all made from it, by
    a cautious estimate; `depth` levels of nesting; `expanded` values when nothing is shared;
    `seconds` of this thread's processor time, so that a busy machine refuses nothing more."""

    size: int = 256 * MIB
    memory: int = 384 * MIB
    depth: int = 1_000
    expanded: int = 10_000_000
    seconds: float = 1.5


DEFAULT = Limits()


class Budget:
    """What is left of the limits while one pickle is read or one value decoded."""

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
        """Refused when the time is up."""
        if time.thread_time() > self.deadline:
            raise Refused("pickle", f"takes longer than {self.limits.seconds:g} s")
