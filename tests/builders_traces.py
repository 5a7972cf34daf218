"""Make RD-Agent's log folders with valid defaults: `write_run(tmp_path, make_loop(0), …)`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import md5
from pathlib import Path, PurePosixPath
from typing import Any

from rdlake.demo.rdagent_pickles import Proposal
from rdlake.demo.traces import (
    LoggedBacktest,
    LoopLog,
    RunLog,
    log_folder_name,
    trace_files,
)
from rdlake.domain.trace import TracedRun
from rdlake.sources.traces import find_runs, read_run
from tests.builders import make_curve, proven_metrics

KEY = bytes(range(32))
STARTED = datetime(2026, 3, 2, 9, 30, 0, 123456)
WORKSPACES = PurePosixPath("/home/quant/git_ignore_folder/RD-Agent_workspace")


def workspace_id(*words: object) -> str:
    """Return a folder's name that is always the same for these words."""
    return md5(" ".join(map(str, words)).encode(), usedforsecurity=False).hexdigest()


def make_backtest(
    *words: object, level: float = 0.001, metrics: Mapping[str, float] | None = None
) -> LoggedBacktest:
    """Return a back-test whose metrics agree with its curve."""
    curve = make_curve(days=6, level=level)
    found = {**proven_metrics(curve), "IC": 0.02, "Rank IC": 0.03, **(metrics or {})}
    ordered = curve.select("datetime", *(name for name in curve.columns if name != "datetime"))
    return LoggedBacktest(WORKSPACES / workspace_id(*words), found, ordered)


def make_proposal(name: str, **overrides: Any) -> Proposal:
    code = f"def calculate_{name}():\n    return '{name}'\n"
    place = WORKSPACES / workspace_id("sub", name)
    return Proposal(**{"name": name, "workspace": place, "code": code, **overrides})


def make_loop(number: int = 0, **overrides: Any) -> LoopLog:
    """Return a loop of two factors, one of them rejected. The first loop has a baseline."""
    chosen: dict[str, Any] = {
        "number": number,
        "proposals": (
            make_proposal(f"MOM_{number}"),
            make_proposal(f"BROKEN_{number}", accepted=False),
        ),
        "backtest": make_backtest("own", number, level=0.001 + number / 10_000),
        "baseline": make_backtest("baseline", level=-0.001) if number == 0 else None,
        "said": {"observations": f"observed {number}", "new_hypothesis": "go on"},
        "base_features": {"RESI5": "Resi($close, 5)/$close"},
    }
    return LoopLog(**chosen | overrides)


def make_model_loop(number: int = 0, **overrides: Any) -> LoopLog:
    """Return a loop of one model."""
    chosen: dict[str, Any] = {
        "action": "model",
        "proposals": (make_proposal(f"Net{number}", architecture="two layers"),),
        "baseline": None,
    }
    return make_loop(number, **chosen | overrides)


def write_run(
    root: Path, *loops: LoopLog, key: bytes | None = KEY, name: str | None = None, **overrides: Any
) -> Path:
    """Write a run's folder below `root`; it has one loop if none is given."""
    run = RunLog(**{"started": STARTED, "loops": loops or (make_loop(),), **overrides})
    folder = root / (name or log_folder_name(run.started))
    for path, content in trace_files(run, key=key).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def read_only(root: Path, *, key: bytes | None = KEY) -> TracedRun:
    """Return the only run below a log root."""
    (folder,) = find_runs(root).runs
    return read_run(folder, key=key)
