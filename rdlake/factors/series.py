"""Compute the figures of a series of daily values: mean, deviation, Sharpe ratio, drawdown.

The formulas stand here as on paper, twice. A function of values works on one series in memory and
survives values of any size. A function that ends in `_expr` returns the same figure as an
expression, which computes it for many series of a frame at once.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from rdlake.domain.panel import Reals

DAYS_A_YEAR = 238
"""The trading days of a year, as qlib counts them."""
LARGE = 300
"""Values from 2^300 on are scaled down, because their squares would overflow."""


def mean(values: Reals) -> float | None:
    """Return the mean; None without values. The mean of equal values is exactly that value."""
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low
    even, power = _scale(values)
    return finite(float(np.ldexp(np.add.reduce(even) / len(values), power)))


def deviation(values: Reals) -> float | None:
    """Return the standard deviation with ddof 1; None for fewer than two values.

    The deviation of equal values is exactly zero, where rounding would leave a trace.
    """
    if len(values) < 2:
        return None
    if values.min() == values.max():
        return 0.0
    even, power = _scale(values)
    away, more = _scale(even - np.add.reduce(even) / len(values))
    variance = float(np.add.reduce(away * away)) / (len(values) - 1)
    return finite(float(np.ldexp(math.sqrt(variance), power + more)))


def ratio(values: Reals) -> float | None:
    """Return mean / deviation; None where the deviation is zero or not defined."""
    center, spread = mean(values), deviation(values)
    return center / spread if center is not None and spread else None


def annual_return(values: Reals) -> float | None:
    """Return mean × 238: the returns of a year, summed."""
    center = mean(values)
    return None if center is None else center * DAYS_A_YEAR


def sharpe(values: Reals) -> float | None:
    """Return mean / deviation × √238."""
    daily = ratio(values)
    return None if daily is None else daily * math.sqrt(DAYS_A_YEAR)


def max_drawdown(values: Reals) -> float | None:
    """Return the lowest drawdown of the compounded returns, whose first peak is 1."""
    if not len(values):
        return None
    with np.errstate(all="ignore"):
        value = np.cumprod(1 + values)
        peak = np.maximum(np.maximum.accumulate(value), 1)
        return finite(float((value / peak - 1).min(initial=0.0)))


def finite(value: float) -> float | None:
    """Return the value; None for NaN and infinity."""
    return value if math.isfinite(value) else None


def _scale(values: Reals) -> tuple[Reals, int]:
    """Return values that can be summed and squared, and the power of two they were divided by."""
    power = int(np.frexp(max(-float(values.min()), float(values.max())))[1])
    return (values, 0) if abs(power) < LARGE else (np.ldexp(values, -power), power)


def deviation_expr(values: pl.Expr) -> pl.Expr:
    """Return the standard deviation with ddof 1; for equal values exactly zero."""
    spread = values.std(ddof=1)
    return pl.when(values.min() < values.max()).then(spread).otherwise(spread * 0)


def annual_return_expr(values: pl.Expr) -> pl.Expr:
    """Return mean × 238."""
    return values.mean() * DAYS_A_YEAR


def sharpe_expr(values: pl.Expr) -> pl.Expr:
    """Return mean / deviation × √238; null where the deviation is zero or not defined."""
    spread = deviation_expr(values)
    return pl.when(spread > 0).then(values.mean() / spread * DAYS_A_YEAR**0.5)


def drawdown_expr(value: pl.Expr) -> pl.Expr:
    """Return how far a compounded value lies below its last peak; the first peak is 1."""
    return value / pl.max_horizontal(value.cum_max(), 1) - 1
