"""Pure: values in, rows per table and findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

import polars as pl

from rdlake.domain.experiment import Experiment, Finding, Workspace
from rdlake.evidence import Evidence, contradictions, folder_of, merged
from rdlake.evidence.rows.curves import curve_days, curve_figures
from rdlake.evidence.rows.folders import artifact_rows
from rdlake.evidence.rows.loops import (
    combination_rows,
    disagreements,
    factor_rows,
    feedback_rows,
    loop_rows,
)
from rdlake.evidence.rows.recordings import model_rows, signal_rows, strategy_rows
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table

__all__ = ["Derived", "derived", "lying_there"]


@dataclass(frozen=True)
class Derived:
    """The rows that evidence gives by table, and what was found wrong in it, by workspace."""

    frames: Mapping[str, pl.DataFrame]
    findings: Mapping[str, tuple[Finding, ...]]


def lying_there(workspaces: Sequence[Workspace]) -> dict[str, pl.DataFrame]:
    """Rows of what lies in each folder, whatever else is known of it."""
    loops = [each for each in workspaces if each.role in ("experiment", "baseline")]
    return {
        "artifacts": artifact_rows(workspaces),
        "strategies": strategy_rows(loops),
        "signals": signal_rows(loops),
    }


def derived(evidence: Sequence[Evidence]) -> Derived:
    """Every row that all evidence on some workspaces gives, whatever came first."""
    by_workspace = [
        list(parts)
        for _, parts in groupby(
            sorted(evidence, key=attrgetter("workspace_id")), attrgetter("workspace_id")
        )
    ]
    experiments = [each for each in map(merged, by_workspace) if each]
    folders = [row for row in map(folder_of, by_workspace) if row]
    days = curve_days(experiments)
    figures = {row["workspace_id"]: row for row in curve_figures(days).iter_rows(named=True)}
    of = {experiment.workspace_id: experiment for experiment in experiments}
    for row in folders:
        if experiment := of.get(row["workspace_id"]):
            row |= {"task_run_id": experiment.task_run_id, "loop_id": experiment.loop_id}
            row["role"] = experiment.role
    return Derived(
        {
            "models": model_rows(experiments),
            "feedback": feedback_rows(experiments),
            "factors": factor_rows(experiments),
            "factor_combinations": combination_rows(experiments, figures),
            "equity_curves": days,
            "workspaces": frame_of(table("workspaces"), folders),
            "loops": loop_rows(experiments, figures),
        },
        {
            key: (*contradictions(parts), *_of_curve(of.get(key), figures.get(key, {})))
            for parts in by_workspace
            for key in [parts[0].workspace_id]
        },
    )


def _of_curve(experiment: Experiment | None, figures: Mapping[str, Any]) -> list[Finding]:
    return [] if experiment is None else disagreements(experiment, figures)
