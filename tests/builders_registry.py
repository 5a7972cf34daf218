"""Make a registry.sqlite as the fork of RD-Agent writes one: `write_registry(path, loops=[…])`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

SCHEMA = """
CREATE TABLE task_runs (task_run_id TEXT PRIMARY KEY, scenario TEXT, status TEXT,
    created_at_utc TEXT, updated_at_utc TEXT, git_sha TEXT, rdagent_version TEXT,
    log_trace_path TEXT, params_json TEXT);
CREATE TABLE loops (task_run_id TEXT NOT NULL, loop_id INTEGER NOT NULL, action TEXT, status TEXT,
    has_result INTEGER DEFAULT 0, best_workspace_id TEXT, started_at_utc TEXT, ended_at_utc TEXT,
    error_type TEXT, error_message TEXT, ic_mean REAL, metrics_json TEXT, log_dir TEXT,
    is_solidified INTEGER DEFAULT 0, sync_status TEXT DEFAULT 'pending', updated_at_utc TEXT,
    PRIMARY KEY (task_run_id, loop_id));
CREATE TABLE workspaces (workspace_id TEXT PRIMARY KEY, task_run_id TEXT NOT NULL, loop_id INTEGER,
    workspace_role TEXT, experiment_type TEXT, step_name TEXT, status TEXT,
    workspace_path TEXT NOT NULL, meta_path TEXT, created_at_utc TEXT, updated_at_utc TEXT);
"""
RUN = "4a37fa2df2d7440f87859faeecc3f80c"
OLD = "/mnt/f/Dev/RD-Agent-main"
WORKSPACES = f"{OLD}/git_ignore_folder/RD-Agent_workspace"
AT = "2026-03-02T08:11:27.104233+00:00"

Row = Mapping[str, object]


def run_row(task_run_id: str = RUN, **others: object) -> Row:
    row = {"task_run_id": task_run_id, "scenario": "QuantRDLoop", "status": "success"}
    return {**row, "created_at_utc": AT, "updated_at_utc": AT, **others}


def loop_row(loop_id: object = 0, task_run_id: str = RUN, **others: object) -> Row:
    row = {"task_run_id": task_run_id, "loop_id": loop_id, "status": "success", "has_result": 1}
    return {**row, "started_at_utc": AT, "updated_at_utc": AT, **others}


def folder_row(name: str, loop_id: object = 0, task_run_id: str = RUN, **others: object) -> Row:
    row = {"workspace_id": name, "task_run_id": task_run_id, "loop_id": loop_id}
    row |= {"workspace_role": "experiment_workspace", "experiment_type": "factor"}
    row |= {"step_name": "feedback", "status": "finished", "workspace_path": f"{WORKSPACES}/{name}"}
    return {**row, "created_at_utc": AT, "updated_at_utc": AT, **others}


def write_registry(
    path: Path,
    runs: Sequence[Row] = (),
    loops: Sequence[Row] = (),
    workspaces: Sequence[Row] = (),
    schema: str = SCHEMA,
) -> Path:
    """Write these rows into the file; add them when it exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with closing(sqlite3.connect(path)) as connection, connection:
        if is_new:
            connection.executescript(schema)
        for name, rows in (("task_runs", runs), ("loops", loops), ("workspaces", workspaces)):
            for row in rows:
                marks = ", ".join("?" * len(row))
                text = f"INSERT OR REPLACE INTO {name} ({', '.join(row)}) VALUES ({marks})"
                connection.execute(text, tuple(row.values()))
    return path
