"""Make evidence of a run's log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from rdlake.domain.ids import id_without_folder
from rdlake.domain.trace import Baseline, Feedback, Hypothesis, Task, TracedLoop, TracedRun
from rdlake.evidence.model import proposed_model
from rdlake.evidence.source import Source
from rdlake.evidence.value import Evidence

_ROLES = ("sub", "baseline", "experiment")
"""From the weakest claim of a loop to a workspace to the strongest."""


def evidence_of_trace(run: TracedRun, task_run_id: str) -> list[Evidence]:
    """Return evidence on every loop, baseline and sub-workspace of a run.

    A workspace that several loops claim stays with the last of them. The others become loops
    without a folder, for each is a trial of its own. A baseline stays with the first loop, which
    ran it.
    """
    parts: dict[str, Evidence] = {}
    for loop in run.loops:
        for part in _on_loop(run, task_run_id, loop):
            other = parts.get(part.workspace_id)
            if other and _outweighs(other, part):
                continue
            if other and other.folder["role"] == "experiment":
                own_id = id_without_folder(task_run_id, other.folder["loop_id"], "experiment")
                parts[own_id] = replace(other, workspace_id=own_id)
            begun = loop.first_message_at
            parts[part.workspace_id] = replace(part, ran=_ran(part, loop), begun=begun)
    return [_with_digest(part) for part in parts.values()]


def _ran(part: Evidence, loop: TracedLoop) -> bool:
    """Return whether the back-test of the loop, or of its baseline, ran and was not cached."""
    if part.folder["role"] == "baseline" and loop.baseline is not None:
        return loop.baseline.has_result and loop.baseline.cached is not True
    return loop.has_result and loop.cached is not True


def _outweighs(part: Evidence, later: Evidence) -> bool:
    """Return whether an earlier loop keeps a workspace that a later one claims too.

    A loop whose own workspace it is counts more than one that only used it.
    """
    role, other = part.folder["role"], later.folder["role"]
    return _ROLES.index(role) > _ROLES.index(other) or role == other == "baseline"


def _on_loop(run: TracedRun, task_run_id: str, loop: TracedLoop) -> Iterator[Evidence]:
    place = {"task_run_id": task_run_id, "loop_id": loop.loop_id}
    of_run = {**place, "scenario": run.scenario, "scenario_raw": run.scenario_raw}
    for task in loop.tasks or ():
        if task.workspace_id and task.workspace_id != loop.workspace_id:
            folder = {**place, "role": "sub", "parent_workspace_id": loop.workspace_id}
            folder["action"] = task.kind
            yield _evidence(task_run_id, task.workspace_id, None, folder)
    if loop.baseline is not None:
        yield _on_baseline(task_run_id, of_run, loop, loop.baseline)
    workspace_id = loop.workspace_id or id_without_folder(task_run_id, loop.loop_id, "experiment")
    part = _evidence(
        task_run_id,
        workspace_id,
        {**of_run, **_columns(loop)},
        {**place, "role": "experiment", "action": loop.action},
        factors=[_factor_columns(task, loop) for task in loop.tasks or () if task.kind == "factor"],
        feedback=_feedback_columns(loop.feedback, loop),
    )
    yield replace(part, curve=loop.curve, model=proposed_model(loop, workspace_id))


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
    """Return the loop's steps in order of time; None when no time of a step was recorded."""
    steps = [
        {"name": name, "started_at": step.start, "ended_at": step.end}
        for name, step in loop.steps.items()
    ]
    return sorted(steps, key=_step_time) or None


def _step_time(step: Mapping[str, Any]) -> datetime:
    return step["started_at"] or step["ended_at"] or datetime.max


def _on_baseline(
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
    part = _evidence(
        task_run_id,
        baseline.workspace_id or id_without_folder(task_run_id, loop.loop_id, "baseline"),
        row,
        {**place, "role": "baseline", "action": loop.action},
    )
    return replace(part, curve=baseline.curve)


def _factor_columns(task: Task, loop: TracedLoop) -> dict[str, Any]:
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


def _feedback_columns(feedback: Feedback | None, loop: TracedLoop) -> dict[str, Any] | None:
    tested = loop.hypothesis or Hypothesis()
    if feedback is None and tested == Hypothesis():
        return None
    conclusion = feedback or Feedback()
    return {
        "decision": conclusion.decision,
        "hypothesis": conclusion.new_hypothesis or tested.hypothesis,
        "tested_hypothesis": tested.hypothesis,
        "hypothesis_reason": tested.reason,
        "concise_reason": tested.concise_reason,
        "concise_observation": tested.concise_observation,
        "concise_justification": tested.concise_justification,
        "concise_knowledge": tested.concise_knowledge,
        "summary_execution": conclusion.observations,
        "summary_value_feedback": conclusion.hypothesis_evaluation,
        "summary_shape_feedback": conclusion.reason,
        "code_change_summary": conclusion.code_change_summary,
        "error": conclusion.error or loop.error_message,
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
    columns = ("metrics", "action", "decision", "created_at", "config_name", "base_features")
    known = [name for name in columns if loop and loop.get(name) is not None]
    return Evidence(
        source=Source("trace", task_run_id),
        workspace_id=workspace_id,
        digest="",
        loop=loop,
        provenance=dict.fromkeys(known, "trace"),
        factors=None if factors is None else tuple(each for each in factors if each["factor_name"]),
        feedback=feedback,
        folder=folder,
    )


def _with_digest(part: Evidence) -> Evidence:
    """Return the evidence with a digest of all it says.

    What other loops of the run say does not change it.
    """
    days = None if part.curve is None else part.curve.rows()
    content: list[object] = [part.loop, part.factors, part.feedback, part.model, part.folder, days]
    content += [part.ran, part.begun]
    text = json.dumps(content, ensure_ascii=False, default=str)
    return replace(part, digest=sha256(text.encode("utf-8", "backslashreplace")).hexdigest())
