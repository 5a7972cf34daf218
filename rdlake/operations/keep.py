"""Experiments that must stay: nothing of them is cleaned up while they are pinned."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.lake import Lake
from rdlake.store.lookup import find_workspace


def pin(lake: Lake, experiment: str, why: str) -> str:
    """Say that an experiment must stay, and why; its workspace. BadInput when there is none."""
    workspace_id = find_workspace(lake, experiment)
    now = datetime.now(UTC).replace(tzinfo=None)
    row = {"workspace_id": workspace_id, "reason": why, "pinned_at": now}
    lake.commit({"pins": frame_of(table("pins"), [row])}, {"workspace_id": [workspace_id]})
    return workspace_id


def unpin(lake: Lake, experiment: str) -> str:
    """Say that it need not stay any longer; its workspace."""
    workspace_id = find_workspace(lake, experiment)
    lake.commit({"pins": frame_of(table("pins"), [])}, {"workspace_id": [workspace_id]})
    return workspace_id


def list_pins(lake: Lake) -> pl.DataFrame:
    """What is pinned: workspace_id, reason, pinned_at."""
    return lake.read("pins").sort("workspace_id")
