"""Derive the days of back-tests, and the figures of each curve.

qlib's conventions: excess is return − bench − cost, figures are summed, a year has 238 days.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from rdlake.domain.experiment import Experiment
from rdlake.factors.series import (
    annual_return_expr,
    deviation_expr,
    drawdown_expr,
    sharpe_expr,
)

RAW = ("account", "value", "cash", "return", "cost", "bench", "turnover")
OWNER = "workspace_id"


def curve_days(experiments: Sequence[Experiment]) -> pl.DataFrame:
    """Return rows of `equity_curves` for the experiments that have a curve."""
    with_curve = [each for each in experiments if each.curve is not None and each.curve.height]
    if not with_curve:
        return pl.DataFrame(schema={OWNER: pl.String, "date": pl.Date, "source_digest": pl.String})
    gross = pl.col("return") - pl.col("bench")
    return _finite(
        _all_days(with_curve)
        .with_columns(
            net_return=pl.col("return") - pl.col("cost"),
            excess=gross - pl.col("cost"),
        )
        .with_columns(
            nav=(1 + pl.col("net_return")).cum_prod().over(OWNER),
            cum_excess=pl.col("excess").cum_sum().over(OWNER),
        )
        .with_columns(
            drawdown=drawdown_expr(pl.col("nav")).over(OWNER),
            excess_drawdown=pl.col("cum_excess")
            - pl.max_horizontal(pl.col("cum_excess").cum_max().over(OWNER), 0),
        )
    )


def _all_days(experiments: Sequence[Experiment]) -> pl.DataFrame:
    """Return the days of all curves with their owners.

    One frame is made of all of them, because a frame of each would take far longer.
    """
    curves = [each.curve for each in experiments if each.curve is not None]
    owners = pl.DataFrame(
        {
            OWNER: [each.workspace_id for each in experiments],
            "task_run_id": [each.task_run_id for each in experiments],
            "loop_id": [each.loop_id for each in experiments],
            "source_digest": [each.source_digest for each in experiments],
            "days": [curve.height for curve in curves],
        }
    )
    each_day = owners.select(pl.exclude("days").repeat_by("days").explode())
    return pl.concat([each_day, pl.concat(curves).select("date", *RAW)], how="horizontal")


def curve_figures(days: pl.DataFrame) -> pl.DataFrame:
    """Return one row per curve: its figures, and qlib's metrics recomputed under qlib's names."""
    if days.is_empty():
        return pl.DataFrame(schema={OWNER: pl.String})
    net = pl.col("net_return")
    return _finite(
        days.with_columns(gross_excess=pl.col("return") - pl.col("bench"))
        .group_by(OWNER, maintain_order=True)
        .agg(
            curve_start=pl.col("date").min(),
            curve_end=pl.col("date").max(),
            curve_days=pl.len().cast(pl.Int64),
            final_nav=pl.col("nav").last(),
            nav_drawdown=pl.col("drawdown").min(),
            mean_turnover=pl.col("turnover").mean(),
            sharpe=sharpe_expr(net),
            win_rate=pl.when(net.count() == pl.len()).then((net > 0).mean()),
            **_risk("excess", "1day.excess_return_with_cost"),
            **_risk("gross_excess", "1day.excess_return_without_cost"),
        )
    )


def _finite(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with null in place of every figure that is not finite."""
    return frame.with_columns(pl.when(cs.float().is_finite()).then(cs.float()))


def _risk(column: str, prefix: str) -> dict[str, pl.Expr]:
    """Return qlib's five figures of an excess. The first day is the first peak of its drawdown."""
    excess = pl.col(column)
    summed = excess.cum_sum()
    return {
        f"{prefix}.mean": excess.mean(),
        f"{prefix}.std": deviation_expr(excess),
        f"{prefix}.annualized_return": annual_return_expr(excess),
        f"{prefix}.information_ratio": sharpe_expr(excess),
        f"{prefix}.max_drawdown": (summed - summed.cum_max()).min(),
    }
