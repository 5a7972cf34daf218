"""What a run's log says of each of its workspaces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from rdlake.domain.trace import Baseline, Feedback, Hypothesis, Task, TracedLoop, TracedRun
from rdlake.evidence.model import proposed_model
from rdlake.evidence.value import Evidence

_ROLES = ("sub", "baseline", "experiment")
_NOWHERE = UUID("b6f4b8a0-3c55-5e0f-9d6e-0f6a1f3d8c21")


def said_by_run(run: TracedRun, task_run_id: str) -> list[Evidence]:
    """The evidence on every loop, baseline and sub-workspace of a run. A workspace that several
    loops claim stays with the last of them, and the others are loops without one, for each is a
    trial of its own; a baseline stays with the first, which ran it."""
    said: dict[str, Evidence] = {}
    for loop in run.loops:
        for each in _said(run, task_run_id, loop):
            other = said.get(each.workspace_id)
            if other and _outweighs(other, each):
                continue
            if other and other.folder["role"] == "experiment":
                homeless = nowhere(task_run_id, other.folder["loop_id"], "experiment")
                said[homeless] = replace(other, workspace_id=homeless)
            begun = loop.first_message_at
            said[each.workspace_id] = replace(each, ran=_ran(each, loop), begun=begun)
    return [_sealed(each) for each in said.values()]


def _ran(said: Evidence, loop: TracedLoop) -> bool:
    """Whether the back-test of the loop, or of its baseline, left a result and not a cache."""
    if said.folder["role"] == "baseline" and loop.baseline is not None:
        return loop.baseline.has_result and loop.baseline.cached is not True
    return loop.has_result and loop.cached is not True


def _outweighs(said: Evidence, later: Evidence) -> bool:
    """Whether an earlier loop's word on a workspace stands: that of the loop whose own it is counts
    more than that of one that used it."""
    role, other = said.folder["role"], later.folder["role"]
    return _ROLES.index(role) > _ROLES.index(other) or role == other == "baseline"


def _said(run: TracedRun, task_run_id: str, loop: TracedLoop) -> Iterator[Evidence]:
    place = {"task_run_id": task_run_id, "loop_id": loop.loop_id}
    of_run = {**place, "scenario": run.scenario, "scenario_raw": run.scenario_raw}
    for task in loop.tasks or ():
        if task.workspace_id and task.workspace_id != loop.workspace_id:
            folder = {**place, "role": "sub", "parent_workspace_id": loop.workspace_id}
            folder["action"] = task.kind
            yield _evidence(task_run_id, task.workspace_id, None, folder)
    if loop.baseline is not None:
        yield _baseline(task_run_id, of_run, loop, loop.baseline)
    workspace_id = loop.workspace_id or nowhere(task_run_id, loop.loop_id, "experiment")
    said = _evidence(
        task_run_id,
        workspace_id,
        {**of_run, **_columns(loop)},
        {**place, "role": "experiment", "action": loop.action},
        factors=[_factor(task, loop) for task in loop.tasks or () if task.kind == "factor"],
        feedback=_feedback(loop.feedback, loop),
    )
    yield replace(said, curve=loop.curve, model=proposed_model(loop, workspace_id))


def nowhere(task_run_id: str, loop_id: int, role: str) -> str:
    """The workspace_id of a loop that has no workspace."""
    return f"none_{uuid5(_NOWHERE, f'{task_run_id}/{loop_id}/{role}')}"


def _columns(loop: TracedLoop) -> dict[str, Any]:
    return {
        "role": "experiment",
        "action": loop.action,
        "status": loop.status,
        "status_raw": loop.status_raw,
        "cached": loop.cached,
        "config_name": loop.config,
        "base_features": None if loop.base_features is None else list(loop.base_features),
        "based_on": None if loop.lineage is None else list(loop.lineage),
        "metrics": None if loop.metrics is None else dict(loop.metrics),
        "decision": loop.feedback.decision if loop.feedback else None,
        "error_type": loop.error_type,
        "error_message": loop.error_message or (loop.feedback.error if loop.feedback else None),
        "created_at": loop.first_message_at,
        "ended_at": loop.last_message_at,
        "steps": _steps(loop),
        "llm_cost": loop.llm_cost,
    }


def _steps(loop: TracedLoop) -> list[dict[str, Any]] | None:
    """Its steps in order of time; None when no time of a step was recorded."""
    steps = [
        {"name": name, "started_at": step.start, "ended_at": step.end}
        for name, step in loop.steps.items()
    ]
    return sorted(steps, key=_moment) or None


def _moment(step: Mapping[str, Any]) -> datetime:
    return step["started_at"] or step["ended_at"] or datetime.max


def _baseline(
    task_run_id: str, of_run: Mapping[str, Any], loop: TracedLoop, baseline: Baseline
) -> Evidence:
    row = {
        **of_run,
        "role": "baseline",
        "action": loop.action,
        "status": "success" if baseline.has_result else None,
        "cached": baseline.cached,
        "metrics": None if baseline.metrics is None else dict(baseline.metrics),
    }
    place = {name: of_run[name] for name in ("task_run_id", "loop_id")}
    said = _evidence(
        task_run_id,
        baseline.workspace_id or nowhere(task_run_id, loop.loop_id, "baseline"),
        row,
        {**place, "role": "baseline", "action": loop.action},
    )
    return replace(said, curve=baseline.curve)


def _factor(task: Task, loop: TracedLoop) -> dict[str, Any]:
    variables = task.variables if isinstance(task.variables, Mapping) else {}
    return {
        "factor_name": task.name,
        "accepted": task.accepted,
        "formula_hint": task.formulation,
        "description_cn": task.description,
        "variables": {str(name): str(meaning) for name, meaning in variables.items()} or None,
        "code_sha256": task.code_sha256,
        "sub_workspace_id": task.workspace_id,
        "created_at": loop.first_message_at,
    }


def _feedback(feedback: Feedback | None, loop: TracedLoop) -> dict[str, Any] | None:
    tested = loop.hypothesis or Hypothesis()
    if feedback is None and tested == Hypothesis():
        return None
    said = feedback or Feedback()
    return {
        "decision": said.decision,
        "hypothesis": said.new_hypothesis or tested.hypothesis,
        "tested_hypothesis": tested.hypothesis,
        "hypothesis_reason": tested.reason,
        "concise_reason": tested.concise_reason,
        "concise_observation": tested.concise_observation,
        "concise_justification": tested.concise_justification,
        "concise_knowledge": tested.concise_knowledge,
        "summary_execution": said.observations,
        "summary_value_feedback": said.hypothesis_evaluation,
        "summary_shape_feedback": said.reason,
        "code_change_summary": said.code_change_summary,
        "error": said.error or loop.error_message,
    }


def _evidence(
    task_run_id: str,
    workspace_id: str,
    loop: Mapping[str, Any] | None,
    folder: Mapping[str, Any],
    *,
    factors: list[dict[str, Any]] | None = None,
    feedback: Mapping[str, Any] | None = None,
) -> Evidence:
    named = ("metrics", "action", "decision", "created_at", "config_name", "base_features")
    found = [name for name in named if loop and loop.get(name) is not None]
    return Evidence(
        source=f"trace:{task_run_id}",
        workspace_id=workspace_id,
        digest="",
        loop=loop,
        provenance=dict.fromkeys(found, "trace"),
        factors=None if factors is None else tuple(each for each in factors if each["factor_name"]),
        feedback=feedback,
        folder=folder,
    )


def _sealed(said: Evidence) -> Evidence:
    """With the digest of all it says, so that other loops' news are none of its."""
    days = None if said.curve is None else said.curve.rows()
    told: list[object] = [said.loop, said.factors, said.feedback, said.model, said.folder, days]
    told += [said.ran, said.begun]
    text = json.dumps(told, ensure_ascii=False, default=str)
    return replace(said, digest=sha256(text.encode("utf-8", "backslashreplace")).hexdigest())
