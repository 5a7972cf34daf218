"""Test `--registry`: a registry.sqlite alone, with folders, from the settings, and a bad one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rdlake.store.opening import open_store
from tests.builders_registry import OLD, RUN, folder_row, loop_row, run_row, write_registry
from tests.cli.run import run

Capture = pytest.CaptureFixture[str]
NAMES = ("a" * 32, "b" * 32, "c" * 32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Provide a registry of three experiments, in three notations, and of one that is gone."""
    windows = OLD.replace("/mnt/f", "F:").replace("/", "\\")
    paths = [
        f"{OLD}/workspaces/{NAMES[0]}\n",
        f"{windows}\\workspaces\\{NAMES[1]}",
        f"{OLD}/workspaces/{NAMES[2]}",
        f"{OLD}/workspaces/{'d' * 32}",
    ]
    rows = [
        folder_row(name, number, workspace_path=path)
        for number, (name, path) in enumerate(zip((*NAMES, "d" * 32), paths, strict=True))
    ]
    loops = [loop_row(number) for number in range(4)]
    return write_registry(tmp_path / "registry.sqlite", [run_row()], loops, rows)


def test_the_folders_that_it_names_are_read_where_they_are_here(
    file: Path, workspaces: Path, tmp_path: Path, capsys: Capture
) -> None:
    run(capsys, "init")
    mapped = ("ingest", "--registry", file, "--map", f"{OLD}={tmp_path}", "--json")
    seen = run(capsys, *mapped)
    assert (seen.code, json.loads(seen.out)["counts"]) == (0, {"ok": 4, "unchanged": 0})
    rows = open_store("lake").read("loops").to_dicts()
    assert {row["workspace_id"]: row["has_result"] for row in rows} == {
        **dict.fromkeys(NAMES, True),
        "d" * 32: False,
    }
    assert {row["task_run_id"] for row in rows} == {RUN}
    again = json.loads(run(capsys, *mapped).out)
    assert again["counts"] == {"unchanged": 4}
    assert "its folder is gone" in again["root_findings"][0]["reason"]


def test_a_registry_may_be_set_once(
    file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDLAKE_REGISTRIES", str(file))
    run(capsys, "init")
    assert run(capsys, "ingest").code == 0
    assert open_store("lake").read("loops").height == 4


def test_a_bad_registry_is_told_with_its_remedy(
    workspaces: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "notes").write_text("notes")
    run(capsys, "init")
    alone = run(capsys, "ingest", "--registry", tmp_path / "notes")
    assert alone.code == 1
    assert "no SQLite database" in alone.err and "registry.sqlite" in alone.err
    beside = run(capsys, "ingest", "--registry", tmp_path / "notes", "--workspaces", workspaces)
    assert beside.code == 3
    assert "no SQLite database" in beside.err
