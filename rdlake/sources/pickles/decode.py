"""Turn inert records into plain values. Each call gets a budget of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rdlake.sources.pickles.frames import Frame, Series, decode_frame, decode_series
from rdlake.sources.pickles.limits import DEFAULT, Budget, Limits
from rdlake.sources.pickles.refusal import Refused
from rdlake.sources.pickles.values import decode

T = TypeVar("T")


def as_frame(value: object, *, limits: Limits = DEFAULT) -> Frame:
    """Return a pandas DataFrame; Refused for anything else, or anything in it that is not read."""
    return _within(limits, decode_frame, value)


def as_series(value: object, *, limits: Limits = DEFAULT) -> Series:
    """Return a pandas Series; Refused for anything else, or anything in it that is not read."""
    return _within(limits, decode_series, value)


def as_value(value: object, *, limits: Limits = DEFAULT) -> Any:
    """Return the value with all records in it decoded: numbers, texts, times, paths, arrays,
    frames, and lists, tuples, dicts and sets of them; NA and NaT are None.

    Refused by its name for the first record that no decoder knows.
    """
    return _within(limits, decode, value)


def _within(limits: Limits, decoder: Callable[[object, Budget], T], value: object) -> T:
    try:
        return decoder(value, Budget(limits))
    except RecursionError as error:
        raise Refused("value", "nested too deep, or part of itself") from error
