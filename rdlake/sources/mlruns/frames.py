"""Read qlib's pickled frames: scores, labels, daily IC and the risk figures."""

from __future__ import annotations

import datetime

import polars as pl

from rdlake.sources.pickles import Frame, Limits, Refused, Series, as_value, load

LARGE = Limits(size=128 << 20, memory=1 << 30, seconds=5)
"""The limits for the scores of a whole market over some years."""
SMALL = Limits(size=8 << 20, memory=64 << 20, seconds=0.5)
TOP = 50
"""How many scores of a day are kept when the number of positions is not known."""

_DAYS = ("datetime", "date")
_FIRST, _LAST = datetime.date(1900, 1, 1), datetime.date(2200, 1, 1)


def read_rows(data: bytes, name: str) -> pl.DataFrame:
    """Return the rows of pred.pkl or label.pkl in order: date, instrument, and the only column as
    `name`.

    A value is null where there is no finite number. Refused for anything else.
    """
    table, index = _decode(data, LARGE)
    values = [column for column in table.columns if column not in index]
    if len(values) != 1:
        raise Refused("DataFrame", f"{len(values)} columns of values, where one was expected")
    if len(index) != 2:
        raise Refused("DataFrame", "no index of days and instruments")
    day, instrument = _find_levels(table, index)
    return table.select(
        _to_dates(table[day]),
        table[instrument].alias("instrument"),
        _to_floats(table[values[0]]).alias(name),
    )


def read_daily(data: bytes, name: str) -> pl.DataFrame:
    """Return a series by day as date and `name`. Refused for anything else."""
    table, index = _decode(data, SMALL)
    values = [column for column in table.columns if column not in index]
    if len(index) != 1 or len(values) != 1:
        raise Refused("Series", "no series by day")
    return pl.DataFrame(
        [_to_dates(table[index[0]]), _to_floats(table[values[0]]).alias(name)]
    ).sort("date")


def read_figures(data: bytes) -> dict[str, float | None]:
    """Return each figure of port_analysis by its two names joined by a dot. Refused for anything
    else."""
    table, index = _decode(data, SMALL)
    values = [column for column in table.columns if column not in index]
    if len(index) != 2 or len(values) != 1 or table.height > 10_000:
        raise Refused("DataFrame", "no table of risk figures")
    numbers = _to_floats(table[values[0]]).to_list()
    names = zip(table[index[0]].to_list(), table[index[1]].to_list(), strict=True)
    return {f"{group}.{name}": value for (group, name), value in zip(names, numbers, strict=True)}


def select_top(scores: pl.DataFrame, topk: int | None) -> pl.DataFrame:
    """Return the `topk` highest scores of each day, or the 50 highest when `topk` is not known.

    Rank 1 is the highest; equal scores rank in the order of the file. target_weight is 1/topk, null
    if unknown.
    """
    kept = TOP if topk is None else topk
    weight = 1.0 / topk if topk else None
    ordered = scores.drop_nulls("score").sort(
        "date", "score", descending=[False, True], maintain_order=True
    )
    ranked = ordered.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("date").alias("rank"),
        pl.lit(weight, pl.Float64).alias("target_weight"),
    )
    return ranked.filter(pl.col("rank") <= kept)


def _decode(data: bytes, limits: Limits) -> tuple[pl.DataFrame, list[str]]:
    """Return a frame or series with its index as columns, and the names of these columns."""
    found = as_value(load(data, limits=limits), limits=limits)
    if not isinstance(found, Frame | Series):
        raise Refused(type(found).__name__, "no frame and no series")
    table = found.table()
    if not table.height:
        raise Refused("DataFrame", "not a single row in it")
    return table, table.columns[: len(found.index)]


def _find_levels(table: pl.DataFrame, index: list[str]) -> tuple[str, str]:
    """Return the level with the days and the level with the instruments, in whatever order they
    stand."""
    times = [name for name in index if table[name].dtype.is_temporal()]
    texts = [name for name in index if table[name].dtype == pl.String]
    if len(times) != 1 or len(texts) != 1:
        raise Refused("MultiIndex", "not one level of days and one of instruments")
    if table[texts[0]].has_nulls():
        raise Refused("MultiIndex", "a row without an instrument")
    return times[0], texts[0]


def _to_dates(column: pl.Series) -> pl.Series:
    """Return the days of a level of times. Refused when they are no days."""
    if not isinstance(column.dtype, pl.Date | pl.Datetime):
        raise Refused("index", f"its days are of type {column.dtype}")
    if column.has_nulls():
        raise Refused("index", "a row without a day")
    days = column.dt.date().alias("date")
    if isinstance(column.dtype, pl.Datetime) and (column.dt.time() != datetime.time()).any():
        raise Refused("index", "times of day, where days were expected")
    first, last = days.min(), days.max()
    if not isinstance(first, datetime.date) or not isinstance(last, datetime.date):
        raise Refused("index", "no days in it")
    if first < _FIRST or last > _LAST:
        raise Refused("index", f"days from {first} to {last}")
    return days


def _to_floats(column: pl.Series) -> pl.Series:
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise Refused("DataFrame", f"values of type {column.dtype}, not numbers")
    numbers = column.cast(pl.Float64)
    return numbers.set(~numbers.is_finite(), None)
