"""A factor's days as charts, from rows of `factor_ic` of one factor and label."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from rdlake.charts.curves import date_axis

__all__ = ["plot_cumulative_ic", "plot_ic_histogram"]

IC, RANK_IC = "#1f5fa8", "#c77f1e"
BARS = 40


def plot_cumulative_ic(frame: pl.DataFrame, ax: Axes) -> Axes:
    """The sum of daily IC and rank IC; a day without one adds nothing."""
    days = date_axis(frame["date"], ax)
    for name, colour, word in (("ic", IC, "IC"), ("rank_ic", RANK_IC, "rank IC")):
        summed = frame[name].fill_null(0.0).fill_nan(0.0).cum_sum()
        ax.plot(days, summed.to_numpy(), color=colour, label=f"{word}, summed")
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.legend(loc="upper left")
    return ax


def plot_ic_histogram(frame: pl.DataFrame, ax: Axes) -> Axes:
    """How many days had which IC, with the mean as a line."""
    values = frame["ic"].drop_nulls().drop_nans().to_numpy()
    ax.hist(values, bins=np.linspace(-1, 1, 2 * BARS + 1).tolist(), color=IC, alpha=0.7)
    if len(values):
        mean = float(values.mean())
        ax.axvline(mean, color="black", linewidth=1.0, label=f"mean {mean:.4f}")
        reach = min(1.0, float(np.abs(values).max()) * 1.1 + 0.01)
        ax.set_xlim(-reach, reach)
        ax.legend(loc="upper left")
    return ax
