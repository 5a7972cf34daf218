"""Runs that are odd and right are understood without an error; what is wrong with a whole run is
said, and never takes away what the lake has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from rdlake.ingest.previous import read_previous
from rdlake.ingest.traces import TraceReader, TraceReading, commit_traces
from rdlake.sources.traces import RunFolder
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders_traces import (
    KEY,
    STARTED,
    make_backtest,
    make_loop,
    make_model_loop,
    write_run,
)
from tests.ingest.bad_input.world import LOOPS, OWN, RUN, Place, ingested, logged, report_of
from tests.ingesting import ingest
from tests.lake_rows import versions
from tests.sources.traces.damage import DAMAGES, FEEDBACK, HYPOTHESIS, removed

LATER = STARTED + timedelta(days=1)
RESULT_1 = "Loop_1/running/runner result"


def loops_of(lake: Lake, run: str = RUN) -> list[tuple[int, str | None, bool | None]]:
    """(loop, status, decision) of a run's experiments."""
    rows = lake.read("loops").sort("loop_id", "workspace_id").to_dicts()
    mine = [row for row in rows if row["task_run_id"] == run and row["role"] == "experiment"]
    return [(row["loop_id"], row["status"], row["decision"]) for row in mine]


@dataclass(frozen=True)
class Odd:
    """How a run is written, and its loops as they must stand in the lake."""

    write: Callable[[Path], object]
    loops: tuple[tuple[int, str | None, bool | None], ...]
    warning: str | None = None


def written(*loops: object, **options: object) -> Callable[[Path], object]:
    return lambda folder: write_run(folder.parent, *loops, name=folder.name, **options)  # type: ignore[arg-type]


def both_of(*steps: Callable[[Path], object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for step in steps:
            step(folder)

    return write


TWO = ((0, "success", True), (1, "success", True))
WHOLE = written(*LOOPS)
AGAIN = make_loop(0, hypothesis="second try", decision=False)
ODD: Mapping[str, Odd] = {
    "two messages of each tag": Odd(
        both_of(WHOLE, written(AGAIN, started=LATER)), ((0, "success", False), TWO[1])
    ),
    "a loop without feedback": Odd(
        both_of(WHOLE, removed(f"{FEEDBACK}/*/*")), ((0, "failed", None), TWO[1])
    ),
    "the last loop without feedback": Odd(
        both_of(WHOLE, removed("Loop_1/feedback/**/*.pkl")), (TWO[0], (1, "running", None))
    ),
    "a run that starts at loop 3": Odd(
        written(make_loop(3), make_loop(4, builds_on=(3,))),
        ((3, "success", True), (4, "success", True)),
    ),
    "a clock that went back": Odd(
        both_of(WHOLE, DAMAGES["feedback before the result"].done), TWO, "the clock went back"
    ),
    "a clock that went back between the loops": Odd(
        both_of(written(LOOPS[0], started=LATER), written(make_loop(1))), TWO
    ),
    "a step that ended before it began": Odd(
        both_of(WHOLE, DAMAGES["a step that ends before it begins"].done), TWO, "before it begins"
    ),
    "forked processes": Odd(written(*LOOPS, processes="1-22-333"), TWO),
    "a loop from the cache": Odd(written(make_loop(0, ending="cached")), TWO[:1]),
    "a skipped loop": Odd(
        written(LOOPS[0], make_loop(1, ending="skipped")), (TWO[0], (1, "skipped", False))
    ),
    "a loop that broke off": Odd(
        written(LOOPS[0], make_loop(1, ending="failed", reached="coding")),
        (TWO[0], (1, "failed", None)),
    ),
    "a back-test that left no number": Odd(
        written(
            make_loop(0, backtest=replace(make_backtest("own", 0), metrics={"IC": float("nan")}))
        ),
        ((0, "failed", True),),
        "the IC is missing",
    ),
    "a run before signatures": Odd(written(*LOOPS, version="0.6.1"), TWO),
    "a run of 0.4": Odd(written(*LOOPS, version="0.4.0"), TWO),
    "models instead of factors": Odd(
        written(make_model_loop(), scenario="fin_model"), ((0, "success", True),)
    ),
    "a loop left out": Odd(
        both_of(WHOLE, lambda folder: shutil.rmtree(folder / "Loop_0")), TWO[1:]
    ),
    "no hypothesis but the result's": Odd(both_of(WHOLE, removed(f"{HYPOTHESIS}/*/*")), TWO),
    "a folder where a message should be": Odd(
        both_of(WHOLE, DAMAGES["a folder instead of a message"].done), TWO
    ),
    "sessions and prompts that were removed": Odd(
        both_of(WHOLE, removed("__session__/*/*"), removed("**/debug_*/*/*.pkl")), TWO
    ),
    "a run of sessions alone": Odd(
        both_of(WHOLE, removed("Loop_*/**/*.pkl"), removed("scenario/*/*")),
        (),
        "only sessions or other files",
    ),
    "a run that only began": Odd(
        both_of(WHOLE, removed("Loop_*/**/*.pkl")), (), "the run has no loop"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ODD)
def test_an_odd_run_is_understood_without_an_error(tmp_path: Path, case: str) -> None:
    odd, place = ODD[case], Place(tmp_path)
    odd.write(place.run)
    lake = ingested(place)
    told = report_of(lake, RUN)
    assert told["status"] == "ok"
    reasons = [each["reason"] for each in told["findings"] if each["fix"]]
    assert [odd.warning in reason for reason in reasons] == ([True] if odd.warning else [])
    assert tuple(loops_of(lake)) == odd.loops


def test_with_a_wrong_key_nothing_is_taken_and_with_the_right_one_all(tmp_path: Path) -> None:
    place = logged(tmp_path)
    lake = ingested(place, key=b"x" * 32)
    told = report_of(lake, RUN)
    assert told["status"] == "partial"
    assert {each["level"] for each in told["findings"]} == {"error"}
    assert all("signature" in each["reason"] for each in told["findings"])
    assert all("signing key" in each["fix"] for each in told["findings"])
    assert lake.read("factors").is_empty()
    assert [row["has_result"] for row in lake.read("loops").to_dicts()] == [False, False]
    assert not place.read(lake).partial
    assert report_of(lake, RUN)["status"] == "ok"
    assert tuple(loops_of(lake)) == TWO


def test_signatures_are_checked_as_soon_as_there_is_a_key(tmp_path: Path) -> None:
    place = logged(tmp_path)
    lake = ingested(place, key=None)
    assert lake.read("task_runs")["signature"].to_list() == ["unchecked"]
    place.read(lake)
    assert lake.read("task_runs")["signature"].to_list() == ["signed"]
    before = versions(lake)
    place.read(lake, None)
    assert versions(lake) == before


@pytest.mark.slow
def test_messages_that_vanish_take_their_part_along(tmp_path: Path) -> None:
    place = logged(tmp_path)
    lake = ingested(place)
    shutil.rmtree(place.run / "Loop_1" / "feedback")
    assert not place.read(lake).partial
    assert tuple(loops_of(lake)) == (TWO[0], (1, "running", None))
    removed(f"{RESULT_1}/*/*")(place.run)
    place.read(lake)
    assert [row[0] for row in loops_of(lake)] == [0, 1]
    assert OWN[1] not in lake.read("loops")["workspace_id"].to_list()
    shutil.rmtree(place.run / "Loop_1")
    place.read(lake)
    assert tuple(loops_of(lake)) == TWO[:1]


def test_a_run_that_vanishes_stays_in_the_library(tmp_path: Path) -> None:
    place = logged(tmp_path)
    write_run(place.logs, make_loop(7), name="another")
    lake = ingested(place)
    shutil.rmtree(place.run)
    before = versions(lake)
    assert not place.read(lake).partial
    assert versions(lake) == before
    assert tuple(loops_of(lake)) == TWO


def the_run_of(lake: Lake, found: RunFolder) -> TraceReading | None:
    known = read_previous(lake)
    return TraceReader(known, KEY, read_all=False).read(found)


def test_a_run_that_vanishes_while_it_is_found_fails_and_loses_nothing(tmp_path: Path) -> None:
    place = logged(tmp_path)
    lake = ingested(place)
    shutil.rmtree(place.run)
    found = RunFolder(place.run, place.logs)
    vanished = the_run_of(lake, found)
    assert vanished
    (outcome,) = commit_traces(lake, [vanished], "essential")
    assert outcome.status == "failed"
    told = report_of(lake, RUN)
    assert [each["level"] for each in told["findings"]] == ["error"]
    assert told["findings"][0]["fix"]
    assert tuple(loops_of(lake)) == TWO
    before = versions(lake)
    assert the_run_of(lake, found) is None
    assert versions(lake) == before
    write_run(place.logs, LOOPS[0], name=RUN)
    assert report_of(ingested(place), RUN)["status"] == "ok"


def test_two_loops_of_one_workspace_are_both_in_the_lake(tmp_path: Path) -> None:
    place = logged(tmp_path)
    DAMAGES["two loops for one workspace"].done(place.run)
    lake = ingested(place)
    told = report_of(lake, RUN)
    assert told["status"] == "ok"
    assert any(OWN[0] in each["reason"] and "0, 1" in each["reason"] for each in told["findings"])
    assert tuple(loops_of(lake)) == TWO
    rows = {(row["role"], row["loop_id"]): row for row in lake.read("loops").to_dicts()}
    assert rows["experiment", 1]["workspace_id"] == OWN[0]
    assert rows["baseline", 0]["has_curve"]
    names = {row["factor_name"] for row in lake.read("factors").to_dicts()}
    assert names == {"MOM_0", "BROKEN_0", "MOM_1", "BROKEN_1"}
    assert lake.read("feedback").height == 2


def test_a_bad_run_costs_no_other(tmp_path: Path) -> None:
    place = logged(tmp_path)
    write_run(place.logs, make_loop(7), name="another")
    for message in place.run.rglob("*.pkl"):
        message.write_bytes(b"torn")
    lake = ingested(place)
    assert report_of(lake, RUN)["status"] == "partial"
    assert report_of(lake, "another")["status"] == "ok"
    assert loops_of(lake, "another") == [(7, "success", True)]


def test_a_link_among_the_runs_is_told_and_not_followed(tmp_path: Path) -> None:
    place = logged(tmp_path / "place")
    elsewhere = write_run(tmp_path / "elsewhere", make_loop(7), name="hidden")
    (place.logs / "linked").symlink_to(elsewhere, target_is_directory=True)
    lake = init_store(tmp_path / "lake")
    report = ingest(lake, [], [place.logs], signing_key=KEY)
    (finding,) = report.root_findings
    assert (finding.level, finding.file) == ("warning", "linked")
    assert set(lake.read("loops")["task_run_id"]) == {RUN}
