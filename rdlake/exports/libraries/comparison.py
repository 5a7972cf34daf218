"""Compare the values that code makes anew with those that were stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from rdlake.domain.panel import Days, Panel, PanelRows, Reals
from rdlake.exports.libraries.runtime.runner import Values
from rdlake.sources.backtest.factor_table import read_factor_columns
from rdlake.sources.backtest.factor_values import open_factor_table, to_epoch_days
from rdlake.sources.formats.hdf5 import read_factor_values
from rdlake.sources.formats.unreadable import Unreadable

TOLERANCE = 1e-8
"""Two values are equal within this share of their size, or this distance if they are small."""
KEY = ("day", "instrument")


@dataclass(frozen=True)
class ValueDifference:
    """Count the stored rows and those that differ.

    `largest` is the largest difference where both have a value. `beyond` counts new values for days
    and instruments that are not stored.
    """

    rows: int
    otherwise: int
    largest: float | None
    beyond: int


def compare_values(stored: pl.DataFrame, made: Values) -> ValueDifference:
    """Compare every stored row with what was made.

    A missing value equals only a missing one. Raise Unreadable for values that are not by day.
    """
    anew = _code_values(made)
    beside = stored.join(anew, on=KEY, how="left", suffix="_anew")
    apart = (pl.col("value") - pl.col("value_anew")).abs()
    allowed = TOLERANCE * pl.max_horizontal(pl.lit(1.0), pl.col("value").abs())
    one = pl.col("value").is_null() != pl.col("value_anew").is_null()
    found = beside.select(
        otherwise=(one | (apart > allowed)).fill_null(value=False).sum(), largest=apart.max()
    )
    beyond = anew.drop_nulls().join(stored, on=KEY, how="anti").height
    otherwise, largest = found.row(0)
    return ValueDifference(stored.height, otherwise, largest, beyond)


def read_table_values(path: Path, column: str) -> pl.DataFrame:
    """Return day, instrument and value of each row of one factor; raise Unreadable if it cannot
    be read."""
    columns, found = read_factor_columns(path, path.name)
    physical = next(
        (each.column for each in columns or () if column in (each.name, each.column)), None
    )
    if physical is None:
        raise Unreadable(found[0].reason if found else f"it has no column {column}")
    with open_factor_table(path) as table:
        panel, _ = table.column(physical)
        return _frame(table.rows, panel)


def read_result_values(path: Path) -> pl.DataFrame:
    """Return day, instrument and value of each row of a result.h5; raise Unreadable if it cannot
    be read."""
    values, found = read_factor_values(path, path.name)
    if values is None:
        raise Unreadable(found[0].reason)
    rows = values.rows
    reals = rows["value"].cast(pl.Float64).to_numpy()
    return _frame_of_rows(to_epoch_days(rows["datetime"]), rows["instrument"].to_list(), reals)


def _code_values(made: Values) -> pl.DataFrame:
    days = to_epoch_days(pl.Series(made.days.view("datetime64[ns]")))
    return _frame_of_rows(days, made.instruments.tolist(), made.values)


def _frame_of_rows(days: Days, instruments: Sequence[str], values: Reals) -> pl.DataFrame:
    names, codes = np.unique(np.array(instruments, dtype="U"), return_inverse=True)
    rows = PanelRows.from_columns(days, codes.astype(np.int32), names.tolist())
    return _frame(rows, rows.column(values)[0])


def _frame(rows: PanelRows, panel: Panel) -> pl.DataFrame:
    every = _keys(rows.days, rows.codes, rows.names).unique()
    known = _keys(panel.days, panel.codes, panel.names).with_columns(value=pl.lit(panel.values))
    return every.join(known, on=KEY, how="left")


def _keys(days: Days, codes: Days, names: Sequence[str]) -> pl.DataFrame:
    called = pl.Series(names, dtype=pl.String).gather(pl.Series(codes))
    return pl.DataFrame({"day": days, "instrument": called})
