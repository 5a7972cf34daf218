"""Make the rows of the tables: evidence and workspaces in, frames and findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

import polars as pl

from rdlake.domain.experiment import Experiment, Finding, Workspace
from rdlake.evidence import Evidence, find_contradictions, folder_row, merge
from rdlake.evidence.rows.curves import curve_days, curve_figures
from rdlake.evidence.rows.folders import artifact_rows
from rdlake.evidence.rows.loops import (
    combination_rows,
    factor_rows,
    feedback_rows,
    find_disagreements,
    loop_rows,
)
from rdlake.evidence.rows.recordings import model_rows, signal_rows, strategy_rows
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table

__all__ = ["EvidenceRows", "rows_of_evidence", "rows_of_folders"]


@dataclass(frozen=True)
class EvidenceRows:
    """Hold the rows that evidence gives, by table, and its problems, by workspace."""

    frames: Mapping[str, pl.DataFrame]
    findings: Mapping[str, tuple[Finding, ...]]


def rows_of_folders(workspaces: Sequence[Workspace]) -> dict[str, pl.DataFrame]:
    """Return by table the rows that only the content of the folders decides."""
    loops = [each for each in workspaces if each.role in ("experiment", "baseline")]
    return {
        "artifacts": artifact_rows(workspaces),
        "strategies": strategy_rows(loops),
        "signals": signal_rows(loops),
    }


def rows_of_evidence(evidence: Sequence[Evidence]) -> EvidenceRows:
    """Return every row that all evidence on some workspaces gives, whichever source came first."""
    by_workspace = [
        list(parts)
        for _, parts in groupby(
            sorted(evidence, key=attrgetter("workspace_id")), attrgetter("workspace_id")
        )
    ]
    experiments = [each for each in map(merge, by_workspace) if each]
    folders = [row for row in map(folder_row, by_workspace) if row]
    days = curve_days(experiments)
    figures = {row["workspace_id"]: row for row in curve_figures(days).iter_rows(named=True)}
    by_id = {experiment.workspace_id: experiment for experiment in experiments}
    for row in folders:
        if experiment := by_id.get(row["workspace_id"]):
            row |= {"task_run_id": experiment.task_run_id, "loop_id": experiment.loop_id}
            row["role"] = experiment.role
    return EvidenceRows(
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
            key: (
                *find_contradictions(parts),
                *_curve_findings(by_id.get(key), figures.get(key, {})),
            )
            for parts in by_workspace
            for key in [parts[0].workspace_id]
        },
    )


def _curve_findings(experiment: Experiment | None, figures: Mapping[str, Any]) -> list[Finding]:
    return [] if experiment is None else find_disagreements(experiment, figures)
