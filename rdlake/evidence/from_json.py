"""What JSON says of a workspace: the files in its folder, and the catalogs that were exported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any

from rdlake.domain.experiment import ForkRecord, Workspace
from rdlake.evidence.from_registry import scenario_of
from rdlake.evidence.value import Evidence

_LOOP = ("action", "scenario_raw", "step_name", "status", "status_raw", "protocol_strategy_id")
_FOUND = ("metrics", "action", "decision", "status")


def said_by_json(workspace: Workspace) -> Evidence | None:
    """What the JSON files of a folder say; None when they say nothing. They describe a loop that
    the folder shows, and make one only of a metric, where other files are gone."""
    told = workspace.fork_record
    if told is None:
        return None
    makes_one = workspace.role in ("unused", "junk") and bool(told.metrics)
    place = _place(told) | {"status": told.status_raw}
    return _evidence(
        f"json:{workspace.workspace_id}",
        workspace.workspace_id,
        told,
        loop=_columns(told, "experiment" if makes_one else None),
        folder={name: value for name, value in place.items() if value is not None},
    )


def said_by_catalog(
    source: str, workspace_id: str, told: ForkRecord, exported: datetime | None
) -> Evidence:
    """What an exported catalog says of a workspace: a loop when it has a metric, else a folder."""
    place = {**_place(told), "action": told.action, "status": told.status_raw}
    return _evidence(
        source,
        workspace_id,
        told,
        loop=_columns(told, "experiment" if told.metrics else None),
        folder={} if told.metrics else place,
        begun=exported,
    )


def _evidence(
    source: str,
    workspace_id: str,
    told: ForkRecord,
    *,
    loop: Mapping[str, Any],
    folder: Mapping[str, Any],
    begun: datetime | None = None,
) -> Evidence:
    kind = source.partition(":")[0]
    content = json.dumps([asdict(told), loop, folder], ensure_ascii=False, default=str)
    provenance = dict.fromkeys((name for name in _FOUND if loop.get(name) is not None), kind)
    return Evidence(
        source=source,
        workspace_id=workspace_id,
        digest=sha256(content.encode()).hexdigest(),
        loop=loop,
        provenance=provenance,
        factors=told.factors or None,
        feedback=told.feedback,
        folder=folder,
        begun=begun,
    )


def _place(told: ForkRecord) -> dict[str, Any]:
    run, number = told.loop or (None, None)
    return {"task_run_id": run, "loop_id": number}


def _columns(told: ForkRecord, role: str | None) -> dict[str, Any]:
    """Columns of `loops`; without a role they only add to a loop that another source shows."""
    return {
        "role": role,
        **_place(told),
        **{name: getattr(told, name) for name in _LOOP},
        "scenario": scenario_of(told.scenario_raw),
        "metrics": dict(told.metrics) or None,
        "decision": (told.feedback or {}).get("decision"),
    }
