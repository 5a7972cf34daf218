"""A process that is killed at any call below the lake: nobody notices, the next run completes.

A kill tears no log, since whatever gets a name in it is whole by then; so nothing needs a repair.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.harness import OPERATIONS, Operation
from tests.faults.stage import LITTER, POINTS, Stage, at_points_of_every_operation, copy_of

LATER_SECONDS = 5.0


@pytest.mark.guards
def test_calls_of_python_rust_and_both_cpp_engines_are_counted(stage: Stage) -> None:
    published = {
        (step.call, Path(step.path).suffix) for step in stage.undisturbed("publish").ran.steps
    }
    assert ("rename", ".parquet#1") in published  # delta-rs
    assert ("pwrite", ".duckdb") in published  # DuckDB
    assert ("sendfile", ".duckdb") in published  # Python
    kept_up = {
        (step.call, Path(step.path).suffix) for step in stage.undisturbed("maintain").ran.steps
    }
    assert ("write", ".parquet") in kept_up  # Arrow


def test_the_prepared_upkeep_compacts_and_removes(stage: Stage) -> None:
    steps = stage.undisturbed("maintain").ran.steps
    compacted = {Path(step.path).parts[1] for step in steps if step.call == "link"}
    removed = {step.path for step in steps if step.call == "unlink"}
    assert {"loops", "equity_curves", "ingests", "file_lists", "catalogs"} <= compacted
    assert {*LITTER, "catalogs/v000001.duckdb"} <= removed


@pytest.mark.guards
def test_more_than_a_hundred_different_calls_are_stopped_and_as_many_refused(stage: Stage) -> None:
    points = {
        (operation, stage.undisturbed(operation).step(point))
        for operation in OPERATIONS
        for point in range(POINTS)
    }
    assert len(points) > 100
    assert {"open", "write", "pwrite", "fsync", "rename", "link"} <= {
        step.call for _, step in points
    }


@pytest.mark.guards
@at_points_of_every_operation()
def test_after_a_kill_a_reader_sees_one_version_and_the_next_run_completes(
    stage: Stage, tmp_path: Path, operation: Operation, point: int
) -> None:
    known = stage.undisturbed(operation)
    with copy_of(known.lake, tmp_path) as lake:
        step = known.step(point)
        print(stage.runner.stopped_at(step.number, operation, lake, torn=point % 2 == 1))
        known.assert_one_version(lake)
        again = stage.runner.run(operation, lake)
        assert again.code == 0, str(again)
        assert again.seconds < known.ran.seconds + LATER_SECONDS
        known.assert_complete(lake)


@pytest.mark.guards
@pytest.mark.parametrize("operation", OPERATIONS)
def test_upkeep_removes_what_a_killed_run_leaves(
    stage: Stage, tmp_path: Path, operation: Operation
) -> None:
    known = stage.undisturbed(operation)
    half = [each for each in known.ran.steps if each.call == "write" and each.path.endswith("#1")]
    for step in reversed(half):  # whose number may be another one's, where threads take turns
        with copy_of(known.lake, tmp_path) as lake:
            stage.runner.stopped_at(step.number, operation, lake, torn=True)
            if not list(lake.rglob("*#1")):
                continue
            assert stage.runner.run("maintain", lake).code == 0
            left = [
                path.name for path in lake.rglob("*") if "#" in path.name or path.name[0] == "."
            ]
            assert left == []
            return
    raise AssertionError("no run was stopped in the middle of a file")
