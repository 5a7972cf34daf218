"""RD-Agent's own hand: a loop is in the lake as it ends, as an ingest would have it."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import rdlake
from rdlake.errors import BadInput, NoLake
from rdlake.ingest.pipeline import IngestReport
from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace
from tests.builders_registry import RUN, folder_row, loop_row, run_row, write_registry
from tests.ingest.test_derive import content
from tests.ingesting import ingest
from tests.lake_rows import versions

LOOP = {"task_run_id": RUN, "loop_id": 3, "status": "success"}
STATISTICS = {"factor_perf", "factor_ic", "factor_pairs"}
STARTED = datetime(2026, 3, 2, 8, 11, 27, tzinfo=UTC)


def write(lake: Lake, folder: Path | None, **changes: Any) -> IngestReport:
    told: dict[str, Any] = {
        "task_run_row": {"task_run_id": RUN, "scenario": "QuantRDLoop", "status": "running"},
        "loop_row": LOOP,
        "workspace_path": folder,
        "action": "factor",
        "has_result": True,
    }
    return rdlake.write_loop_artifacts(Library(lake), **(told | changes))


def only(lake: Lake, name: str) -> dict[str, Any]:
    (row,) = lake.read(name).to_dicts()
    return row


def findings(report: IngestReport) -> list[tuple[str, str]]:
    return [(each.level, each.reason) for out in report.outcomes for each in out.findings]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "w")


def test_a_loop_is_taken_with_its_run_and_its_figures(lake: Lake, folder: Path) -> None:
    report = write(lake, folder, loop_row=LOOP | {"started_at_utc": STARTED})
    assert report.counts == {"ok": 1, "unchanged": 0}
    row = only(lake, "loops")
    assert (row["task_run_id"], row["loop_id"], row["workspace_id"]) == (RUN, 3, folder.name)
    assert (row["status"], row["action"], row["scenario"]) == ("success", "factor", "fin_quant")
    assert row["created_at"] == STARTED.replace(tzinfo=None)
    assert row["ic"] == 0.02 and row["has_curve"]
    assert only(lake, "task_runs")["status"] == "running"
    assert only(lake, "workspaces")["task_run_id"] == RUN


def test_twice_changes_no_table(lake: Lake, folder: Path) -> None:
    write(lake, folder)
    before = versions(lake)
    report = write(lake, folder)
    assert report.counts == {"unchanged": 1} and versions(lake) == before


def test_an_ingest_afterwards_adds_what_needs_prices_and_nothing_else(
    lake: Lake, folder: Path
) -> None:
    write(lake, folder)
    before = versions(lake)
    assert set(lake.read("factor_perf")["label_sha256"]) == {None}
    assert ingest(lake, [folder.parent]).counts == {"ok": 1, "unchanged": 0}
    after = versions(lake)
    changed = {name for name, version in after.items() if version != before[name]}
    assert {"factor_perf", "ingests"} < changed <= STATISTICS | {"ingests", "file_lists"}
    assert None not in set(lake.read("factor_perf")["label_sha256"])
    assert ingest(lake, [folder.parent]).counts == {"unchanged": 1}
    write(lake, folder)
    assert versions(lake) == after


def test_it_is_the_row_that_folder_and_registry_give(
    lake: Lake, folder: Path, tmp_path: Path
) -> None:
    write(lake, folder)
    other = init_store(tmp_path / "other")
    row = folder_row(folder.name, 3, step_name=None, created_at_utc=None)
    run = run_row(status="running", created_at_utc=None)
    loop = loop_row(3, started_at_utc=None, action="factor")
    file = write_registry(tmp_path / "registry.sqlite", [run], [loop], [row])
    ingest(other, [folder.parent], registries=[file])
    aside = {"source_digest"}
    by_hand, ingested = (
        {name: value for name, value in only(each, "loops").items() if name not in aside}
        for each in (lake, other)
    )
    assert by_hand == ingested


def test_a_registry_that_comes_later_has_the_word_and_doubles_nothing(
    lake: Lake, folder: Path, tmp_path: Path
) -> None:
    write(lake, folder)
    row, loop = folder_row(folder.name, 3), loop_row(3, status="aborted")
    file = write_registry(tmp_path / "registry.sqlite", [run_row()], [loop], [row])
    ingest(lake, [], registries=[file])
    assert only(lake, "loops")["status_raw"] == "aborted"
    assert only(lake, "task_runs")["status"] == "success"
    before = content(lake)
    write(lake, folder)
    assert content(lake) == before


def test_loops_of_one_run_keep_out_of_each_others_way(lake: Lake, tmp_path: Path) -> None:
    folders = [make_workspace(tmp_path / "w", f"{number}" * 32) for number in range(3)]
    for number, each in enumerate(folders):
        write(lake, each, loop_row=LOOP | {"loop_id": number})
    rows = lake.read("loops", ["loop_id", "workspace_id", "task_run_id"]).rows()
    assert sorted(rows) == [(n, each.name, RUN) for n, each in enumerate(folders)]
    assert lake.read("task_runs").height == 1


def hand(root: Path, folder: Path, number: int) -> None:
    write(open_store(root), folder, loop_row=LOOP | {"loop_id": number})


@pytest.mark.slow
def test_loops_that_end_at_the_same_time_are_all_there(lake: Lake, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    folders = [make_workspace(tmp_path / "w", f"{number}" * 32) for number in range(4)]
    at_work = [
        spawn.Process(target=hand, args=(lake.root, each, number))
        for number, each in enumerate(folders)
    ]
    for process in at_work:
        process.start()
    for process in at_work:
        process.join(120)
    assert [process.exitcode for process in at_work] == [0] * 4
    rows = lake.read("loops", ["loop_id", "workspace_id"]).rows()
    assert sorted(rows) == [(number, each.name) for number, each in enumerate(folders)]


def test_a_file_that_fails_costs_itself(lake: Lake, folder: Path) -> None:
    (folder / "ret.parquet").write_bytes(b"no parquet")
    report = write(lake, folder)
    assert report.partial and report.counts == {"partial": 1, "unchanged": 0}
    assert only(lake, "loops")["ic"] == 0.02 and lake.read("equity_curves").is_empty()


@pytest.mark.parametrize("said", [True, False])
def test_the_files_tell_whether_there_is_a_result(lake: Lake, folder: Path, said: bool) -> None:
    if said:
        (folder / "qlib_res.csv").unlink()
    report = write(lake, folder, has_result=said)
    assert only(lake, "loops")["has_result"] is not said
    reason = f"has_result is {said}, but the metrics in the folder say {not said}; these count"
    assert ("warning", reason) in findings(report)


def test_a_loop_that_failed_before_it_had_a_folder_is_a_row(lake: Lake) -> None:
    row = LOOP | {"status": "failed", "error_type": "FactorEmptyError", "error_message": "没有因子"}
    write(lake, None, loop_row=row, has_result=False)
    told = only(lake, "loops")
    assert told["workspace_id"].startswith("none_") and told["status"] == "failed"
    assert told["error_message"] == "没有因子"
    before = versions(lake)
    write(lake, None, loop_row=row, has_result=False)
    assert versions(lake) == before


def test_a_loop_that_has_its_folder_later_is_one_loop(lake: Lake, folder: Path) -> None:
    write(lake, None, has_result=False)
    write(lake, folder)
    assert only(lake, "loops")["workspace_id"] == folder.name


def test_a_folder_that_is_gone_is_a_warning(lake: Lake, tmp_path: Path) -> None:
    report = write(lake, tmp_path / ("a" * 32), has_result=False)
    assert any(reason.startswith("not there, or a link") for _, reason in findings(report))
    assert only(lake, "loops")["workspace_id"] == "a" * 32


def test_a_folder_alone_is_taken_as_an_ingest_takes_it(lake: Lake, folder: Path) -> None:
    write(lake, folder, task_run_row=None, loop_row=None)
    assert only(lake, "loops")["task_run_id"] == f"synthetic_{folder.name}"


def test_a_folder_that_changed_is_read_again(lake: Lake, folder: Path) -> None:
    write(lake, folder)
    (folder / "qlib_res.csv").unlink()
    write(lake, folder, has_result=False)
    assert only(lake, "loops")["has_result"] is False


def test_a_link_is_not_followed(lake: Lake, folder: Path, tmp_path: Path) -> None:
    link = tmp_path / ("b" * 32)
    link.symlink_to(folder)
    report = write(lake, link)
    assert any(reason.startswith("not there, or a link") for _, reason in findings(report))
    assert only(lake, "loops")["has_result"] is False and lake.read("artifacts").is_empty()


def test_neither_a_loop_nor_a_folder_is_an_error(lake: Lake) -> None:
    with pytest.raises(BadInput, match="neither a loop nor a folder"):
        write(lake, None, task_run_row=None, loop_row=None)


def test_a_place_without_a_lake_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NoLake):
        write(open_store(tmp_path / "nowhere"), folder)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["three", -1, None, 2.5])
def test_a_loop_without_a_number_is_told_and_the_folder_taken(
    lake: Lake, folder: Path, number: object
) -> None:
    report = write(lake, folder, loop_row=LOOP | {"loop_id": number})
    assert any("has no number" in reason or "is no number" in reason
               for _, reason in findings(report))  # fmt: skip
    assert only(lake, "loops")["ic"] == 0.02
