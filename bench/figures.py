"""Describe a measured figure and its goal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Hold one measured figure and what it must not exceed; without a goal it is only reported."""

    name: str
    value: float
    unit: str
    goal: float | None

    @property
    def kept(self) -> bool:
        """Return whether the goal is met."""
        return self.goal is None or self.value <= self.goal

    def __str__(self) -> str:
        mark = "ok  " if self.kept else "MISS"
        goal = "" if self.goal is None else f" (goal ≤ {self.goal:.3g})"
        return f"{mark} {self.name:38} {self.value:8.2f} {self.unit:3}{goal}"


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
