"""Check that any value may stand in any column: good ones are used, bad ones are reported."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from rdlake.domain.registry import RegisteredRun
from rdlake.sources.registry import read_registry
from tests.builders_registry import Row, folder_row, loop_row, run_row, write_registry

NAME, OTHER = "a" * 32, "b" * 32


def read(path: Path, loop: Row | None = None, folder: Row | None = None) -> RegisteredRun:
    loops, folders = [loop or loop_row()], [folder or folder_row(NAME)]
    (run,) = read_registry(
        write_registry(path / "registry.sqlite", [run_row()], loops, folders)
    ).runs
    return run


@pytest.mark.parametrize(
    ("path", "name", "root"),
    [
        ("/mnt/f/ws/" + NAME, NAME, "/mnt/f/ws"),
        ("/mnt/f/ws/" + NAME + "\n", NAME, "f:/ws"),
        ("F:\\ws\\" + NAME + "\\", NAME, "f:/ws"),
        ("\\\\server\\share\\ws\\" + NAME, NAME, "\\\\server/share/ws"),
        ("/home/me/ws/" + NAME, NAME, "/home/me/ws"),
        ("ws/" + NAME, NAME, None),
        ("/mnt/f/ws/" + OTHER, OTHER, "f:/ws"),
        ("", NAME, None),
        ("/mnt/f/ws/..", NAME, "f:/ws"),
    ],
)
def test_a_folder_has_the_name_that_its_path_ends_in(
    tmp_path: Path, path: str, name: str, root: str | None
) -> None:
    (folder,) = read(tmp_path, folder=folder_row(NAME, workspace_path=path)).folders
    assert folder.workspace_id == name
    assert folder.root == (root and root.replace("/mnt/f", "f:"))


def test_of_two_rows_on_one_folder_that_with_its_name_has_the_word(tmp_path: Path) -> None:
    own = folder_row(NAME, 1, updated_at_utc="2020-01-01")
    path = own["workspace_path"]
    rows = [own, folder_row(OTHER, 2, workspace_path=path, updated_at_utc="2026-01-01")]
    loops = [loop_row(1), loop_row(2, best_workspace_id=OTHER)]
    file = write_registry(tmp_path / "registry.sqlite", [run_row()], loops, rows)
    (run,) = read_registry(file).runs
    assert [(each.workspace_id, each.loop_id) for each in run.folders] == [(NAME, 1)]
    assert run.loops[1].best == NAME


@pytest.mark.parametrize(
    ("text", "metrics", "told"),
    [
        ('{"IC": 0.5, " Rank IC ": NaN, "a": Infinity, "b": null}',
         {"IC": 0.5, "Rank IC": None, "a": None, "b": None}, False),
        ('{"0": 0.5, "Unnamed: 0": 3.0}', None, True),
        ('{"IC": "0.5", "x": 1}', {"x": 1.0}, True),
        ('{"IC": true}', None, True),
        ("[1]", None, True),
        ("{", None, True),
        ("[" * 100_000, None, True),
        (17, None, True),
        (b"\xff\xfe", None, True),
        (None, None, False),
        ("", None, False),
    ],
)  # fmt: skip
def test_metrics_are_names_and_finite_numbers(
    tmp_path: Path, text: object, metrics: object, told: bool
) -> None:
    run = read(tmp_path, loop_row(metrics_json=text))
    assert run.loops[0].metrics == metrics
    assert bool(run.findings) is told


@pytest.mark.parametrize(
    ("text", "moment", "told"),
    [
        ("2026-03-02T08:11:27.104233+00:00", datetime(2026, 3, 2, 8, 11, 27, 104233), False),
        ("2026-03-02T08:00:00+08:00", datetime(2026, 3, 2), False),
        ("2026-03-02 08:00:00", datetime(2026, 3, 2, 8), False),
        ("yesterday", None, True),
        (1.5, None, True),
        ("0001-01-01T00:00:00+14:00", None, True),
    ],
)
def test_times_are_utc(tmp_path: Path, text: object, moment: object, told: bool) -> None:
    run = read(tmp_path, loop_row(started_at_utc=text))
    assert run.loops[0].started_at == moment
    assert bool(run.findings) is told


@pytest.mark.parametrize("number", ["3", 3, 3.0])
def test_the_number_of_a_loop_may_be_text(tmp_path: Path, number: object) -> None:
    assert read(tmp_path, loop_row(number)).loops[0].loop_id == 3


@pytest.mark.parametrize("number", ["three", 3.5, -1, b"3", 1 << 60])
def test_a_loop_without_a_number_is_left_out_and_told(tmp_path: Path, number: object) -> None:
    run = read(tmp_path, loop_row(number))
    assert not run.loops
    assert {each.level for each in run.findings} == {"error", "warning"}


def test_what_is_no_utf_8_or_too_long_is_told_and_the_rest_is_taken(tmp_path: Path) -> None:
    run = read(tmp_path, loop_row(error_message="x" * (2 << 20)), folder_row(NAME, status=b"\xff"))
    assert (run.loops[0].error_message, run.loops[0].status) == (None, "success")
    assert len(run.findings) == 2


@pytest.mark.parametrize("name", ["", "a/b", "none_x", "external:x", "..", "a\nb", "x" * 300])
def test_what_cannot_be_an_id_is_left_out_and_told(tmp_path: Path, name: str) -> None:
    run = read(tmp_path, folder=folder_row(name, workspace_path=f"/mnt/f/{name}"))
    if name != "a/b":
        assert not run.folders
        assert [each.level for each in run.findings] == ["error"]
    file = write_registry(tmp_path / "second.sqlite", [run_row(name)], [loop_row(0, name)])
    assert not read_registry(file).runs
    assert len(read_registry(file).findings) == 2
