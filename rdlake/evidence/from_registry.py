"""What a registry says of the workspaces of one run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

from rdlake.domain.experiment import Action
from rdlake.domain.registry import RegisteredFolder, RegisteredLoop, RegisteredRun
from rdlake.domain.trace import LoopStatus, RunStatus, Scenario
from rdlake.evidence.from_trace import nowhere
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
_WORDS: dict[str, Action] = {"factor": "factor", "model": "model"}
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
    """The kind of run, by the class that ran it."""
    return _SCENARIOS.get(word or "")


def run_status(run: RegisteredRun) -> RunStatus | None:
    """The run's status in the lake's words; `finished` does not tell how."""
    status = _STATUS.get(run.status or "")
    return None if status == "skipped" else status


def said_by_registry(run: RegisteredRun) -> list[Evidence]:
    """The evidence on every folder of a run, and on each of its loops that has none."""
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
    said = [*_on_folders(run, loops, folders.values(), of_loops), *_homeless(run, of_loops, loops)]
    return [_sealed(each) for each in said]


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
        told = None if role == "sub" else _columns(run, folder, loop, with_metrics=measured)
        yield _evidence(run, folder.workspace_id, told, row)


def _homeless(
    run: RegisteredRun,
    of_loops: Mapping[int, Sequence[RegisteredFolder]],
    loops: Mapping[int, RegisteredLoop],
) -> Iterator[Evidence]:
    """Loops without a folder; with the id that the run's log gives them, where one is known."""
    for number, loop in loops.items():
        if not of_loops[number]:
            nobody = RegisteredFolder(workspace_id="", loop_id=number, role="experiment_workspace")
            place = nowhere(run.log_name or run.task_run_id, number, "experiment")
            row = {"task_run_id": run.task_run_id, "loop_id": number, "role": "experiment"}
            told = _columns(run, nobody, loop, with_metrics=True)
            yield _evidence(run, place, told, row)


def _action(
    run: RegisteredRun, folder: RegisteredFolder, loop: RegisteredLoop | None
) -> Action | None:
    scenario = scenario_of(run.scenario)
    of_scenario = _ACTIONS.get(scenario) if scenario else None
    of_loop = _WORDS.get(loop.action or "") if loop else None
    return of_scenario or _WORDS.get(folder.kind or "") or of_loop


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
    named = ("metrics", "action", "created_at")
    found = [name for name in named if loop and loop[name] is not None]
    return Evidence(
        source=f"registry:{run.task_run_id}",
        workspace_id=workspace_id,
        digest="",
        loop=loop,
        provenance=dict.fromkeys(found, "registry"),
        folder=folder,
        begun=run.created_at,
    )


def _sealed(said: Evidence) -> Evidence:
    """With the digest of all it says."""
    told = asdict(replace(said, digest=""))
    text = json.dumps(told, ensure_ascii=False, default=str, sort_keys=True)
    return replace(said, digest=sha256(text.encode("utf-8", "backslashreplace")).hexdigest())
