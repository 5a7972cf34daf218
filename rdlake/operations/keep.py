"""Pin experiments that must stay: no clean-up takes anything of them."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.lake import Lake
from rdlake.store.lookup import find_workspace


def pin(lake: Lake, experiment: str, why: str) -> str:
    """Pin an experiment, with the reason. Return its workspace, or raise BadInput."""
    workspace_id = find_workspace(lake, experiment)
    now = datetime.now(UTC).replace(tzinfo=None)
    row = {"workspace_id": workspace_id, "reason": why, "pinned_at": now}
    lake.commit({"pins": frame_of(table("pins"), [row])}, {"workspace_id": [workspace_id]})
    return workspace_id


def unpin(lake: Lake, experiment: str) -> str:
    """Unpin an experiment. Return its workspace."""
    workspace_id = find_workspace(lake, experiment)
    lake.commit({"pins": frame_of(table("pins"), [])}, {"workspace_id": [workspace_id]})
    return workspace_id


def list_pins(lake: Lake) -> pl.DataFrame:
    """Return what is pinned: workspace_id, reason, pinned_at."""
    return lake.read("pins").sort("workspace_id")
