"""Each factor's own numbers: of its values, and of each day against a label."""

from __future__ import annotations

from rdlake.factors.statistics.daily import correlated
from rdlake.factors.statistics.measured import (
    FACTORS,
    Figures,
    Key,
    Measured,
    Prices,
    measure,
)
from rdlake.factors.statistics.rows import FIGURES, perf_rows, series_rows

__all__ = [
    "FACTORS",
    "FIGURES",
    "Figures",
    "Key",
    "Measured",
    "Prices",
    "correlated",
    "measure",
    "perf_rows",
    "series_rows",
]
