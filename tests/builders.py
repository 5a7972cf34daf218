"""Make workspaces as RD-Agent leaves them, with defaults: `make_workspace(root, metrics=…)`."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from rdlake.sources.backtest.prices import PRICES
from tests.builders_prices import make_prices

FACTOR_TEMPLATES = ("conf_baseline.yaml", "conf_combined_factors.yaml")
MODEL_TEMPLATES = ("conf_baseline_factors_model.yaml", "conf_sota_factors_model.yaml")


def make_workspace(
    root: Path,
    name: str = "a" * 32,
    *,
    action: str = "factor",
    days: int = 20,
    level: float = 0.001,
    metrics: Mapping[str, float] | None = None,
    factors: Sequence[str] | None = ("MOM_5D", "动量_10日"),
) -> Path:
    """Write an experiment's folder, and prices beside its root.

    `level` is the mean daily return. The metrics agree with the curve.
    """
    folder = root / name
    folder.mkdir(parents=True)
    for template in FACTOR_TEMPLATES if action == "factor" else MODEL_TEMPLATES:
        (folder / template).write_text("market: csi300\n", encoding="utf-8")
    if action == "model":
        (folder / "model.py").write_text("model_cls = None\n", encoding="utf-8")
    curve = make_curve(days, level)
    curve.write_parquet(folder / "ret.parquet")
    write_metrics(folder, {**proven_metrics(curve), "IC": 0.02, "Rank IC": 0.03, **(metrics or {})})
    if not (root.parent / PRICES).exists():
        make_prices(root)
    if factors is not None:
        make_factor_table(factors).write_parquet(folder / "combined_factors_df.parquet")
    return folder


def make_curve(days: int = 20, level: float = 0.001) -> pl.DataFrame:
    """Return a daily report as qlib writes it."""
    start = date(2020, 1, 1)
    returns = [level + 0.01 * math.sin(day) for day in range(days)]
    frame = pl.DataFrame(
        {
            "account": [1e8 * (1 + level * day) for day in range(days)],
            "return": returns,
            "total_turnover": [1e6 * day for day in range(days)],
            "turnover": [0.1] * days,
            "total_cost": [1e4 * day for day in range(days)],
            "cost": [0.0002] * days,
            "value": [9e7] * days,
            "cash": [1e7] * days,
            "bench": [0.0005 * math.cos(day) for day in range(days)],
            "datetime": [start + timedelta(day) for day in range(days)],
        }
    )
    return frame.with_columns(pl.col("datetime").cast(pl.Datetime("ns")))


def make_factor_table(factors: Sequence[str]) -> pl.DataFrame:
    """Return factor values under RD-Agent's physical column names."""
    values = {f"('feature', '{name}')": [0.1, 0.2, 0.3] for name in factors}
    return pl.DataFrame(
        {
            **values,
            "datetime": [date(2020, 1, 1)] * 3,
            "instrument": ["SH600000", "SZ000001", "SH000300"],
        }
    )


def proven_metrics(curve: pl.DataFrame) -> dict[str, float]:
    """Return qlib's figures of a curve, computed in plain Python."""
    found: dict[str, float] = {}
    for basis, cost in (("without_cost", 0.0), ("with_cost", 1.0)):
        rows = curve.select("return", "bench", "cost").rows()
        excess = [gross - bench - cost * fee for gross, bench, fee in rows]
        mean = sum(excess) / len(excess)
        std = math.sqrt(sum((each - mean) ** 2 for each in excess) / (len(excess) - 1))
        total, peak, deepest = 0.0, -math.inf, 0.0
        for each in excess:
            total += each
            peak = max(peak, total)
            deepest = min(deepest, total - peak)
        prefix = f"1day.excess_return_{basis}"
        found |= {
            f"{prefix}.mean": mean,
            f"{prefix}.std": std,
            f"{prefix}.annualized_return": mean * 238,
            f"{prefix}.information_ratio": mean / std * math.sqrt(238),
            f"{prefix}.max_drawdown": deepest,
        }
    return found


def write_metrics(folder: Path, metrics: Mapping[str, float]) -> None:
    """Write qlib_res.csv as pandas writes a series."""
    with (folder / "qlib_res.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["", "0"])
        writer.writerows((name, repr(value)) for name, value in metrics.items())
