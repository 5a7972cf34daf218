"""Pure: workspaces and experiments in, rows per table and findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from rdlake.experiment import Experiment, Finding, Workspace
from rdlake.extract.curves import curve_days, curve_figures
from rdlake.extract.folders import artifact_rows, factor_rows, workspace_rows
from rdlake.extract.loops import disagreements, loop_rows
from rdlake.extract.recordings import model_rows, signal_rows, strategy_rows

__all__ = ["Extracted", "extract"]


@dataclass(frozen=True)
class Extracted:
    """The rows of a batch by table, and what was found wrong while making them, by workspace."""

    frames: Mapping[str, pl.DataFrame]
    findings: Mapping[str, tuple[Finding, ...]]


def extract(workspaces: Sequence[Workspace], experiments: Sequence[Experiment]) -> Extracted:
    """Every row that the workspaces and their experiments give."""
    days = curve_days(experiments)
    figures = {row["workspace_id"]: row for row in curve_figures(days).iter_rows(named=True)}
    found = {
        experiment.workspace.workspace_id: tuple(
            disagreements(experiment, figures.get(experiment.workspace.workspace_id, {}))
        )
        for experiment in experiments
    }
    return Extracted(
        {
            "artifacts": artifact_rows(workspaces),
            "strategies": strategy_rows(experiments),
            "models": model_rows(experiments),
            "factors": factor_rows(experiments),
            "equity_curves": days,
            "signals": signal_rows(experiments),
            "workspaces": workspace_rows(workspaces, experiments),
            "loops": loop_rows(experiments, figures),
        },
        found,
    )
