"""A measured figure and what it must not exceed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure and what it must not exceed."""

    name: str
    value: float
    unit: str
    goal: float

    @property
    def kept(self) -> bool:
        return self.value <= self.goal


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
