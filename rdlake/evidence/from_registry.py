"""Make evidence of one run of a registry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

from rdlake.domain.experiment import Action
from rdlake.domain.ids import id_without_folder
from rdlake.domain.registry import RegisteredFolder, RegisteredLoop, RegisteredRun
from rdlake.domain.trace import LoopStatus, RunStatus, Scenario
from rdlake.evidence.source import Source
from rdlake.evidence.value import Evidence

_SCENARIOS: dict[str, Scenario] = {
    "FactorRDLoop": "fin_factor",
    "ModelRDLoop": "fin_model",
    "QuantRDLoop": "fin_quant",
    "FactorReportLoop": "fin_factor_report",
    "QlibFactorScenario": "fin_factor",
    "QlibModelScenario": "fin_model",
    "QlibQuantScenario": "fin_quant",
    "QlibFactorFromReportScenario": "fin_factor_report",
    "fin_factor": "fin_factor",
    "fin_model": "fin_model",
    "fin_quant": "fin_quant",
    "fin_factor_report": "fin_factor_report",
}
_ACTIONS: dict[Scenario, Action] = {
    "fin_factor": "factor",
    "fin_factor_report": "factor",
    "fin_model": "model",
}
_ACTION_WORDS: dict[str, Action] = {"factor": "factor", "model": "model"}
_STATUS: dict[str, LoopStatus] = {
    "success": "success",
    "failed": "failed",
    "aborted": "failed",
    "running": "running",
    "skip": "skipped",
    "skipped": "skipped",
}
_ROLES = {"experiment_workspace": "experiment", "sub_workspace": "sub"}


def scenario_of(word: str | None) -> Scenario | None:
    """Return the scenario, which the class that ran tells."""
    return _SCENARIOS.get(word or "")


def run_status(run: RegisteredRun) -> RunStatus | None:
    """Return the run's status in the lake's words.

    None for a word such as `finished`, which does not tell how the run ended.
    """
    status = _STATUS.get(run.status or "")
    return None if status == "skipped" else status


def evidence_of_registry(run: RegisteredRun) -> list[Evidence]:
    """Return evidence on every folder of a run, and on each of its loops that has none."""
    loops = {loop.loop_id: loop for loop in run.loops}
    folders = {folder.workspace_id: folder for folder in run.folders}
    for loop in run.loops:
        if loop.best and loop.best not in folders:
            best = RegisteredFolder(
                workspace_id=loop.best, loop_id=loop.loop_id, role="experiment_workspace"
            )
            folders[loop.best] = best
    of_loops: dict[int, list[RegisteredFolder]] = {number: [] for number in loops}
    for folder in folders.values():
        if folder.loop_id is not None and _role(folder, loops.get(folder.loop_id)) == "experiment":
            of_loops.setdefault(folder.loop_id, []).append(folder)
    parts = [
        *_on_folders(run, loops, folders.values(), of_loops),
        *_on_loops_without_folder(run, of_loops, loops),
    ]
    return [_with_digest(part) for part in parts]


def _role(folder: RegisteredFolder, loop: RegisteredLoop | None) -> str | None:
    if loop is not None and loop.best == folder.workspace_id:
        return "experiment"
    return _ROLES.get(folder.role or "")


def _on_folders(
    run: RegisteredRun,
    loops: Mapping[int, RegisteredLoop],
    folders: Iterable[RegisteredFolder],
    of_loops: Mapping[int, Sequence[RegisteredFolder]],
) -> Iterator[Evidence]:
    for folder in folders:
        loop = None if folder.loop_id is None else loops.get(folder.loop_id)
        role = _role(folder, loop)
        tested = () if folder.loop_id is None else of_loops.get(folder.loop_id, ())
        only = tested[0].workspace_id if len(tested) == 1 else None
        row = {
            "task_run_id": run.task_run_id,
            "loop_id": folder.loop_id,
            "role": role,
            "action": _action(run, folder, loop),
            "parent_workspace_id": only if role == "sub" else None,
            "status": folder.status,
        }
        measured = loop is not None and (loop.best or only) == folder.workspace_id
        columns = None if role == "sub" else _columns(run, folder, loop, with_metrics=measured)
        yield _evidence(run, folder.workspace_id, columns, row)


def _on_loops_without_folder(
    run: RegisteredRun,
    of_loops: Mapping[int, Sequence[RegisteredFolder]],
    loops: Mapping[int, RegisteredLoop],
) -> Iterator[Evidence]:
    """Make evidence on loops without a folder, under the id that a log of the run gives them."""
    for number, loop in loops.items():
        if not of_loops[number]:
            folder = RegisteredFolder(workspace_id="", loop_id=number, role="experiment_workspace")
            name = run.log_name or run.task_run_id
            workspace_id = id_without_folder(name, number, "experiment")
            row = {"task_run_id": run.task_run_id, "loop_id": number, "role": "experiment"}
            columns = _columns(run, folder, loop, with_metrics=True)
            yield _evidence(run, workspace_id, columns, row)


def _action(
    run: RegisteredRun, folder: RegisteredFolder, loop: RegisteredLoop | None
) -> Action | None:
    scenario = scenario_of(run.scenario)
    of_scenario = _ACTIONS.get(scenario) if scenario else None
    of_loop = _ACTION_WORDS.get(loop.action or "") if loop else None
    return of_scenario or _ACTION_WORDS.get(folder.kind or "") or of_loop


def _columns(
    run: RegisteredRun,
    folder: RegisteredFolder,
    loop: RegisteredLoop | None,
    *,
    with_metrics: bool,
) -> dict[str, Any]:
    known = loop or RegisteredLoop(loop_id=0)
    status_raw = known.status or folder.status
    status = _STATUS.get(status_raw or "")
    metrics = known.metrics if with_metrics else None
    return {
        "task_run_id": run.task_run_id,
        "loop_id": folder.loop_id,
        "role": _role(folder, loop),
        "action": _action(run, folder, loop),
        "scenario": scenario_of(run.scenario),
        "scenario_raw": run.scenario,
        "step_name": folder.step_name,
        "status": status,
        "status_raw": status_raw,
        "metrics": None if metrics is None else dict(metrics),
        "error_type": known.error_type,
        "error_message": known.error_message,
        "created_at": folder.created_at or known.started_at,
        "ended_at": None if status == "running" else known.ended_at,
    }


def _evidence(
    run: RegisteredRun,
    workspace_id: str,
    loop: Mapping[str, Any] | None,
    folder: Mapping[str, Any],
) -> Evidence:
    columns = ("metrics", "action", "created_at")
    known = [name for name in columns if loop and loop[name] is not None]
    return Evidence(
        source=Source("registry", run.task_run_id),
        workspace_id=workspace_id,
        digest="",
        loop=loop,
        provenance=dict.fromkeys(known, "registry"),
        folder=folder,
        begun=run.created_at,
    )


def _with_digest(part: Evidence) -> Evidence:
    """Return the evidence with the digest of all it says."""
    content = asdict(part) | {"source": str(part.source), "digest": ""}
    text = json.dumps(content, ensure_ascii=False, default=str, sort_keys=True)
    return replace(part, digest=sha256(text.encode("utf-8", "backslashreplace")).hexdigest())
