"""Draw the days of a factor, from rows of `factor_ic` of one factor and label."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from rdlake.exports.charts.curves import date_axis

IC, RANK_IC = "#1f5fa8", "#c77f1e"
BARS = 40


def plot_cumulative_ic(frame: pl.DataFrame, ax: Axes) -> Axes:
    """Draw the sum of daily IC and rank IC; a day without one adds nothing."""
    days = date_axis(frame["date"], ax)
    for name, colour, word in (("ic", IC, "IC"), ("rank_ic", RANK_IC, "rank IC")):
        summed = frame[name].fill_null(0.0).fill_nan(0.0).cum_sum()
        ax.plot(days, summed.to_numpy(), color=colour, label=f"{word}, summed")
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.legend(loc="upper left")
    return ax


def plot_ic_histogram(frame: pl.DataFrame, ax: Axes) -> Axes:
    """Draw how many days had which IC, with the mean as a line."""
    values = frame["ic"].drop_nulls().drop_nans().to_numpy()
    ax.hist(values, bins=np.linspace(-1, 1, 2 * BARS + 1).tolist(), color=IC, alpha=0.7)
    if len(values):
        mean = float(values.mean())
        ax.axvline(mean, color="black", linewidth=1.0, label=f"mean {mean:.4f}")
        reach = min(1.0, float(np.abs(values).max()) * 1.1 + 0.01)
        ax.set_xlim(-reach, reach)
        ax.legend(loc="upper left")
    return ax


def plot_quintiles(frame: pl.DataFrame, ax: Axes) -> Axes:
    """Draw what each fifth of the instruments earned in a day on average, the lowest values first.

    `frame` has rows of `factor_perf`; the first row that has fifths is drawn.
    """
    means = frame["fifths"].drop_nulls().to_list()[:1]
    heights = [each or 0.0 for each in means[0]] if means else []
    names = [f"{place}" for place in range(1, len(heights) + 1)]
    ax.bar(names, [10_000 * each for each in heights], color=IC, alpha=0.7)
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.set_xlabel("fifth by the factor's value")
    ax.set_ylabel("basis points a day")
    return ax
