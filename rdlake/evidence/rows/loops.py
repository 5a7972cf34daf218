"""Make rows of `loops`, `factors`, `factor_combinations` and `feedback` of experiments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rdlake.domain.experiment import Experiment, Finding
from rdlake.factors.formulas import expression_fingerprint
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table

HEADLINES = {
    "ic": "IC",
    "icir": "ICIR",
    "rank_ic": "Rank IC",
    "rank_icir": "Rank ICIR",
    "annual_return_with_cost": "1day.excess_return_with_cost.annualized_return",
    "annual_return_without_cost": "1day.excess_return_without_cost.annualized_return",
    "max_drawdown_with_cost": "1day.excess_return_with_cost.max_drawdown",
    "max_drawdown_without_cost": "1day.excess_return_without_cost.max_drawdown",
    "information_ratio_with_cost": "1day.excess_return_with_cost.information_ratio",
    "information_ratio_without_cost": "1day.excess_return_without_cost.information_ratio",
    "annual_return": "1day.excess_return_with_cost.annualized_return",
    "max_drawdown": "1day.excess_return_with_cost.max_drawdown",
    "information_ratio": "1day.excess_return_with_cost.information_ratio",
    "multi_score": "multi_score",
}
CURVE_FIGURES = (
    "curve_start",
    "curve_end",
    "curve_days",
    "final_nav",
    "nav_drawdown",
    "mean_turnover",
    "sharpe",
    "win_rate",
)
RELATIVE, ABSOLUTE = 1e-6, 1e-9
"""The largest difference that the rounding of a CSV explains; a larger one is a disagreement."""

Figures = Mapping[str, Mapping[str, Any]]


def loop_rows(experiments: Sequence[Experiment], figures: Figures) -> pl.DataFrame:
    """Return one row per experiment. `figures` are those of its curve, by workspace."""
    rows = [
        _loop_row(experiment, figures.get(experiment.workspace_id, {}))
        for experiment in experiments
    ]
    return frame_of(table("loops"), rows)


def factor_rows(experiments: Sequence[Experiment]) -> pl.DataFrame:
    """Return one row per factor that was proposed or back-tested."""
    rows = [
        {
            "source": "rdagent_generated",
            "workspace_id": experiment.workspace_id,
            "source_digest": experiment.source_digest,
            "expression_fingerprint": expression_fingerprint(
                factor.get("expression") or factor.get("formula_hint")
            ),
            **factor,
        }
        for experiment in experiments
        for factor in experiment.factors
    ]
    return frame_of(table("factors"), rows)


def combination_rows(experiments: Sequence[Experiment], figures: Figures) -> pl.DataFrame:
    """Return one row per experiment that has a result and a table of factors.

    The row has all factors together and the figures of the back-test.
    """
    rows = []
    for experiment in experiments:
        names, metrics = experiment.columns.get("factor_names"), experiment.metrics or {}
        if names and experiment.has_result:
            curve = figures.get(experiment.workspace_id, {})
            rows.append(
                {
                    "workspace_id": experiment.workspace_id,
                    "name": "main",
                    "window": "test",
                    "factor_names": names,
                    "start_date": curve.get("curve_start"),
                    "end_date": curve.get("curve_end"),
                    "annual_return": metrics.get(HEADLINES["annual_return"]),
                    "max_drawdown": metrics.get(HEADLINES["max_drawdown"]),
                    "sharpe": curve.get("sharpe"),
                    "metrics": dict(metrics),
                    "source_digest": experiment.source_digest,
                }
            )
    return frame_of(table("factor_combinations"), rows)


def feedback_rows(experiments: Sequence[Experiment]) -> pl.DataFrame:
    """Return one row per experiment of which RD-Agent said what it tried or concluded."""
    rows = [
        {
            "workspace_id": experiment.workspace_id,
            "task_run_id": experiment.task_run_id,
            "loop_id": experiment.loop_id,
            "source_digest": experiment.source_digest,
            "provenance": {"summary_execution": "trace"},
            **experiment.feedback,
        }
        for experiment in experiments
        if experiment.feedback
    ]
    return frame_of(table("feedback"), rows)


def find_disagreements(experiment: Experiment, figures: Mapping[str, Any]) -> list[Finding]:
    """Return a warning for each metric that differs from the one recomputed from the curve."""
    metrics = experiment.metrics or {}
    return [
        Finding(
            "warning",
            None if experiment.provenance.get("metrics") == "trace" else "qlib_res.csv",
            f"{name} is {stated!r}, but the curve gives {proven!r}",
            "look which of the two belongs to this run; the stated metric was kept",
        )
        for name, stated in metrics.items()
        if stated is not None
        and (proven := figures.get(name)) is not None
        and not math.isclose(stated, proven, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    ]


def _loop_row(experiment: Experiment, figures: Mapping[str, Any]) -> dict[str, Any]:
    metrics = experiment.metrics or {}
    return {
        "status": "success" if experiment.has_result else None,
        **experiment.columns,
        "task_run_id": experiment.task_run_id,
        "loop_id": experiment.loop_id,
        "workspace_id": experiment.workspace_id,
        "experiment_id": experiment.experiment_id,
        "role": experiment.role,
        "action": experiment.action,
        "has_result": experiment.has_result,
        "has_curve": experiment.curve is not None,
        "metrics": None if experiment.metrics is None else dict(metrics),
        **{column: metrics.get(name) for column, name in HEADLINES.items()},
        **{column: figures.get(column) for column in CURVE_FIGURES},
        "provenance": dict(experiment.provenance),
        "source_digest": experiment.source_digest,
    }
