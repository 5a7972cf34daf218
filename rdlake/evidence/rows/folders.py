"""Make rows of `artifacts`: what lay in each folder."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rdlake.domain.experiment import Workspace
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table


def artifact_rows(workspaces: Sequence[Workspace]) -> pl.DataFrame:
    """Return one row per file or link."""
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
                "source_digest": workspace.source_digest,
            }
            for workspace in workspaces
            for file in workspace.files
        ],
    )
