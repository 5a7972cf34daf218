"""Draw random numbers. Each subject has a stream of its own, so that one never moves another."""

from __future__ import annotations

import uuid
from enum import IntEnum, auto

import numpy as np


class Subject(IntEnum):
    """Name what a stream of random numbers is for. New subjects go last, or every demo changes."""

    MARKET = auto()
    RUN = auto()
    EXPERIMENT = auto()
    EXPERIMENT_BACKTEST = auto()
    BASELINE_BACKTEST = auto()
    FACTOR = auto()
    MODEL_ACTION = auto()
    FAILURE = auto()
    MISSING_IC = auto()
    SUB_WORKSPACES = auto()
    EXPERIMENT_ID = auto()
    BASELINE_ID = auto()
    SUB_ID = auto()
    UNUSED_ID = auto()
    JUNK_ID = auto()
    REGISTERED_RUN = auto()


def draw(seed: int, subject: Subject, number: int = 0, part: int = 0) -> np.random.Generator:
    """Return the stream of one subject; equal arguments give equal streams."""
    # Always four numbers: numpy pads a shorter key with zeros, so (1, 2) would equal (1, 2, 0).
    return np.random.default_rng((seed, int(subject), number, part))


def is_picked(seed: int, subject: Subject, number: int, every: int) -> bool:
    """Return whether `number` is the one chosen among its `every` neighbours."""
    group, place = divmod(number, every)
    return int(draw(seed, subject, group).integers(every)) == place


def identifier(seed: int, subject: Subject, number: int, part: int = 0) -> str:
    """Return a folder name as RD-Agent makes them: 32 hex digits of a version 4 UUID."""
    return uuid.UUID(bytes=draw(seed, subject, number, part).bytes(16), version=4).hex
