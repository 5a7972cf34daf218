"""Make evidence of JSON: of the files in a folder, and of exported catalogs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any

from rdlake.domain.experiment import ForkRecord, Workspace
from rdlake.evidence.from_registry import scenario_of
from rdlake.evidence.source import Source
from rdlake.evidence.value import Evidence

_LOOP_COLUMNS = (
    "action",
    "scenario_raw",
    "step_name",
    "status",
    "status_raw",
    "protocol_strategy_id",
)
_WITH_PROVENANCE = ("metrics", "action", "decision", "status")


def evidence_of_json(workspace: Workspace) -> Evidence | None:
    """Return what the JSON files of a folder say; None when they say nothing.

    They describe a loop that the folder shows. By themselves they make a loop only where the other
    files are gone and they have a metric.
    """
    record = workspace.fork_record
    if record is None:
        return None
    makes_loop = workspace.role in ("unused", "junk") and bool(record.metrics)
    place = _place(record) | {"status": record.status_raw}
    return _evidence(
        Source("json", workspace.workspace_id),
        workspace.workspace_id,
        record,
        loop=_columns(record, "experiment" if makes_loop else None),
        folder={name: value for name, value in place.items() if value is not None},
    )


def evidence_of_catalog(
    source: Source, workspace_id: str, record: ForkRecord, exported: datetime | None
) -> Evidence:
    """Return what an exported catalog says of a workspace.

    That is a loop when it has a metric, else only a folder.
    """
    place = {**_place(record), "action": record.action, "status": record.status_raw}
    return _evidence(
        source,
        workspace_id,
        record,
        loop=_columns(record, "experiment" if record.metrics else None),
        folder={} if record.metrics else place,
        begun=exported,
    )


def _evidence(
    source: Source,
    workspace_id: str,
    record: ForkRecord,
    *,
    loop: Mapping[str, Any],
    folder: Mapping[str, Any],
    begun: datetime | None = None,
) -> Evidence:
    content = json.dumps([asdict(record), loop, folder], ensure_ascii=False, default=str)
    known = (name for name in _WITH_PROVENANCE if loop.get(name) is not None)
    return Evidence(
        source=source,
        workspace_id=workspace_id,
        digest=sha256(content.encode()).hexdigest(),
        loop=loop,
        provenance=dict.fromkeys(known, source.kind),
        factors=record.factors or None,
        feedback=record.feedback,
        folder=folder,
        begun=begun,
    )


def _place(record: ForkRecord) -> dict[str, Any]:
    run, number = record.loop or (None, None)
    return {"task_run_id": run, "loop_id": number}


def _columns(record: ForkRecord, role: str | None) -> dict[str, Any]:
    """Return columns of `loops`; without a role they only add to a loop of another source."""
    return {
        "role": role,
        **_place(record),
        **{name: getattr(record, name) for name in _LOOP_COLUMNS},
        "scenario": scenario_of(record.scenario_raw),
        "metrics": dict(record.metrics) or None,
        "decision": (record.feedback or {}).get("decision"),
    }
