"""Back-fill: what is asked for is taken, the rest is left and said, and nothing is done twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.demo import DemoReport, write_demo
from rdlake.errors import BadInput
from rdlake.ingest.pipeline import IngestReport
from rdlake.ingest.request import Selection
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.ingest.test_derive import content
from tests.ingesting import ingest
from tests.lake_rows import versions
from tests.marks import slow

OTHER_RUN = "of no run that was asked for"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoReport:
    return write_demo(tmp_path_factory.mktemp("demo"), experiments=60, seed=2, fork=True)


def take(lake: Lake, demo: DemoReport, *, registry: bool = True, **how: Any) -> IngestReport:
    assert demo.registry
    return ingest(
        lake,
        [demo.workspaces],
        [demo.logs],
        registries=[demo.registry] if registry else [],
        signing_key=demo.signing_key.read_bytes(),
        **how,
    )


@pytest.fixture(scope="module")
def whole(demo: DemoReport, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = init_store(tmp_path_factory.mktemp("whole") / "lake")
    take(lake, demo)
    return lake


def runs(lake: Lake) -> Mapping[str, set[str]]:
    """The folders of each run."""
    found: dict[str, set[str]] = {}
    for run, name in lake.read("workspaces", ["task_run_id", "workspace_id"]).drop_nulls().rows():
        found.setdefault(run, set()).add(name)
    return found


def folders_of(lake: Lake) -> set[str]:
    return set(lake.read("evidence", ["source", "workspace_id"]).filter(
        pl.col("source").str.starts_with("workspace:"))["workspace_id"])  # fmt: skip


def registered(lake: Lake) -> list[str]:
    return sorted(run for run in runs(lake) if not run.startswith("synthetic_"))


ORDERS = list(permutations(("folders", "logs", "registry")))


@pytest.mark.slow
@pytest.mark.parametrize("order", [ORDERS[-1], *slow(*ORDERS[:-1])])
def test_a_fork_in_any_order_gives_the_same_rows(
    demo: DemoReport, whole: Lake, lake: Lake, order: tuple[str, ...]
) -> None:
    assert demo.registry
    for name in order:
        if name == "folders":
            ingest(lake, [demo.workspaces])
        elif name == "logs":
            ingest(lake, [], [demo.logs], signing_key=demo.signing_key.read_bytes())
        else:
            ingest(lake, [], registries=[demo.registry])
    assert content(lake) == content(whole)
    before = versions(lake)
    assert set(take(lake, demo).counts) == {"unchanged"}
    assert versions(lake) == before


@pytest.mark.slow
def test_a_skipped_loop_is_one_row_though_its_log_knows_no_folder(whole: Lake) -> None:
    loops = whole.read("loops", where=pl.col("role") == "experiment")
    places = loops.select("task_run_id", "loop_id").rows()
    assert len(places) == len(set(places)) == 60
    skipped = loops.filter(pl.col("status") == "skipped").to_dicts()
    assert len(skipped) == 3
    for row in skipped:
        assert not row["workspace_id"].startswith("none_")
        assert row["action"] and row["scenario"] == "fin_quant"


@pytest.mark.slow
@pytest.mark.parametrize("by", ["registry's id", "log's folder"])
def test_one_run_is_taken_with_its_folders(
    demo: DemoReport, whole: Lake, lake: Lake, by: str
) -> None:
    run = registered(whole)[0]
    log = (
        whole.read("task_runs", ["task_run_id", "log_path"])
        .filter(pl.col("task_run_id") == run)["log_path"]
        .item()
    )
    name = run if by == "registry's id" else log
    report = take(lake, demo, selection=Selection(task_run_ids=frozenset([name])))
    assert folders_of(lake) == runs(whole)[run] & folders_of(whole)
    assert {each for each in runs(lake) if not each.startswith("synthetic_")} == {run}
    others = len(list(demo.workspaces.iterdir())) - len(folders_of(lake))
    assert report.left == {OTHER_RUN: others + 2 + 2}  # two logs, two registered runs
    assert report.unchanged == 0


@pytest.mark.slow
def test_run_by_run_gives_what_one_ingest_gives(demo: DemoReport, whole: Lake, lake: Lake) -> None:
    for run in registered(whole):
        take(lake, demo, selection=Selection(task_run_ids=frozenset([run])))
    take(lake, demo)
    assert content(lake) == content(whole)


@pytest.mark.slow
def test_every_run_leaves_the_folders_that_no_run_names(
    demo: DemoReport, whole: Lake, lake: Lake
) -> None:
    report = take(lake, demo, selection=Selection(all_runs=True))
    of_runs = {name for run in registered(whole) for name in runs(whole)[run]}
    assert folders_of(lake) == of_runs & folders_of(whole)
    assert report.left == {OTHER_RUN: len(folders_of(whole) - of_runs)} != {OTHER_RUN: 0}


@pytest.mark.slow
def test_the_folders_of_a_run_that_is_in_the_lake_need_no_log(
    demo: DemoReport, whole: Lake, lake: Lake
) -> None:
    ingest(lake, [], [demo.logs], signing_key=demo.signing_key.read_bytes())
    run = sorted(set(lake.read("task_runs")["task_run_id"]))[1]
    ingest(lake, [demo.workspaces], selection=Selection(task_run_ids=frozenset([run])))
    assert folders_of(lake) and folders_of(lake) <= runs(lake)[run]


def test_a_run_that_is_nowhere_is_an_error_and_nothing_is_written(
    demo: DemoReport, lake: Lake
) -> None:
    before = versions(lake)
    with pytest.raises(BadInput) as told:
        take(lake, demo, selection=Selection(task_run_ids=frozenset(["2026-13-01"])))
    assert "no run is called 2026-13-01" in str(told.value)
    assert registered_in(demo) & set(str(told.value).replace(",", " ").replace(";", " ").split())
    assert versions(lake) == before


def registered_in(demo: DemoReport) -> set[str]:
    return {path.name for path in demo.logs.iterdir()}


@pytest.mark.slow
def test_steps_of_a_few_loops_come_to_the_same_end(
    demo: DemoReport, whole: Lake, lake: Lake
) -> None:
    taken: Counter[str] = Counter()
    for _ in range(10):
        report = take(lake, demo, selection=Selection(max_loops=13))
        loops = [each for each in report.outcomes if each.role in ("experiment", "baseline")]
        assert len(loops) <= 13
        taken.update(each.workspace_id for each in report.outcomes)
        if not report.left:
            break
        assert len(loops) == 13
    assert set(taken.values()) == {1}
    assert content(lake) == content(whole)


@pytest.mark.slow
def test_only_experiments_leaves_folders_of_the_coder(
    demo: DemoReport, whole: Lake, lake: Lake
) -> None:
    ingest(lake, [demo.workspaces], selection=Selection(only_experiments=True))
    roles = dict(whole.read("workspaces", ["workspace_id", "role"]).rows())
    assert folders_of(lake) == {
        name for name in folders_of(whole) if roles[name] in ("experiment", "baseline")
    }
    assert {roles[name] for name in folders_of(whole)} > {"experiment", "baseline"}


def test_since_a_day_takes_runs_that_were_at_work_then(
    demo: DemoReport, whole: Lake, lake: Lake
) -> None:
    days = {path.name[:10] for path in demo.logs.iterdir()}
    last = max(days)
    report = ingest(
        lake,
        [],
        [demo.logs],
        signing_key=demo.signing_key.read_bytes(),
        selection=Selection(since=date.fromisoformat(last)),
    )
    assert report.left["older than --since-date"] >= 1
    taken = set(lake.read("task_runs")["task_run_id"])
    assert all(name[:10] >= min(days) for name in taken) and last in {name[:10] for name in taken}


def test_since_a_day_takes_folders_with_a_newer_file(tmp_path: Path, lake: Lake) -> None:
    root, yesterday = tmp_path / "w", datetime.now(UTC) - timedelta(days=1)
    for name in ("a" * 32, "b" * 32):
        make_workspace(root, name)
    for path in (root / ("a" * 32)).iterdir():
        os.utime(path, (0, 0))
    report = ingest(lake, [root], selection=Selection(since=yesterday.date()))
    assert folders_of(lake) == {"b" * 32}
    assert report.left == {"older than --since-date": 1}


@pytest.mark.slow
def test_a_dry_run_tells_what_the_ingest_then_does(demo: DemoReport, lake: Lake) -> None:
    before = versions(lake)
    dry = take(lake, demo, dry_run=True)
    assert dry.dry_run and versions(lake) == before
    done = take(lake, demo)

    def summary(report: IngestReport) -> Counter[tuple[str, str | None, str]]:
        return Counter((each.workspace_id, each.role, each.status) for each in report.outcomes)

    assert summary(dry) == summary(done)
    again = take(lake, demo, dry_run=True)
    assert again.counts == {"unchanged": len(done.outcomes)}


def test_a_dry_run_sees_what_changed_by_its_content(tmp_path: Path, lake: Lake) -> None:
    root = tmp_path / "w"
    first, second = make_workspace(root, "a" * 32), make_workspace(root, "b" * 32)
    ingest(lake, [root])
    os.utime(first / "qlib_res.csv")  # touched, not changed
    (second / "model.py").write_text("model_cls = None\n")
    report = ingest(lake, [root], dry_run=True)
    assert [each.workspace_id for each in report.outcomes] == ["b" * 32]
    assert report.unchanged == 1


@pytest.mark.slow
def test_full_reads_everything_and_writes_only_what_changed(demo: DemoReport, lake: Lake) -> None:
    count = len(take(lake, demo).outcomes)
    before = versions(lake)
    assert take(lake, demo, mode="full").counts == {"unchanged": count}
    assert versions(lake) == before
    anew = take(lake, demo, overwrite=True)
    assert len(anew.outcomes) == count
    changed = {name for name, each in versions(lake).items() if each != before[name]}
    assert changed == {"ingests", "file_lists"}  # the same rows; that they were made is recorded
