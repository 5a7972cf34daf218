"""Make days of a curve and of a factor, with missing figures where a test wants them."""

from __future__ import annotations

import math
from datetime import date, timedelta

import polars as pl

START = date(2020, 1, 1)


def curve(days: int, *, bench: float | None = 0.001) -> pl.DataFrame:
    """Return rows as `equity_curves` has them."""
    returns = [0.01 * math.sin(day) for day in range(days)]
    frame = pl.DataFrame(
        {
            "date": [START + timedelta(day) for day in range(days)],
            "net_return": pl.Series(returns, dtype=pl.Float64),
            "bench": pl.Series([bench] * days, dtype=pl.Float64),
        }
    ).with_columns(nav=(1 + pl.col("net_return")).cum_prod())
    peak = pl.max_horizontal(pl.col("nav").cum_max(), 1)
    return frame.with_columns(drawdown=pl.col("nav") / peak - 1)


def factor_days(days: int) -> pl.DataFrame:
    """Return rows as `factor_ic` has them; every fifth day has no IC."""
    return pl.DataFrame(
        {
            "date": [START + timedelta(day) for day in range(days)],
            "ic": [None if day % 5 == 0 else 0.1 * math.sin(day) for day in range(days)],
            "rank_ic": [0.05 * math.cos(day) for day in range(days)],
        },
        schema_overrides={"ic": pl.Float64, "rank_ic": pl.Float64},
    )
