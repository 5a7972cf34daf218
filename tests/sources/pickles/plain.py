"""Turn decoded values into the words of `expected.json`."""

from __future__ import annotations

import math
from typing import Any

import polars as pl


def plain(series: pl.Series) -> list[Any]:
    """Return the values as JSON has them: times as text in UTC, spans as nanoseconds, no NaN."""
    kind = series.dtype
    if isinstance(kind, pl.Datetime):
        utc = series.dt.convert_time_zone("UTC") if kind.time_zone else series
        end = "Z" if kind.time_zone else ""
        nanoseconds = utc.dt.replace_time_zone(None).cast(pl.Datetime("ns"))
        return nanoseconds.dt.strftime(f"%Y-%m-%dT%H:%M:%S%.9f{end}").to_list()
    if isinstance(kind, pl.Duration):
        return series.dt.total_nanoseconds().to_list()
    return [None if isinstance(v, float) and math.isnan(v) else v for v in series.to_list()]


def label(name: object) -> object:
    return list(name) if isinstance(name, tuple) else name
