"""Hold the content of a registry.sqlite: a run, its loops and their folders, in the registry's
words.

What it does not say is None. Times are UTC without a zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rdlake.domain.experiment import Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredFolder:
    """Hold one row of `workspaces`.

    `workspace_id` is the last name of the row's path, else the row's own id. `root` is the folder
    that holds it: an absolute path of the system that it ran on.
    """

    workspace_id: str
    loop_id: int | None
    role: str | None = None
    kind: str | None = None
    step_name: str | None = None
    status: str | None = None
    root: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredLoop:
    """Hold one row of `loops`. `best` is the folder that the metrics belong to."""

    loop_id: int
    action: str | None = None
    status: str | None = None
    best: str | None = None
    metrics: Mapping[str, float | None] | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error_type: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredRun:
    """Hold one row of `task_runs` with the rows that name it; `log_name` is the name of its log
    folder."""

    task_run_id: str
    scenario: str | None = None
    status: str | None = None
    rdagent_version: str | None = None
    log_name: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    loops: tuple[RegisteredLoop, ...] = ()
    folders: tuple[RegisteredFolder, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Registry:
    """Hold all runs of one registry file, and a finding for each row that could not be used."""

    runs: tuple[RegisteredRun, ...]
    findings: tuple[Finding, ...] = ()
