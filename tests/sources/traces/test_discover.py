"""Check that runs are found by their content, at any depth, and never behind a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rdlake.errors import BadInput
from rdlake.sources.traces import discover, find_runs, read_run
from tests.builders_traces import KEY, STARTED, write_run


def found(root: Path) -> list[str]:
    return [run.relative for run in find_runs(root).runs]


def test_runs_are_found_by_content_and_sorted(tmp_path: Path) -> None:
    write_run(tmp_path, name="zebra")
    write_run(tmp_path, name="2026-01-01_00-00-00-000000")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.me").write_text("nothing")
    assert found(tmp_path) == ["2026-01-01_00-00-00-000000", "zebra"]


def test_runs_of_the_web_server_lie_deeper(tmp_path: Path) -> None:
    write_run(tmp_path / "Finance Whole Pipeline", name="brave otter", scenario="fin_quant")
    write_run(tmp_path / "Finance Data Building", name="brave otter")
    root = find_runs(tmp_path)
    runs = [read_run(folder, key=KEY) for folder in root.runs]
    assert [run.path for run in runs] == [
        "Finance Data Building/brave otter",
        "Finance Whole Pipeline/brave otter",
    ]
    assert [run.parent_name for run in runs] == ["Finance Data Building", "Finance Whole Pipeline"]
    assert {run.root_name for run in runs} == {tmp_path.name}
    assert {run.folder_name for run in runs} == {"brave otter"}


def test_a_run_itself_may_be_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    root = find_runs(folder)
    assert [run.relative for run in root.runs] == [folder.name]
    assert root.path == tmp_path


@pytest.mark.parametrize("mark", ["scenario", "__session__", "Loop_12"])
def test_one_of_its_folders_marks_a_run(tmp_path: Path, mark: str) -> None:
    (tmp_path / "x" / mark).mkdir(parents=True)
    assert found(tmp_path) == ["x"]


@pytest.mark.parametrize("name", ["scenario", "Loop_1"])
def test_a_file_of_such_a_name_marks_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / name).write_text("a file")
    with pytest.raises(BadInput, match="no run"):
        find_runs(tmp_path)


def test_nothing_below_a_run_is_another_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    (folder / "Loop_0" / "copy" / "Loop_1").mkdir(parents=True)
    assert found(tmp_path) == [folder.name]


def test_links_are_told_and_not_followed(tmp_path: Path) -> None:
    elsewhere = write_run(tmp_path / "elsewhere")
    folder = write_run(tmp_path / "log", started=STARTED)
    (tmp_path / "log" / "linked").symlink_to(elsewhere, target_is_directory=True)
    (tmp_path / "log" / "round").symlink_to(tmp_path / "log", target_is_directory=True)
    root = find_runs(tmp_path / "log")
    assert [run.relative for run in root.runs] == [folder.name]
    assert [finding.file for finding in root.findings] == ["linked", "round"]


def test_linked_marks_make_no_run(tmp_path: Path) -> None:
    elsewhere = write_run(tmp_path / "elsewhere")
    write_run(tmp_path / "log")
    (tmp_path / "log" / "x").mkdir()
    (tmp_path / "log" / "x" / "Loop_0").symlink_to(elsewhere / "Loop_0", target_is_directory=True)
    assert "x" not in found(tmp_path / "log")


def test_the_search_ends_at_a_depth(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdefghij")
    write_run(deep)
    write_run(tmp_path, name="near")
    root = find_runs(tmp_path)
    assert [run.relative for run in root.runs] == ["near"]
    assert ["8 folders deep" in finding.reason for finding in root.findings] == [True]


def test_the_search_ends_after_many_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discover, "MAX_FOLDERS", 5)
    for number in range(20):
        (tmp_path / f"{number:02}").mkdir()
    root = find_runs(tmp_path)
    assert ["more than 5 folders" in finding.reason for finding in root.findings] == [True]


@pytest.mark.parametrize(
    ("name", "what"), [("missing", "no such folder"), ("file", "a file"), ("empty", "no run")]
)
def test_a_root_that_is_none_is_refused(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=what):
        find_runs(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="an administrator reads every folder")
def test_an_unreadable_folder_is_told(tmp_path: Path) -> None:
    write_run(tmp_path, name="a")
    (tmp_path / "b").mkdir(mode=0)
    root = find_runs(tmp_path)
    assert [finding.file for finding in root.findings] == ["b"]


def test_a_root_by_way_of_a_link_is_its_real_folder(tmp_path: Path) -> None:
    write_run(tmp_path / "log")
    (tmp_path / "way").symlink_to(tmp_path / "log", target_is_directory=True)
    assert find_runs(tmp_path / "way").path == (tmp_path / "log").resolve()
