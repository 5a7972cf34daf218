"""Draw the days of a back-test: net value with its benchmark, and drawdown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from matplotlib.axes import Axes

MOST_TICKS = 5
NET, BENCHMARK, LOSS = "#1f5fa8", "#8a8a8a", "#b03a2e"


def plot_curve(frame: pl.DataFrame, ax: Axes) -> Axes:
    """Draw net value after cost, and the benchmark's, from the rows of one curve in
    `equity_curves`.

    Days without a figure are gaps.
    """
    days = date_axis(frame["date"], ax)
    ax.plot(days, _figures(frame["nav"]), color=NET, label="net value, after cost")
    benchmark = (frame["bench"] + 1).cum_prod()
    if benchmark.count():
        ax.plot(days, _figures(benchmark), color=BENCHMARK, label="benchmark")
    ax.axhline(1.0, color="black", linewidth=0.5)
    ax.legend(loc="upper left")
    return ax


def plot_drawdown(frame: pl.DataFrame, ax: Axes) -> Axes:
    """Draw how far the net value lies below its last peak, in per cent, from the same rows."""
    days = date_axis(frame["date"], ax)
    below = _figures(frame["drawdown"]) * 100
    ax.fill_between(days, below, 0.0, color=LOSS, alpha=0.35, linewidth=0)
    ax.plot(days, below, color=LOSS, linewidth=0.8, label="drawdown of net value, %")
    ax.legend(loc="lower left")
    return ax


def date_axis(days: pl.Series, ax: Axes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the days as numbers; label some of them, evenly spread over the rows, below the
    axis."""
    numbers = days.cast(pl.Int32).cast(pl.Int64).to_numpy()
    places = np.unique(
        np.linspace(0, len(days) - 1, min(MOST_TICKS, len(days))).round().astype(int)
    )
    named: Sequence[date] = [days[int(place)] for place in places]
    ax.set_xticks(numbers[places], [each.isoformat() for each in named])
    ax.margins(x=0.01)
    ax.locator_params(axis="y", nbins=5)
    return numbers


def _figures(values: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
