"""Make a plausible back-test: an account's path through the test segment and qlib's figures for it.

The figures are computed here on purpose and not by `rdlake.factors.series`: the demo is what the
package is tested with, so it must not share the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rdlake.demo.market import Days, Floats, Market

START = 1e8
DAYS_PER_YEAR = 238
BUY_RATE, SELL_RATE = 0.0005, 0.0015

Curve = dict[str, NDArray[np.floating]]
Metrics = dict[str, float]


@dataclass(frozen=True, eq=False, slots=True)
class Backtest:
    """Hold the daily curve, its columns in qlib's order, and the metrics by their qlib names."""

    days: Days
    curve: Curve
    metrics: Metrics


def run_backtest(
    market: Market, quality: float, rng: np.random.Generator, *, boosted: bool, has_ic: bool
) -> Backtest:
    """Return a back-test whose figures grow with `quality`; `boosted` adds LightGBM's losses."""
    curve = _curve(market.benchmark_returns(), quality, rng)
    metrics = _ranking(quality, rng) | _risks(curve)
    if not has_ic:
        metrics |= dict.fromkeys(("IC", "ICIR", "Rank IC", "Rank ICIR"), float("nan"))
    if boosted:
        metrics |= {"l2.train": rng.uniform(0.93, 0.98), "l2.valid": rng.uniform(0.985, 0.999)}
    return Backtest(market.days[market.test], curve, metrics)


def _curve(bench: NDArray[np.float32], quality: float, rng: np.random.Generator) -> Curve:
    days = len(bench)
    turnover, cost = _trades(days, rng)
    earned = (
        rng.uniform(0.85, 1.05) * bench.astype(np.float64) + (0.07 + 0.06 * quality) / DAYS_PER_YEAR
    )
    earned += rng.normal(0, rng.uniform(0.003, 0.006), days)
    # As in qlib, nothing happens on the first day, and the second day buys at the close.
    earned[:2] = 0.0
    account = START * np.cumprod(1 + earned - cost)
    before = np.concatenate([[START], account[:-1]])
    cash = account * np.clip(rng.normal(0.006, 0.002, days), 0.001, None)
    cash[:2] = account[0], account[1] * 0.05
    return {
        "account": account,
        "return": earned,
        "total_turnover": np.cumsum(turnover * before),
        "turnover": turnover,
        "total_cost": np.cumsum(cost * before),
        "cost": cost,
        "value": account - cash,
        "cash": cash,
        "bench": bench,
    }


def _trades(days: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    turnover = rng.normal(0.2, 0.015, days).clip(0.05, 0.4)
    sold = rng.normal(0.5, 0.02, days).clip(0.3, 0.7)
    turnover[:2], sold[:2] = (0.0, 0.95), 0.0
    return turnover, turnover * (BUY_RATE * (1 - sold) + SELL_RATE * sold)


def _ranking(quality: float, rng: np.random.Generator) -> Metrics:
    ic = 0.03 + 0.012 * quality + rng.normal(0, 0.003)
    rank_ic = ic + rng.normal(0.004, 0.003)
    return {
        "IC": ic,
        "ICIR": ic / rng.uniform(0.09, 0.13),
        "Rank IC": rank_ic,
        "Rank ICIR": rank_ic / rng.uniform(0.09, 0.13),
    }


def _risks(curve: Curve) -> Metrics:
    excess = np.subtract(curve["return"], curve["bench"], dtype=np.float64)
    net = np.subtract(excess, curve["cost"], dtype=np.float64)
    metrics = {"1day.ffr": 1.0, "1day.pa": 0.0, "1day.pos": 0.0}
    for basis, gains in (("without_cost", excess), ("with_cost", net)):
        metrics |= {f"1day.excess_return_{basis}.{name}": v for name, v in _risk(gains).items()}
    return metrics


def _risk(gains: Floats) -> Metrics:
    mean, deviation = float(gains.mean()), float(gains.std(ddof=1))
    total = np.cumsum(gains)
    return {
        "mean": mean,
        "std": deviation,
        "annualized_return": mean * DAYS_PER_YEAR,
        "information_ratio": mean / deviation * DAYS_PER_YEAR**0.5,
        "max_drawdown": float((total - np.maximum.accumulate(total)).min()),
    }
