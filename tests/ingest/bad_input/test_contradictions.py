"""Two runs that claim one workspace, and a log that is not its folder's: said, and settled the same
way whichever came first."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace, write_metrics
from tests.builders_traces import (
    KEY,
    STARTED,
    make_backtest,
    make_loop,
    make_proposal,
    workspace_id,
    write_run,
)
from tests.ingest.bad_input.world import LOOPS, OWN, RUN, Place, both, logged, report_of
from tests.ingest.test_derive import content
from tests.ingesting import ingest
from tests.lake_rows import versions

SOONER, LATER = STARTED - timedelta(days=1), STARTED + timedelta(days=1)
BASELINE = workspace_id("baseline")
ORDERS = ("run first", "other first", "at once")


def in_order(place: Place, order: str) -> Lake:
    """A lake that read the two runs `run` and `other` in this order, each beside nothing new."""
    lake = init_store(place.path / order)
    folders = [place.run, place.logs / "other"]
    steps: Mapping[str, Sequence[list[Path]]] = {
        "run first": [folders[:1], folders[1:]],
        "other first": [folders[1:], folders[:1]],
        "at once": [[place.logs]],
    }
    for logs in steps[order]:
        ingest(lake, [], logs, signing_key=KEY)
    before = versions(lake)
    assert not ingest(lake, [], [place.logs], signing_key=KEY).outcomes
    assert versions(lake) == before
    return lake


def owners(lake: Lake) -> dict[str, str]:
    rows = lake.read("loops", ["workspace_id", "task_run_id"]).rows()
    return dict(rows)


def warnings(lake: Lake) -> set[str]:
    rows = lake.read("ingests").to_dicts()
    found = [each for row in rows for each in row["findings"]]
    assert all(each["fix"] and each["level"] == "warning" for each in found)
    assert {row["status"] for row in rows} == {"ok"}
    return {each["reason"] for each in found}


def claimed(name: str, owner: str) -> str:
    return (
        f"the workspace {name} is claimed by the runs other and run; it is taken as that of {owner}"
    )


SUBS = tuple(workspace_id("sub", name) for name in ("MOM_0", "BROKEN_0"))
CACHED = make_loop(0, ending="cached", proposals=())
CASES = {
    "the run that began earlier": (make_loop(0), LATER, RUN),
    "the other that began earlier": (make_loop(0), SOONER, "other"),
    "the run that ran, though later": (CACHED, SOONER, RUN),
    "the first by name of two alike": (make_loop(0), STARTED, "other"),
}


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("case", CASES)
def test_of_two_runs_one_has_the_workspace_and_both_are_named(
    tmp_path: Path, case: str, order: str
) -> None:
    loop, started, owner = CASES[case]
    place = logged(tmp_path)
    write_run(place.logs, loop, make_loop(5), started=started, name="other")
    lake = in_order(place, order)
    assert owners(lake)[OWN[0]] == owner
    names = {OWN[0], BASELINE, *(SUBS if loop.proposals else ())}
    assert warnings(lake) == {claimed(name, owner) for name in names}
    assert owners(lake)[OWN[1]] == RUN
    assert owners(lake)[workspace_id("own", 5)] == "other"


@pytest.mark.slow
def test_whichever_came_first_the_rows_are_the_same(tmp_path: Path) -> None:
    place = logged(tmp_path)
    write_run(place.logs, make_loop(0, decision=False), started=LATER, name="other")
    first, second, third = (content(in_order(place, order)) for order in ORDERS)
    assert first == second == third


def test_nothing_of_a_run_that_took_it_from_a_cache_is_mixed_in(tmp_path: Path) -> None:
    place = logged(tmp_path)
    told = {"reason": "of the other"}
    found = make_backtest("own", 0, metrics={"IC": 0.9, "ICIR": 0.8})
    cached = make_loop(0, ending="cached", backtest=found, said=told)
    write_run(place.logs, cached, started=SOONER, name="other")
    lake = in_order(place, "other first")
    (loop,) = lake.read("loops", where=pl.col("workspace_id") == OWN[0]).to_dicts()
    (feedback,) = lake.read("feedback", where=pl.col("workspace_id") == OWN[0]).to_dicts()
    assert (loop["task_run_id"], loop["ic"], loop["icir"]) == (RUN, 0.02, None)
    assert feedback["summary_shape_feedback"] is None


def test_a_run_resumed_in_another_folder_owns_what_it_ran(tmp_path: Path) -> None:
    """The first run broke off in loop 1, after its code was written; the other ran that loop."""
    place = Place(tmp_path)
    broken = make_loop(1, ending="failed", reached="running")
    write_run(place.logs, LOOPS[0], broken, name=RUN)
    write_run(place.logs, make_loop(1), make_loop(2), started=LATER, name="other")
    lake = in_order(place, "run first")
    assert owners(lake)[OWN[0]] == RUN
    assert owners(lake)[OWN[1]] == owners(lake)[workspace_id("own", 2)] == "other"
    rows = lake.read("loops").filter(pl.col("role") == "experiment").to_dicts()
    assert sorted((row["task_run_id"], row["loop_id"], row["status"]) for row in rows) == [
        ("other", 1, "success"),
        ("other", 2, "success"),
        (RUN, 0, "success"),
        (RUN, 1, "failed"),
    ]
    assert warnings(lake) == {
        claimed(workspace_id("sub", name), "other") for name in ("MOM_1", "BROKEN_1")
    }


@pytest.mark.slow
def test_a_run_that_gives_up_its_claim_gives_back_the_workspace(tmp_path: Path) -> None:
    place = logged(tmp_path)
    other = write_run(place.logs, make_loop(0), make_loop(5), started=SOONER, name="other")
    lake = in_order(place, "run first")
    assert owners(lake)[OWN[0]] == "other"
    shutil.rmtree(other / "Loop_0")
    ingest(lake, [], [place.logs], signing_key=KEY)
    assert owners(lake)[OWN[0]] == RUN
    assert lake.read("feedback", where=pl.col("workspace_id") == OWN[0]).height == 1


@pytest.mark.slow
@pytest.mark.parametrize("order", ["log first", "folders first", "at once"])
def test_metrics_that_are_not_the_folder_s_are_said_and_the_log_s_stay(
    tmp_path: Path, order: str
) -> None:
    place, lake = both(tmp_path), init_store(tmp_path / "lake")
    write_metrics(place.first, {"IC": 0.02 * (1 + 1e-8), "Rank IC": 0.03 * (1 + 1e-12), "new": 1.0})
    steps: Mapping[str, Sequence[tuple[list[Path], list[Path]]]] = {
        "log first": [([], [place.logs]), ([place.workspaces], [])],
        "folders first": [([place.workspaces], []), ([], [place.logs])],
        "at once": [([place.workspaces], [place.logs])],
    }
    for workspaces, logs in steps[order]:
        ingest(lake, workspaces, logs, signing_key=KEY)
    said = [reason for reason in warnings(lake) if "in the log" in reason]
    assert said == [f"IC is {0.02 * (1 + 1e-8)!r} here, but 0.02 in the log run"]
    last = RUN if order == "folders first" else OWN[0]
    (finding,) = [each for each in report_of(lake, last)["findings"] if each["reason"] == said[0]]
    assert finding["file"] == "qlib_res.csv"
    (loop,) = lake.read("loops", where=pl.col("workspace_id") == OWN[0]).to_dicts()
    assert (loop["ic"], loop["rank_ic"]) == (0.02, 0.03)
    before = versions(lake)
    assert not place.read(lake).outcomes
    assert versions(lake) == before


def test_a_log_and_its_folder_that_agree_say_nothing(tmp_path: Path) -> None:
    place, lake = both(tmp_path), init_store(tmp_path / "lake")
    place.read(lake)
    assert warnings(lake) == set()


def test_of_two_folders_of_one_name_the_second_is_named_and_not_read(tmp_path: Path) -> None:
    place, lake = both(tmp_path), init_store(tmp_path / "lake")
    make_workspace(tmp_path / "copies", OWN[0], level=0.3)
    report = ingest(lake, [place.workspaces, tmp_path / "copies"], [place.logs], signing_key=KEY)
    (finding,) = report.root_findings
    assert (finding.level, finding.file) == ("error", str(tmp_path / "copies" / OWN[0]))
    assert warnings(lake) == set()


@pytest.mark.slow
def test_a_workspace_shared_by_two_loops_and_two_runs_is_one_row(tmp_path: Path) -> None:
    place = Place(tmp_path)
    shared = make_backtest("own", 0)
    loops = [make_loop(number, backtest=shared, baseline=None) for number in (0, 1)]
    write_run(place.logs, *loops, name=RUN)
    proposals = (make_proposal("ELSE"),)
    write_run(
        place.logs,
        make_loop(0, backtest=shared, baseline=None, proposals=proposals),
        started=LATER,
        name="other",
    )
    for order in ORDERS:
        lake = in_order(place, order)
        rows = lake.read("loops").to_dicts()
        assert [row["task_run_id"] for row in rows if row["workspace_id"] == OWN[0]] == [RUN]
        assert len(rows) == 2
