"""Compute each factor's own figures: of its values, and of each day against a label.

`measure` takes the columns of one table of factors and returns a `Measurement`; `perf_rows` and
`series_rows` turn measurements into rows of `factor_perf` and `factor_ic`.
"""

from __future__ import annotations

from rdlake.factors.statistics.daily import mean_rank_correlation
from rdlake.factors.statistics.measurement import (
    FACTOR_TABLE,
    LOOK_AT_CODE,
    ColumnValues,
    FigureKey,
    Figures,
    Measurement,
    PriceLabel,
    measure,
)
from rdlake.factors.statistics.rows import FIGURE_COLUMNS, perf_rows, series_rows

__all__ = [
    "FACTOR_TABLE",
    "FIGURE_COLUMNS",
    "LOOK_AT_CODE",
    "ColumnValues",
    "FigureKey",
    "Figures",
    "Measurement",
    "PriceLabel",
    "mean_rank_correlation",
    "measure",
    "perf_rows",
    "series_rows",
]
