"""A machine that loses power: what was not flushed is gone, and nothing published is among it.

Of what a stopped command did, the content of files and the names that were not flushed since are
taken away. Opening may then refuse the torn end of a log, which `rdlake doctor --repair` moves
aside.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.harness import (
    CUTS,
    OPERATIONS,
    Cut,
    Operation,
    cut_power,
    unsynced,
)
from tests.faults.stage import Stage, Undisturbed, at_points_of_every_operation, copy_of

POINTS = 15
IN_SHORT = {7}
COMMITS = 4
TORN = 4
"""The exit code of a command that refuses a torn lake."""


@pytest.mark.guards
@at_points_of_every_operation(POINTS, IN_SHORT, ("ingest", "publish"))
def test_after_a_power_cut_a_reader_sees_one_version_and_the_next_run_completes(
    stage: Stage, tmp_path: Path, operation: Operation, point: int
) -> None:
    known = stage.undisturbed(operation)
    number = known.step(point, POINTS).number
    with copy_of(known.lake, tmp_path) as lake:
        ran = stage.runner.stopped_at(number, operation, lake)
        steps = [step for step in ran.steps if step.number < number]
        print(ran, unsynced(steps), sep="\n")
        cut_power(lake, known.lake, steps, cut_of(point), seed=point)
        assert_mended(stage, known, lake, operation)


@at_points_of_every_operation(COMMITS, ())
def test_what_the_next_run_rests_on_is_not_lost_with_the_power(
    stage: Stage, tmp_path: Path, operation: Operation, point: int
) -> None:
    """A writer is killed between a commit and its flush. The next one finds the rows in place."""
    known = stage.undisturbed(operation)
    commits = [step.number + 1 for step in known.ran.steps if step.call == "link"]
    number = commits[int(point * len(commits) / COMMITS)]
    with copy_of(known.lake, tmp_path) as lake:
        ran = stage.runner.stopped_at(number, operation, lake)
        again = stage.runner.run(operation, lake)
        assert again.code == 0, str(again)
        steps = [*(step for step in ran.steps if step.number < number), *again.steps]
        print(ran, unsynced(steps), sep="\n")
        cut_power(lake, known.lake, steps, "names")
        assert_mended(stage, known, lake, operation)


@pytest.mark.guards
@pytest.mark.parametrize("cut", ["content", "names"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_finished_run_survives_a_power_cut(
    stage: Stage, tmp_path: Path, operation: Operation, cut: Cut
) -> None:
    known = stage.undisturbed(operation)
    with copy_of(known.lake, tmp_path) as lake:
        cut_power(lake, known.lake, stage.runner.run(operation, lake).steps, cut)
        known.assert_complete(lake)


def cut_of(point: int) -> Cut:
    return list(CUTS)[point % len(CUTS)]


def assert_mended(stage: Stage, known: Undisturbed, lake: Path, operation: Operation) -> None:
    """A reader sees one version; the next run completes, after a repair if it asks for one."""
    known.assert_one_version(lake)
    again = stage.runner.run(operation, lake)
    repaired = again.code == TORN
    if repaired:
        assert "rdlake doctor --repair" in again.err
        assert stage.runner.run("repair", lake).code == 0
        again = stage.runner.run(operation, lake)
    assert again.code == 0, str(again)
    known.assert_complete(lake, repaired=repaired)
