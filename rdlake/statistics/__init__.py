"""Each factor's own numbers: of its values, and of each day against a label."""

from __future__ import annotations

from rdlake.statistics.measured import Figures, Key, Measured, Prices, measure
from rdlake.statistics.rows import FIGURES, perf_rows, series_rows

__all__ = ["FIGURES", "Figures", "Key", "Measured", "Prices", "measure", "perf_rows", "series_rows"]
