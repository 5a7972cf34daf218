"""Describe the trained model of one workspace: what qlib recorded, and what the log proposed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rdlake.domain.experiment import Workspace
from rdlake.domain.ids import canonical_subtree, proposed_model_id
from rdlake.domain.trace import Task, TracedLoop
from rdlake.evidence.value import Evidence, Row


def recorded_model(workspace: Workspace) -> Row | None:
    """Return the columns of `models` that mlruns/ has; None where it shows no trained model."""
    recording = workspace.recording
    if recording is None or recording.model_id is None:
        return None
    ran, weights, order = recording.configuration, recording.weights, recording.feature_order
    codes = [code for code in workspace.codes if code.path == "model.py"]
    return {
        "model_id": recording.model_id,
        "model_type": ran.model_class if ran else None,
        "model_config": canonical_subtree(ran.model_config) if ran else None,
        "dataset_config": canonical_subtree(ran.dataset_config) if ran else None,
        "feature_list": None if order is None else list(order),
        "model_files": [*([weights.path] if weights else []), *(code.path for code in codes)],
        "weights_sha256": weights.sha256 if weights else None,
        "code_sha256": codes[0].sha256 if codes else None,
        "provenance": {"model_id": ran.origin if ran else "weights"},
    }


def proposed_model(loop: TracedLoop, workspace_id: str) -> Row | None:
    """Return the columns of `models` that a log has.

    None for a loop without a result: only a trained model gives one. Of several proposed models
    RD-Agent trains the first.
    """
    task = next((task for task in loop.tasks or () if task.kind == "model"), None)
    if task is None or not loop.has_result:
        return None
    row = {
        "model_id": proposed_model_id(
            workspace_id,
            task.model_type,
            task.hyperparameters,
            task.training_hyperparameters,
            task.code_sha256,
        ),
        "model_type": task.model_type,
        "proposal": _proposal(task),
        "code_sha256": task.code_sha256,
    }
    return {**row, "provenance": {name: "trace" for name, value in row.items() if value}}


def _proposal(task: Task) -> str | None:
    fields = {
        "name": task.name,
        "model_type": task.model_type,
        "description": task.description,
        "formulation": task.formulation,
        "architecture": task.architecture,
        "variables": task.variables,
        "hyperparameters": task.hyperparameters,
        "training_hyperparameters": task.training_hyperparameters,
    }
    known = {name: value for name, value in fields.items() if value is not None}
    plain = json.loads(json.dumps(known, default=dict), parse_constant=str)
    return json.dumps(plain, sort_keys=True, ensure_ascii=False) if known else None


def merge_models(parts: Sequence[Evidence]) -> Row | None:
    """Return the model of all evidence: each column by the folder, else by the log."""
    row: dict[str, Any] = {}
    provenance: dict[str, str] = {}
    for part in sorted(parts, key=lambda part: part.kind != "workspace"):
        columns = dict(part.model or {})
        origins = columns.pop("provenance", {})
        for name, value in columns.items():
            if value is not None and row.get(name) is None:
                row[name] = value
                provenance |= {name: origins[name]} if name in origins else {}
    return {**row, "provenance": provenance} if row else None
