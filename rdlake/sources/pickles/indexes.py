"""Decode pandas' indexes: the names of the levels, and each level as a column."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from rdlake.sources.pickles.arrays import as_array
from rdlake.sources.pickles.columns import convert_zone, take_codes
from rdlake.sources.pickles.extension import as_columns
from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.names import refuse, word
from rdlake.sources.pickles.records import Record, record
from rdlake.sources.pickles.scalars import as_label
from rdlake.sources.pickles.times import zone_name

MOST_LEVELS = 16
_FLAT: Final = frozenset(
    {
        "Index", "DatetimeIndex", "TimedeltaIndex", "CategoricalIndex",
        "Int64Index", "UInt64Index", "Float64Index",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Hold the labels of rows or columns, level by level."""

    names: tuple[Hashable, ...]
    levels: tuple[pl.Series, ...]

    def __len__(self) -> int:
        return len(self.levels[0])

    @property
    def labels(self) -> tuple[Hashable, ...]:
        """Return one label for each place: the value, or a tuple of the values of all levels."""
        if len(self.levels) == 1:
            return tuple(self.levels[0].to_list())
        return tuple(zip(*(level.to_list() for level in self.levels), strict=True))


def as_axis(value: object, budget: Budget) -> Axis:
    """Return the levels of an index; Refused for a kind of index that is not read."""
    found = record(value, "an index")
    if word(found) != "new index" or len(found.args) != 2:
        raise refuse(found, "is no index that is read")
    kind, parts = found.args
    name = word(kind)
    if type(parts) is not dict:
        raise refuse(found, "an index without its parts")
    if name == "MultiIndex":
        return _read_multiple(found, parts, budget)
    if name == "RangeIndex":
        level = _read_range(found, parts, budget)
    elif name in _FLAT:
        level = _read_flat(found, parts, budget)
    else:
        raise refuse(kind, "is no index that is read")
    return Axis((as_label(parts.get("name"), budget),), (level,))


def as_level(value: object, budget: Budget) -> pl.Series:
    """Return the values of an index of one level; Refused for one of several."""
    found = record(value, "an index")
    if any(word(part) == "MultiIndex" for part in found.args[:1]):
        raise refuse(found, "has several levels where one belongs")
    return as_axis(found, budget).levels[0]


def _read_flat(found: Record, parts: dict[str, object], budget: Budget) -> pl.Series:
    levels = as_columns(parts.get("data"), as_level, budget)
    if len(levels) != 1:
        raise refuse(found, "an index of two dimensions")
    level, zone = levels[0], parts.get("tz")
    if zone is None or getattr(level.dtype, "time_zone", None):
        return level
    return convert_zone(level, zone_name(zone, budget))


def _read_range(found: Record, parts: dict[str, object], budget: Budget) -> pl.Series:
    start, stop, step = (parts.get(key) for key in ("start", "stop", "step"))
    if type(start) is not int or type(stop) is not int or type(step) is not int or step == 0:
        raise refuse(found, "a range without start, stop and step")
    if max(abs(start), abs(stop), abs(step)) >= 1 << 62:
        raise refuse(found, "a range beyond 64 bits")
    budget.spend(16 * len(range(start, stop, step)))
    return pl.Series(np.arange(start, stop, step, dtype=np.int64))


def _read_multiple(found: Record, parts: dict[str, object], budget: Budget) -> Axis:
    levels, codes, names = (parts.get(key) for key in ("levels", "codes", "names"))
    lists = [part for part in (levels, codes, names) if isinstance(part, list | tuple)]
    if len(lists) != 3 or not 1 <= len(lists[0]) == len(lists[1]) == len(lists[2]) <= MOST_LEVELS:
        raise refuse(found, "levels, codes and names that do not fit each other")
    columns = tuple(
        take_codes(as_level(level, budget), as_array(places, budget), budget)
        for level, places in zip(lists[0], lists[1], strict=True)
    )
    if len({len(column) for column in columns}) != 1:
        raise refuse(found, "levels of several lengths")
    return Axis(tuple(as_label(name, budget) for name in lists[2]), columns)
