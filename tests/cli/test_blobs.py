"""Test `rdlake blobs` as a shell sees it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.run import run

Capture = pytest.CaptureFixture[str]
A = "a" * 32


@pytest.fixture
def root(tmp_path: Path, workspaces: Path, capsys: Capture) -> Path:
    lake = tmp_path / "lake"
    assert run(capsys, "init", "--lake", lake).code == 0
    done = run(capsys, "ingest", "--no-charts", "--lake", lake, "--workspaces", workspaces)
    assert done.code == 0, done.err
    return lake


def test_it_lists_how_much_is_kept(root: Path, workspaces: Path, capsys: Capture) -> None:
    rows = json.loads(run(capsys, "blobs", "--json", "--lake", root).out)
    told = {row["artifact_type"]: row for row in rows}
    sizes = {each: each.stat().st_size for each in workspaces.glob("*/ret.parquet")}
    assert told["backtest_curve"] == {
        "artifact_type": "backtest_curve",
        "files": 3,
        "contents": 3,
        "bytes": sum(sizes.values()),
        "kept": 3,
        "kept_bytes": sum(sizes.values()),
    }
    assert (told["config_snapshot"]["files"], told["config_snapshot"]["contents"]) == (6, 1)
    assert (told["feature_set"]["kept"], told["feature_set"]["kept_bytes"]) == (0, 0)
    assert "feature_set" in run(capsys, "blobs", "--lake", root).out


def test_it_lists_the_files_of_a_workspace(root: Path, workspaces: Path, capsys: Capture) -> None:
    for command in (["blobs", A[:3]], ["blobs", "list", f"synthetic_{A}/0"]):
        rows = json.loads(run(capsys, *command, "--lake", root, "--json").out)
        told = {row["path"]: (row["sha256"], row["kept"]) for row in rows}
        assert told == {
            each.name: (
                sha256(each.read_bytes()).hexdigest(),
                each.name != "combined_factors_df.parquet",
            )
            for each in (workspaces / A).iterdir()
        }
    for unknown in ("zz", ""):
        done = run(capsys, "blobs", "list", unknown or "q", "--lake", root)
        assert (done.code, "no experiment is called so" in done.err) == (1, True)


def test_it_writes_files_out(root: Path, workspaces: Path, tmp_path: Path, capsys: Capture) -> None:
    data = (workspaces / A / "qlib_res.csv").read_bytes()
    digest = sha256(data).hexdigest()
    done = run(capsys, "blobs", "extract", digest[:12], "-o", tmp_path / "指标.csv", "--lake", root)
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "指标.csv").read_bytes() == data
    (tmp_path / "out").mkdir()
    into = ["--into", tmp_path / "out", "--lake", root]
    assert run(capsys, "blobs", "extract", digest, digest[:9], *into).code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [digest]
    again = run(capsys, "blobs", "extract", digest, *into)
    assert (again.code, "nothing is overwritten" in again.err) == (1, True)


def test_it_says_what_is_missing(
    root: Path, workspaces: Path, tmp_path: Path, capsys: Capture
) -> None:
    heavy = sha256((workspaces / A / "combined_factors_df.parquet").read_bytes()).hexdigest()
    place = ["--into", tmp_path, "--lake", root]
    done = run(capsys, "blobs", "extract", heavy, *place)
    assert done.code == 1
    assert f"{A}/combined_factors_df.parquet" in done.err
    assert "--keep all" in done.err
    done = run(capsys, "blobs", "extract", "0" * 64, *place)
    assert (done.code, "0" * 64 in done.err) == (1, True)
    for usage in (["abc"], ["abc", "def", "-o", "x"], ["abc", "-o", "x", "--into", "y"]):
        assert run(capsys, "blobs", "extract", *usage, "--lake", root).code == 2
    done = run(capsys, "blobs", "extract", "abc", "--into", tmp_path / "no", "--lake", root)
    assert (done.code, "no such folder" in done.err) == (1, True)


@pytest.mark.slow
def test_the_setting_says_what_is_kept(
    tmp_path: Path, workspaces: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ["--lake", tmp_path / "lake", "--workspaces", workspaces]
    monkeypatch.setenv("RDLAKE_KEEP", "none")
    monkeypatch.setenv("RDLAKE_CHARTS", "false")
    assert run(capsys, "refresh", *place).code == 0
    kept = json.loads(run(capsys, "blobs", "--json", "--lake", tmp_path / "lake").out)
    assert {row["kept"] for row in kept} == {0}
    assert run(capsys, "refresh", "--keep", "all", *place).code == 0
    kept = json.loads(run(capsys, "blobs", "--json", "--lake", tmp_path / "lake").out)
    assert all(row["kept"] == row["contents"] for row in kept)
    monkeypatch.setenv("RDLAKE_KEEP", "everything")
    done = run(capsys, "ingest", *place)
    assert (done.code, "essential, all, none" in done.err) == (1, True)
