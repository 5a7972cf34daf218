"""Compute the figures of a factor in one window: of its values, and of its days against a label."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rdlake.domain.panel import Reals
from rdlake.factors import series
from rdlake.factors.statistics.daily import DailyFigures

QUANTILES = {
    "q01": 0.01,
    "q05": 0.05,
    "q25": 0.25,
    "q50": 0.5,
    "q75": 0.75,
    "q95": 0.95,
    "q99": 0.99,
}

Figures = dict[str, Any]


def value_figures(values: Reals) -> Figures:
    """Return how finite values are distributed; None where there are too few values."""
    if not len(values):
        return {"finite_values": 0, "mean": None, "std": None, "quantiles": None}
    quantiles = np.quantile(values, list(QUANTILES.values())).tolist()
    return {
        "finite_values": len(values),
        "mean": series.mean(values),
        "std": series.deviation(values),
        "quantiles": dict(zip(QUANTILES, map(series.finite, quantiles), strict=True)),
    }


def day_figures(days: DailyFigures) -> Figures:
    """Return IC, rank IC and the figures of the spread over some days; None where undefined."""
    spread = _defined(days.spread)
    return {
        **_correlation_figures("ic", days.ic),
        **_correlation_figures("rank_ic", days.rank_ic),
        "annual_return": series.annual_return(spread),
        "sharpe": series.sharpe(spread),
        "max_drawdown": series.max_drawdown(spread),
        "fifths": [series.mean(_defined(part)) for part in days.fifths.T] if len(spread) else None,
    }


def _correlation_figures(name: str, correlations: Reals) -> Figures:
    values = _defined(correlations)
    ratio = series.ratio(values)
    return {
        f"{name}_mean": series.mean(values),
        f"{name}_std": series.deviation(values),
        f"{name}_ir": ratio,
        f"{name}_t": None if ratio is None else ratio * math.sqrt(len(values)),
        f"{name}_days": len(values),
    }


def _defined(values: Reals) -> Reals:
    return values[np.isfinite(values)]
