"""The figures of a factor in one window: of its values, and of its days against a label."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rdlake.domain.panel import Reals
from rdlake.factors.statistics.daily import Daily

DAYS_A_YEAR = 238
LARGE = 300
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


def of_values(values: Reals) -> Figures:
    """How finite values are distributed; null what so few do not tell."""
    if not len(values):
        return {"finite_values": 0, "mean": None, "std": None, "quantiles": None}
    quantiles = np.quantile(values, list(QUANTILES.values()))
    return {
        "finite_values": len(values),
        "mean": _mean(values),
        "std": _std(values),
        "quantiles": {
            name: _known(value) for name, value in zip(QUANTILES, quantiles.tolist(), strict=True)
        },
    }


def of_days(days: Daily) -> Figures:
    """IC, rank IC and the spread over a window; null what is not defined."""
    spread = days.spread[np.isfinite(days.spread)]
    deviation = _std(spread)
    mean = _mean(spread)
    return {
        **_correlations("ic", days.ic),
        **_correlations("rank_ic", days.rank_ic),
        "annual_return": None if mean is None else mean * DAYS_A_YEAR,
        "sharpe": mean / deviation * math.sqrt(DAYS_A_YEAR)
        if mean is not None and deviation
        else None,
        "max_drawdown": _drawdown(spread),
        "fifths": [_mean(part[np.isfinite(part)]) for part in days.fifths.T]
        if len(spread)
        else None,
    }


def _correlations(name: str, found: Reals) -> Figures:
    values = found[np.isfinite(found)]
    mean, deviation, ratio = _mean(values), _std(values), None
    if mean is not None and deviation:
        ratio = mean / deviation
    return {
        f"{name}_mean": mean,
        f"{name}_std": deviation,
        f"{name}_ir": ratio,
        f"{name}_t": None if ratio is None else ratio * math.sqrt(len(values)),
        f"{name}_days": len(values),
    }


def _mean(values: Reals) -> float | None:
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low
    even, power = _scaled(values)
    return _known(float(np.ldexp(np.add.reduce(even) / len(values), power)))


def _std(values: Reals) -> float | None:
    """With ddof 1; of equal values exactly zero, where rounding would leave a trace."""
    if len(values) < 2:
        return None
    if values.min() == values.max():
        return 0.0
    even, power = _scaled(values)
    away, more = _scaled(even - np.add.reduce(even) / len(values))
    variance = float(np.add.reduce(away * away)) / (len(values) - 1)
    return _known(float(np.ldexp(math.sqrt(variance), power + more)))


def _scaled(values: Reals) -> tuple[Reals, int]:
    """Values that can be summed and squared, and the power of two they were divided by."""
    power = int(np.frexp(max(-float(values.min()), float(values.max())))[1])
    return (values, 0) if abs(power) < LARGE else (np.ldexp(values, -power), power)


def _drawdown(spread: Reals) -> float | None:
    """Of the compounded spread, its peak starting at 1."""
    if not len(spread):
        return None
    with np.errstate(all="ignore"):
        value = np.cumprod(1 + spread)
        peak = np.maximum(np.maximum.accumulate(value), 1)
        return _known(float((value / peak - 1).min(initial=0.0)))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
