"""Rows of `workspaces`, `artifacts` and `factors`: what lay in each folder."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rdlake.experiment import Experiment, Workspace
from rdlake.rows import frame_of
from rdlake.tables import table

__all__ = ["artifact_rows", "factor_rows", "workspace_rows"]


def workspace_rows(
    workspaces: Sequence[Workspace], experiments: Sequence[Experiment]
) -> pl.DataFrame:
    """One row per folder, with the loop it is known to belong to."""
    of = {experiment.workspace.workspace_id: experiment for experiment in experiments}
    rows = []
    for workspace in workspaces:
        experiment = of.get(workspace.workspace_id)
        rows.append(
            {
                "workspace_id": workspace.workspace_id,
                "task_run_id": experiment.task_run_id if experiment else None,
                "loop_id": experiment.loop_id if experiment else None,
                "role": workspace.role,
                "action": workspace.action,
                "action_source": "templates" if workspace.action else None,
                "root_name": workspace.root_name,
                "files": len(workspace.files),
                "size": workspace.size,
                "source_digest": workspace.source_digest,
                "stat_digest": workspace.stat_digest,
            }
        )
    return frame_of(table("workspaces"), rows)


def artifact_rows(workspaces: Sequence[Workspace]) -> pl.DataFrame:
    """One row per file or link."""
    return frame_of(
        table("artifacts"),
        [
            {
                "workspace_id": workspace.workspace_id,
                "path": file.path,
                "artifact_type": file.artifact_type,
                "kind": file.kind,
                "size": file.size,
                "sha256": file.sha256,
                "target": file.target,
                "state": file.state,
                "kept": False,
                "source_digest": workspace.source_digest,
            }
            for workspace in workspaces
            for file in workspace.files
        ],
    )


def factor_rows(experiments: Sequence[Experiment]) -> pl.DataFrame:
    """One row per column of the factor table: what the back-test was given was accepted."""
    return frame_of(
        table("factors"),
        [
            {
                "source": "rdagent_generated",
                "factor_name": factor.name,
                "workspace_id": experiment.workspace.workspace_id,
                "column_name": factor.column if factor.column != factor.name else None,
                "position": factor.position,
                "accepted": True,
                "provenance": {"factor_name": "parquet", "accepted": "parquet"},
                "source_digest": experiment.workspace.source_digest,
            }
            for experiment in experiments
            for factor in experiment.workspace.factors or ()
        ],
    )
