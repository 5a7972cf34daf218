"""Test `rdlake plot` and the charts of an ingest, as a shell sees them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from rdlake.demo import write_demo
from rdlake.sources.backtest.prices import PRICES
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.cli.run import run
from tests.ingesting import ingest

Capture = pytest.CaptureFixture[str]
A, NAMES = "a" * 32, ["dd_curve.png", "ret_curve.png"]


@pytest.fixture
def root(tmp_path: Path, workspaces: Path, capsys: Capture) -> Path:
    (workspaces / ("c" * 32) / "ret.parquet").unlink()
    place = ["--lake", tmp_path / "lake", "--workspaces", workspaces]
    assert run(capsys, "refresh", "--no-charts", *place).code == 0
    return tmp_path / "lake"


def made(root: Path, capsys: Capture) -> int:
    rows = json.loads(run(capsys, "blobs", "aaa", "--json", "--lake", root).out)
    return sum(row["kind"] == "made" and row["kept"] for row in rows)


@pytest.mark.slow
def test_charts_come_with_an_ingest_unless_told_otherwise(
    root: Path, workspaces: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ["--lake", root, "--workspaces", workspaces]
    assert made(root, capsys) == 0
    monkeypatch.setenv("RDLAKE_CHARTS", "false")
    assert run(capsys, "ingest", *place).code == 0
    assert made(root, capsys) == 0
    assert run(capsys, "ingest", "--charts", *place).code == 0
    assert made(root, capsys) == 2


@pytest.mark.slow
def test_it_writes_two_pictures(root: Path, tmp_path: Path, capsys: Capture) -> None:
    done = run(capsys, "plot", "aaa", "--lake", root)
    assert (done.code, sorted(done.out.split())) == (0, NAMES)
    for name in NAMES:
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (720, 360)
    first = (tmp_path / NAMES[0]).read_bytes()
    again = run(capsys, "plot", "bbb", "--lake", root)
    assert (again.code, "--force" in again.err) == (1, True)
    assert (tmp_path / NAMES[0]).read_bytes() == first
    assert run(capsys, "plot", f"synthetic_{'b' * 32}/0", "--force", "--lake", root).code == 0
    assert (tmp_path / NAMES[0]).read_bytes() != first


@pytest.mark.slow
def test_it_says_what_it_cannot_draw(root: Path, tmp_path: Path, capsys: Capture) -> None:
    done = run(capsys, "plot", "ccc", "--lake", root)
    assert (done.code, "no curve" in done.err) == (1, True)
    done = run(capsys, "plot", "zzz", "--lake", root)
    assert (done.code, "no experiment is called so" in done.err) == (1, True)
    done = run(capsys, "plot", "aaa", "-o", tmp_path / "nowhere", "--lake", root)
    assert (done.code, "cannot write" in done.err) == (1, True)


@pytest.mark.slow
def test_a_factor_is_drawn_with_its_days_and_fifths(
    root: Path, tmp_path: Path, capsys: Capture
) -> None:
    lake = init_store(tmp_path / "measured")
    demo = write_demo(tmp_path / "demo", experiments=4, seed=1)
    ingest(lake, [demo.workspaces], keep="none")
    known = lake.read("factor_perf").filter(pl.col("fifths").is_not_null())
    name = known["factor_name"].sort()[0]
    done = run(capsys, "plot", name, "--lake", lake.root)
    names = ["cumulative_ic.png", "ic_histogram.png", "quintiles.png"]
    assert (done.code, done.out.split()) == (0, names)
    for each in names:
        with Image.open(tmp_path / each) as picture:
            assert picture.size == (720, 360)
    assert run(capsys, "plot", name, "--lake", lake.root).code == 1


def test_a_factor_without_a_label_says_so(tmp_path: Path, capsys: Capture) -> None:
    lake = init_store(tmp_path / "without")
    shutil.rmtree(make_workspace(tmp_path / "w" / "x").parent.parent / PRICES.parent)
    ingest(lake, [tmp_path / "w" / "x"])
    done = run(capsys, "plot", "MOM_5D", "--lake", lake.root)
    assert (done.code, "no IC on any day" in done.err) == (1, True)
