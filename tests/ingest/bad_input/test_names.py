"""Two runs of one name from different places: both are kept, whichever came first and however often
they are read again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from rdlake.demo.traces import LoopLog
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders_traces import KEY, STARTED, make_backtest, make_loop, make_proposal, write_run
from tests.ingest.bad_input.world import RUN
from tests.ingesting import ingest
from tests.lake_rows import versions

LATER = STARTED + timedelta(days=1)


def loop_of(place: str, number: int = 0) -> LoopLog:
    """A loop that has nothing in common with one of another place."""
    return make_loop(
        number,
        proposals=(make_proposal(f"F_{place}_{number}"),),
        backtest=make_backtest(place, number),
        baseline=None,
    )


def written(root: Path, place: str, *numbers: int) -> Path:
    loops = [loop_of(place, number) for number in numbers or (0,)]
    started = STARTED if place == "one" else LATER
    write_run(root / place, *loops, name=RUN, started=started)
    return root / place


def read(lake: Lake, *steps: Sequence[Path]) -> dict[str, set[str]]:
    """run -> the factors of its loops, after these ingests."""
    for logs in steps:
        assert not ingest(lake, [], logs, signing_key=KEY).partial
    before = versions(lake)
    for logs in steps:
        assert not ingest(lake, [], logs, signing_key=KEY).outcomes
    assert versions(lake) == before
    rows = lake.read("loops", ["workspace_id", "task_run_id"])
    factors = lake.read("factors", ["workspace_id", "factor_name"]).join(rows, "workspace_id")
    found: dict[str, set[str]] = {name: set() for name in lake.read("task_runs")["task_run_id"]}
    for _, factor, run in factors.rows():
        found[run].add(factor)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("order", ["one first", "two first", "at once", "at once, two first"])
def test_both_runs_are_kept_and_known_again(tmp_path: Path, order: str) -> None:
    one, two = written(tmp_path, "one"), written(tmp_path, "two")
    first, second = (two, one) if "two first" in order else (one, two)
    lake = init_store(tmp_path / "lake")
    steps = [[first, second]] if "at once" in order else [[first], [second], [second, first]]
    assert read(lake, *steps) == {
        RUN: {f"F_{first.name}_0"},
        f"{second.name}_{RUN}": {f"F_{second.name}_0"},
    }


def test_a_run_that_goes_on_or_moves_stays_itself(tmp_path: Path) -> None:
    one = written(tmp_path, "one", 0)
    lake = init_store(tmp_path / "lake")
    assert read(lake, [one]) == {RUN: {"F_one_0"}}
    written(tmp_path, "one", 0, 1)
    assert read(lake, [one]) == {RUN: {"F_one_0", "F_one_1"}}
    one.rename(tmp_path / "elsewhere")
    assert read(lake, [tmp_path / "elsewhere"]) == {RUN: {"F_one_0", "F_one_1"}}


def test_a_third_run_of_the_name_is_refused_and_takes_nothing_away(tmp_path: Path) -> None:
    one, two = written(tmp_path, "one"), written(tmp_path, "two")
    lake = init_store(tmp_path / "lake")
    before = read(lake, [one, two])
    third = tmp_path / "deep" / "two"
    write_run(third, loop_of("three"), name=RUN, started=LATER + timedelta(days=1))
    report = ingest(lake, [], [third], signing_key=KEY)
    (outcome,) = report.outcomes
    assert report.partial and outcome.status == "failed"
    (finding,) = [each for each in outcome.findings if each.level == "error"]
    assert RUN in finding.reason and "another name" in finding.fix
    assert not ingest(lake, [], [third], signing_key=KEY).outcomes
    assert read(lake, [one, two]) == before
