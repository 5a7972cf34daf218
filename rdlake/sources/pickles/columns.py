"""Turn one column of numpy's or pandas' values into a polars Series."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from rdlake.sources.pickles.arrays import Array
from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.refusal import Refused
from rdlake.sources.pickles.scalars import as_scalar

PER_VALUE, PER_OBJECT = 24, 96
BETWEEN_LOOKS = 1_024
INT32, INT64 = 1 << 31, 1 << 63
EXACT = 1 << 53
_COARSE: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "D": 86_400_000}
_TYPES: Final[dict[frozenset[type], pl.DataType]] = {
    frozenset(): pl.Null(),
    frozenset({bool}): pl.Boolean(),
    frozenset({int}): pl.Int64(),
    frozenset({float}): pl.Float64(),
    frozenset({int, float}): pl.Float64(),
    frozenset({str}): pl.String(),
    frozenset({bytes}): pl.Binary(),
    frozenset({dt.date}): pl.Date(),
    frozenset({dt.datetime}): pl.Datetime("us"),
    frozenset({dt.timedelta}): pl.Duration("us"),
}


def column(array: Array, budget: Budget) -> pl.Series:
    """Return one dimension of numpy values; NaT and missing objects become null, NaN stays."""
    kind = array.dtype.kind
    if kind in "OUS":
        budget.spend(PER_OBJECT * len(array))
    if kind == "O":
        return _object_column(array.tolist(), budget)
    budget.spend(2 * array.nbytes)
    native = _native(array)
    if kind in "Mm":
        return _time_column(native)
    if kind == "U":
        return text_column(native.tolist(), budget)
    if kind == "S":
        return pl.Series(native.tolist(), dtype=pl.Binary)
    if kind == "c":
        raise Refused("numpy.ndarray", "a column of complex numbers")
    return pl.Series(native.astype("f4") if native.dtype == np.float16 else native)


def convert_zone(column: pl.Series, zone: str) -> pl.Series:
    """Return times that were stored in UTC in their zone; Refused when there is no such zone."""
    try:
        return column.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    except PolarsError as error:
        raise Refused("time zone", f"{zone!r} is not known") from error


def take_codes(level: pl.Series, codes: Array, budget: Budget) -> pl.Series:
    """Return the level's values at the codes; -1 is null, any other outside is Refused."""
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise Refused("pandas", "codes that are no row of integers")
    if len(codes) and (int(codes.min()) < -1 or int(codes.max()) >= len(level)):
        raise Refused("pandas", f"a code outside the {len(level):,} values of its level")
    budget.spend(PER_VALUE * len(codes))
    places = pl.Series(_native(codes)).cast(pl.UInt32, strict=False)
    if level.dtype == pl.String:
        # The views polars makes are small; what is made of them later is not.
        budget.spend(int(level.str.len_bytes().gather(places).sum()))
    return level.gather(places)


def text_column(texts: list[str | None], budget: Budget) -> pl.Series:
    """Return a column of text; Refused for text that has no UTF-8."""
    budget.spend(PER_VALUE * len(texts) + 4 * sum(len(text) for text in texts if text))
    try:
        return pl.Series(texts, dtype=pl.String)
    except UnicodeEncodeError as error:
        raise Refused("str", "half a letter that has no UTF-8") from error


def _native(array: Array) -> Array:
    """Return the array as polars needs it: this machine's byte order, aligned, without gaps."""
    return np.require(array, array.dtype.newbyteorder("="), ["C_CONTIGUOUS", "ALIGNED"])


def _time_column(array: Array) -> pl.Series:
    unit, _ = np.datetime_data(array.dtype)
    days = unit == "D" and array.dtype.kind == "M"
    bound = INT32 if days else INT64 // _COARSE.get(unit, 1)
    counts = array.view(np.int64)
    lowest = counts.min(initial=0, where=counts != np.iinfo(np.int64).min)
    if max(-int(lowest), int(counts.max(initial=0))) >= bound:
        raise Refused("numpy.ndarray", "a time beyond the calendar")
    if unit in _COARSE and not days:
        array = array.astype(f"{array.dtype.kind}8[ms]")
    return pl.Series(array)


def _object_column(values: list[Any], budget: Budget) -> pl.Series:
    """Return objects of one kind as a column; Refused when they are of several or of none known."""
    found = []
    for count, value in enumerate(values):
        found.append(as_scalar(value, budget))
        if count % BETWEEN_LOOKS == 0:
            budget.watch()
    kinds = frozenset(type(value) for value in found) - {type(None)}
    if float in kinds and not kinds <= {float, int}:
        # Among other objects, pandas marks what is missing by NaN.
        found = [None if value != value else value for value in found]  # noqa: PLR0124
        kinds = frozenset(type(value) for value in found) - {type(None)}
    if kinds == {str}:
        return text_column(found, budget)
    return _typed_column(found, kinds, budget)


def _typed_column(found: list[Any], kinds: frozenset[type], budget: Budget) -> pl.Series:
    if kinds not in _TYPES:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise Refused("object column", f"holds {names}")
    if int in kinds and any(abs(value) >= INT64 for value in found if value is not None):
        raise Refused("object column", "an integer of more than 64 bits")
    if kinds == {int, float}:
        if any(type(value) is int and abs(value) > EXACT for value in found):
            raise Refused("object column", "an integer that no float can hold among floats")
        found = [None if value is None else float(value) for value in found]
    if any(getattr(value, "tzinfo", None) for value in found):
        raise Refused("object column", "times in time zones")
    budget.spend(sum(len(value) for value in found if type(value) is bytes))
    try:
        return pl.Series(found, dtype=_TYPES[kinds], strict=True)
    except (PolarsError, OverflowError, TypeError) as error:
        raise Refused("object column", f"values out of range: {error}") from error
