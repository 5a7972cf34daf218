"""Rows of `loops`: one experiment's result under the names of the contract."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rdlake.experiment import Experiment, Finding
from rdlake.recording import Recording
from rdlake.rows import frame_of
from rdlake.tables import table

__all__ = ["disagreements", "loop_rows"]

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
OF_CURVE = (
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
"""Rounding that a CSV may have lost; anything more is a disagreement."""

Figures = Mapping[str, Mapping[str, Any]]


def loop_rows(experiments: Sequence[Experiment], figures: Figures) -> pl.DataFrame:
    """One row per experiment; `figures` are those of its curve, by workspace."""
    rows = [
        _row(experiment, figures.get(experiment.workspace.workspace_id, {}))
        for experiment in experiments
    ]
    return frame_of(table("loops"), rows)


def disagreements(experiment: Experiment, figures: Mapping[str, Any]) -> list[Finding]:
    """A warning for each metric that the curve proves to be otherwise."""
    metrics = experiment.workspace.metrics or {}
    return [
        Finding(
            "warning",
            "qlib_res.csv",
            f"{name} is {stated!r}, but the curve gives {proven!r}",
            "look which of the two files belongs to this run; the stated metric was kept",
        )
        for name, stated in metrics.items()
        if stated is not None
        and (proven := figures.get(name)) is not None
        and not math.isclose(stated, proven, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    ]


def _row(experiment: Experiment, figures: Mapping[str, Any]) -> dict[str, Any]:
    workspace = experiment.workspace
    metrics = workspace.metrics or {}
    names = None if workspace.factors is None else [each.name for each in workspace.factors]
    return {
        "task_run_id": experiment.task_run_id,
        "loop_id": experiment.loop_id,
        "workspace_id": workspace.workspace_id,
        "experiment_id": experiment.experiment_id,
        "role": experiment.role,
        "action": experiment.action,
        "status": "success" if experiment.has_result else None,
        "has_result": experiment.has_result,
        "has_curve": workspace.curve is not None,
        "factor_names": names,
        **_recorded(workspace.recording),
        "metrics": None if workspace.metrics is None else dict(metrics),
        **{column: metrics.get(name) for column, name in HEADLINES.items()},
        **{column: figures.get(column) for column in OF_CURVE},
        "provenance": dict(experiment.provenance),
        "source_digest": workspace.source_digest,
    }


def _recorded(recording: Recording | None) -> dict[str, Any]:
    """What qlib recorded of the back-test itself."""
    if recording is None:
        return {}
    ran = recording.configuration
    return {
        "config_name": recording.config_name,
        "strategy_id": recording.strategy_id,
        "model_id": recording.model_id,
        "base_features": [each.name for each in ran.base_features]
        if ran and ran.base_features is not None
        else None,
        "created_at": recording.started_at,
        "ended_at": recording.ended_at,
    }
