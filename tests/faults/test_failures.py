"""A disk that refuses any call below the lake: the command says so, or it was of no consequence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rdlake.errors import ExitCode
from tests.faults.harness import OPERATIONS, Kind, Operation, Ran, Step
from tests.faults.stage import Stage, Undisturbed, at_points_of_every_operation, copy_of

REFUSALS: tuple[Kind, ...] = ("EIO", "ENOSPC", "EACCES", "full")
ABOUT_NAMES = {"open", "mkdir", "link", "rename", "unlink"}
"""Calls that permissions can forbid; a file that is open can be written to and flushed."""

HARMLESS = {
    "unlink": r"#1$|/?\.[0-9a-f]{32}\.(duckdb(\.wal)?|parquet)$",
    "sendfile": r"\.duckdb$",
    "mkdir": r"^catalogs(/data)?$",
}
"""Calls that may fail while the command succeeds, for these paths. A passing file that cannot be
removed: what it was made for has its own name already, and upkeep removes it a day later. A quick
copy: Python then copies in the slow way. A folder that is there already."""
OPEN_ELSEWHERE = "catalog.duckdb is open elsewhere and was not replaced; attach "


@pytest.mark.guards
@at_points_of_every_operation(operations=("publish", "maintain"))
def test_a_refused_call_is_told_or_does_no_harm_and_the_next_run_completes(
    stage: Stage, tmp_path: Path, operation: Operation, point: int
) -> None:
    known = stage.undisturbed(operation)
    step = known.step(point)
    with copy_of(known.lake, tmp_path) as lake:
        kind = refusal(step, point + OPERATIONS.index(operation))
        ran = stage.runner.failed_at(step.number, kind, operation, lake)
        print(kind, ran)
        known.assert_one_version(lake)
        if ran.code:
            assert_told(ran, lake)
        elif not left_to_the_next_run(ran, kind, lake):
            assert_no_harm(ran, kind, known, lake)
        again = stage.runner.run(operation, lake)
        assert again.code == 0, str(again)
        known.assert_complete(lake)


def refusal(step: Step, number: int) -> Kind:
    kind = REFUSALS[number % len(REFUSALS)]
    return "EIO" if kind == "EACCES" and step.call not in ABOUT_NAMES else kind


def assert_told(ran: Ran, lake: Path) -> None:
    """A message that names a file or folder of the lake and what to do. A thread of delta-rs may
    say before it that it was shut down; that is no message of ours."""
    assert ran.code == ExitCode.FAILED
    message = ran.err[ran.err.index("error: ") :]
    assert re.search(rf"^  where: {re.escape(str(lake))}", message, re.MULTILINE)
    assert "  fix:   free space or mend the permissions" in message
    assert "Traceback" not in ran.err


def assert_no_harm(ran: Ran, kind: Kind, known: Undisturbed, lake: Path) -> None:
    """What was to be done is done. A disk that is full may be so after all was written."""
    assert ran.at
    assert kind == "full" or re.search(HARMLESS[ran.at.call], ran.at.path)
    known.assert_complete(lake)


def left_to_the_next_run(ran: Ran, kind: Kind, lake: Path) -> bool:
    """True where catalog.duckdb may not be replaced, as while Windows has it open: the version is
    published, and the command says which file to attach instead."""
    if OPEN_ELSEWHERE not in ran.err:
        return False
    assert ran.at
    assert kind == "EACCES"
    assert "catalog.duckdb" in f"{ran.at.path} {ran.at.other}"
    return Path(ran.err.split(OPEN_ELSEWHERE)[1].splitlines()[0]).is_file()
