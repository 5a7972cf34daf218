"""Build rows of `factor_perf` and `factor_ic`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from rdlake.factors.statistics.measurement import Measurement
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table

OTHER_COLUMNS = (
    "workspace_id", "factor_name", "window", "start_date", "end_date", "label_source", "rows",
    "coverage", "values_sha256", "label_sha256", "series_id", "source_digest",
)  # fmt: skip
FIGURE_COLUMNS = tuple(
    name for name in table("factor_perf").column_names if name not in OTHER_COLUMNS
)
"""The columns that follow from values, label and days alone."""


def perf_rows(measurements: Sequence[Measurement]) -> pl.DataFrame:
    """Return one row per factor and window."""
    return frame_of(table("factor_perf"), [row for each in measurements for row in each.rows])


def series_rows(measurements: Sequence[Measurement]) -> pl.DataFrame:
    """Return one row per day of each series that was computed."""
    series = {key: days for each in measurements for key, days in each.series.items()}
    if not series:
        return frame_of(table("factor_ic"), [])
    parts = list(series.values())
    names = pl.Series(list(series), dtype=pl.String)
    lengths = [len(days.days) for days in parts]
    places = np.repeat(np.arange(len(parts), dtype=np.uint32), lengths)
    return pl.DataFrame(
        {
            "series_id": names.gather(places),
            "date": pl.Series(np.concatenate([days.days for days in parts])).cast(pl.Date),
            "pairs": np.concatenate([days.pairs for days in parts]),
            **{
                name: np.concatenate([getattr(days, name) for days in parts])
                for name in ("ic", "rank_ic", "spread")
            },
        }
    ).with_columns(pl.col("ic", "rank_ic", "spread").fill_nan(None))
