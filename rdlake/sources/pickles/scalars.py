"""Decode single values: numbers, texts, times, and the labels of rows and columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable
from typing import Any, Final

import numpy as np

from rdlake.sources.pickles.arrays import as_numpy_scalar
from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.names import is_word, refuse
from rdlake.sources.pickles.records import Record
from rdlake.sources.pickles.times import TIMES, as_time

LONGEST_LABEL = 16
PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None), complex})


def as_scalar(value: object, budget: Budget) -> Any:
    """Return a number, text, bytes or time as Python has it; None for NA and NaT.

    Times of numpy stay numpy's. Refused for anything larger.
    """
    if type(value) in PLAIN:
        return value
    if is_word(value, "scalar"):
        found = as_numpy_scalar(value, budget)
        return found if isinstance(found, np.datetime64 | np.timedelta64) else found.item()
    if is_word(value, "NA"):
        return None
    if is_word(value, "complex") and type(value) is Record:
        numbers = [float(part) for part in value.args if isinstance(part, int | float)]
        if len(numbers) == len(value.args) == 2:
            return complex(*numbers)
    if is_word(value, *TIMES):
        return as_time(value, budget)
    raise refuse(value, "is not read")


def as_label(value: object, budget: Budget) -> Hashable:
    """Return the name of a row level or column: a scalar, or a tuple of them."""
    if type(value) is tuple:
        if len(value) > LONGEST_LABEL or any(type(part) is tuple for part in value):
            raise refuse(value, "a label of too many parts")
        return tuple(as_label(part, budget) for part in value)
    found = as_scalar(value, budget)
    if not isinstance(found, str | int | float | dt.date | dt.timedelta | None):
        raise refuse(value, "is no label")
    if isinstance(found, str) and not _has_utf8(found):
        raise refuse(value, "a label with half a letter")
    return found


def _has_utf8(text: str) -> bool:
    try:
        return text.encode() is not None
    except UnicodeEncodeError:
        return False
