"""Write what a fork of RD-Agent would leave of a planned run: registry rows and JSON files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rdlake.demo.chance import Subject, identifier
from rdlake.demo.logs import BETWEEN_LOOPS, NAME, ROOT
from rdlake.demo.plan import PlannedExperiment, PlannedRun

LOGS = ROOT.parent.parent / "log"
TABLES = {
    "task_runs": "task_run_id TEXT PRIMARY KEY, scenario TEXT, status TEXT, created_at_utc TEXT, "
    "updated_at_utc TEXT, git_sha TEXT, rdagent_version TEXT, log_trace_path TEXT, "
    "params_json TEXT",
    "loops": "task_run_id TEXT NOT NULL, loop_id INTEGER NOT NULL, action TEXT, status TEXT, "
    "has_result INTEGER DEFAULT 0, best_workspace_id TEXT, started_at_utc TEXT, "
    "ended_at_utc TEXT, error_type TEXT, error_message TEXT, metrics_json TEXT, "
    "updated_at_utc TEXT, PRIMARY KEY (task_run_id, loop_id)",
    "workspaces": "workspace_id TEXT PRIMARY KEY, task_run_id TEXT NOT NULL, loop_id INTEGER, "
    "workspace_role TEXT, experiment_type TEXT, step_name TEXT, status TEXT, "
    "workspace_path TEXT NOT NULL, created_at_utc TEXT, updated_at_utc TEXT",
}

Row = Mapping[str, object]


def run_id(number: int, seed: int) -> str:
    """Return the id that the registry has for a run. The folder of its log has another name."""
    return identifier(seed, Subject.REGISTERED_RUN, number)


def json_files(experiment: PlannedExperiment, place: int, run: str) -> dict[str, bytes]:
    """Return the JSON files of an experiment's workspace; `place` is its loop's number."""
    loop: Row = {"version": "v1", "task_run_id": run, "loop_id": place}
    folder = {
        **loop,
        "action": experiment.action,
        "workspace_id": experiment.workspace_id,
        "status": "finished",
        "task_run": {"task_run_id": run, "scenario": "QuantRDLoop"},
    }
    files: dict[str, Row] = {"workspace_meta.json": folder}
    if not experiment.failed:
        better = "better" if experiment.accepted else "no better"
        said = f"experiment {experiment.number}: {better} than what was there"
        summary = {"execution": said, "value_feedback": said, "shape_feedback": said}
        files["feedback.json"] = {**loop, "decision": experiment.accepted, "summary": summary}
    if experiment.new:
        named = [{"name": each.name, "source": "rdagent_generated"} for each in experiment.new]
        files["factor_meta.json"] = {**loop, "factors": named}
    return {name: json.dumps(value, indent=2).encode() for name, value in files.items()}


def write_registry(path: Path, runs: Sequence[PlannedRun], seed: int) -> int:
    """Write the registry of all runs; return its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, columns in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
        for number, run in enumerate(runs):
            for name, row in _rows(run, run_id(number, seed)):
                marks = ", ".join("?" * len(row))
                statement = f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})"
                connection.execute(statement, tuple(row.values()))
    return path.stat().st_size


def _rows(run: PlannedRun, name: str) -> Iterator[tuple[str, Row]]:
    started = datetime.strptime(run.log_name, NAME).replace(tzinfo=UTC)
    at = {"updated_at_utc": (started + len(run.experiments) * BETWEEN_LOOPS).isoformat()}
    told: Row = {"scenario": "QuantRDLoop", "status": "success", "params_json": "{}"}
    log: Row = {"created_at_utc": started.isoformat(), "log_trace_path": f"{LOGS}/{run.log_name}"}
    yield "task_runs", {"task_run_id": name, **told, **log, **at}
    for place, experiment in enumerate(run.experiments):
        began = started + place * BETWEEN_LOOPS
        yield (
            "loops",
            {
                "task_run_id": name,
                "loop_id": place,
                "action": experiment.action,
                "status": "failed" if experiment.failed else "success",
                "has_result": int(not experiment.failed),
                "started_at_utc": began.isoformat(),
                "ended_at_utc": (began + timedelta(minutes=10)).isoformat(),
                **at,
            },
        )
        yield (
            "workspaces",
            {
                "workspace_id": experiment.workspace_id,
                "task_run_id": name,
                "loop_id": place,
                "workspace_role": "experiment_workspace",
                "experiment_type": experiment.action,
                "step_name": "feedback",
                "status": "finished",
                "workspace_path": f"{ROOT}/{experiment.workspace_id}",
                "created_at_utc": began.isoformat(),
                **at,
            },
        )
