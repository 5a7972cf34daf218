"""Runs of one command that are stopped, or let down by the disk, at the Nth call below the lake.

The steps of a command are found by running it once; where threads take turns their order differs
a little from run to run, so a test asks for "the Nth step of this run" and is told which it was.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from tests.processes import ended

Operation = Literal["ingest", "publish", "rollback", "maintain"]
Kind = Literal["kill", "short", "full", "EIO", "ENOSPC", "EACCES"]
Cut = Literal["content", "names", "some"]

OPERATIONS: tuple[Operation, ...] = ("ingest", "publish", "rollback", "maintain")
KINDS: dict[Kind, int] = {
    "kill": 0,
    "short": -1,
    "full": -2,
    "EIO": errno.EIO,
    "ENOSPC": errno.ENOSPC,
    "EACCES": errno.EACCES,
}
"""What comes at the step, as shim.c has it. `short`: half of the bytes are written, then the
process is killed; `full`: half of the bytes, and from then on nothing that takes space."""

CUTS: dict[Cut, tuple[float, float]] = {"content": (1, 0), "names": (0, 1), "some": (0.5, 0.5)}
"""How likely a power cut takes unflushed content, and an unflushed name."""

QUIET = {"OPENBLAS_NUM_THREADS": "1", "RUST_BACKTRACE": "0"}
HERE = Path(__file__).parent
KILLED = -9


@dataclass(frozen=True)
class Step:
    """One call that changes something, by paths relative to the lake."""

    number: int
    call: str
    path: str
    other: str

    def __str__(self) -> str:
        return f"step {self.number}: {self.call} {self.path} {self.other}".rstrip()


@dataclass(frozen=True)
class Ran:
    """What became of a run; `at` is the step at which it was stopped or let down."""

    code: int
    err: str
    seconds: float
    steps: tuple[Step, ...]
    at: Step | None

    def __str__(self) -> str:
        return f"{self.at}\nexit code {self.code} after {self.seconds:.1f} s\n{self.err}"


def compiled(folder: Path) -> Path:
    """The shim as a library; CalledProcessError when it does not compile."""
    library = folder / "shim.so"
    source = str(HERE / "shim.c")
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o", str(library), source]
    subprocess.run(command, check=True)
    return library


class Runner:
    """Runs commands on lakes, each in a fork of a process that has everything imported."""

    def __init__(self, shim: Path, workspaces: Path, folder: Path) -> None:
        self.workspaces, self.folder, self.runs = workspaces, folder, 0
        settings = {name for name in os.environ if name.startswith("RDLAKE_")}
        kept = {name: value for name, value in os.environ.items() if name not in settings}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.faults.operation"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=HERE.parent.parent,
            env={**kept, **QUIET, "LD_PRELOAD": str(shim)},
            encoding="utf-8",
        )

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ended(self.process)

    def run(self, operation: str, lake: Path, at: int = 0, kind: Kind = "kill") -> Ran:
        """Run a command; at step `at`, if it comes so far, what `kind` says."""
        self.runs += 1
        log, out, err = (self.folder / f"{self.runs}.{name}" for name in ("log", "out", "err"))
        job = {
            "operation": operation,
            "workspaces": str(self.workspaces),
            "lake": str(lake),
            "log": str(log),
            "at": at,
            "kind": KINDS[kind],
            "out": str(out),
            "err": str(err),
            "cwd": str(self.folder),
        }
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        code, seconds = json.loads(self.process.stdout.readline())
        steps = _steps(log.read_text(encoding="utf-8"))
        stopped = next((step for step in steps if step.number == at), None)
        return Ran(code, err.read_text(encoding="utf-8"), seconds, steps, stopped)

    def stopped_at(self, number: int, operation: str, lake: Path, *, torn: bool = False) -> Ran:
        """Kill the command before its Nth step; `torn`: in the middle of it, if it writes. A run
        that has fewer steps ends well."""
        ran = self.run(operation, lake, number, "short" if torn else "kill")
        assert ran.code == (KILLED if ran.at else 0), str(ran)
        return ran

    def failed_at(self, number: int, kind: Kind, operation: str, lake: Path) -> Ran:
        """Let the Nth step of the command fail."""
        ran = self.run(operation, lake, number, kind)
        assert ran.at, f"{operation} had {len(ran.steps)} steps instead of {number}\n{ran}"
        return ran


def _steps(log: str) -> tuple[Step, ...]:
    lines = (line.split("\t") for line in log.splitlines())
    return tuple(sorted((Step(int(n), *rest) for n, *rest in lines), key=lambda step: step.number))


def unsynced(steps: Sequence[Step]) -> tuple[set[str], set[str]]:
    """What a power cut after these steps may take: the content of files that were written and not
    flushed since, and names whose folder was not flushed since they were given."""
    content: set[str] = set()
    names: set[str] = set()
    for step in steps:
        if step.call in ("fsync", "fdatasync"):
            content.discard(step.path)
            names = {name for name in names if str(Path(name).parent) != step.path}
        elif step.call in ("rename", "link"):
            names.add(step.other)
            if step.path in content:  # of two names for one file the first is a passing one
                content.remove(step.path)
                content.add(step.other)
            if step.call == "rename":
                names.discard(step.path)
        elif step.call == "unlink":
            content.discard(step.path)
            names.discard(step.path)
        elif step.call in ("open", "mkdir"):
            names.add(step.path)
        else:
            content.add(step.path)
    return content, names


def cut_power(lake: Path, before: Path, steps: Sequence[Step], cut: Cut, seed: int = 0) -> None:
    """Take from the lake what a power cut after these steps may take: the unflushed content, the
    unflushed names, or some of both. `before` is the lake before the steps."""
    content, names = unsynced(steps)
    chance, luck = CUTS[cut], random.Random(seed)
    for name in sorted(content):
        if (lake / name).is_file() and luck.random() < chance[0]:
            os.truncate(lake / name, 0)
    for name in sorted(names):
        if luck.random() < chance[1]:
            _undo(lake / name, before / name)


def _undo(path: Path, before: Path) -> None:
    """Give a name back to what it stood for before, if it did."""
    if before.is_file() and path.is_file():
        shutil.copy2(before, path)
    elif path.is_file() and not before.exists():
        path.unlink()
