"""Test the commands of libraries: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rdlake.store.lake import Lake
from tests.cli.run import run
from tests.exports.libraries.builders import code_of, taken, write_factors


@pytest.fixture
def root(lake: Lake, tmp_path: Path) -> Path:
    """Provide a library, and a lake of one good factor and one that opens a socket."""
    codes = {"GOOD": code_of("GOOD"), "BAD": "import socket\n"}
    write_factors(tmp_path / "log", codes)
    taken(lake, tmp_path / "log")
    (tmp_path / "lib").mkdir()
    return tmp_path / "lib"


def test_sync_says_what_is_written_and_what_is_not(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RD_FACTORS_LIB_ROOT", str(root))
    ran = run(capsys, "libs", "sync")
    assert ran.code == 0 and "written" in ran.out
    assert "strategies: skipped, no folder is given" in ran.err
    assert "left out: BAD" in ran.err and "line 1: import socket (network)" in ran.err
    factors, strategies = json.loads(run(capsys, "libs", "sync", "--json").out)
    assert (factors["status"], factors["version"]) == ("unchanged", 1)
    assert strategies["status"] == "skipped"
    told = {row["name"]: row for row in json.loads(run(capsys, "doctor", "--json").out)["settings"]}
    assert told["factors_lib_root"]["value"] == str(root)
    assert told["factors_lib_root"]["origin"] == "environment RD_FACTORS_LIB_ROOT"


def test_a_setting_may_stand_in_the_file_of_settings(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text(f"RD_FACTORS_LIB_ROOT={root}\n")
    factors, _ = json.loads(run(capsys, "libs", "sync", "--dry-run", "--json").out)
    assert factors["status"] == "dry run" and factors["root"] == str(root)
    told = {row["name"]: row for row in json.loads(run(capsys, "doctor", "--json").out)["settings"]}
    assert told["factors_lib_root"]["origin"] == ".env"


def test_verify_needs_a_library_and_says_what_is_gone(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "libs", "verify").code == 2
    run(capsys, "libs", "sync", "--factors-root", root)
    ran = run(capsys, "libs", "verify", "--factors-root", root, "--json")
    (row,) = json.loads(ran.out)
    assert (ran.code, row["verdict"]) == (3, "values gone")
    assert run(capsys, "libs", "verify", "NONE", "--factors-root", root).code == 1


@pytest.mark.slow
def test_base_features_are_told_with_what_is_left(
    root: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run(capsys, "alpha")
    run(capsys, "catalogs", "publish")
    ran = run(capsys, "export", "base-features", tmp_path / "base", "KMID", "--json")
    told = json.loads(ran.out)
    assert ran.code == 0 and told["expressions"] == ["KMID"] and told["left"] == []
    assert run(capsys, "export", "base-features", tmp_path / "base").code == 1
