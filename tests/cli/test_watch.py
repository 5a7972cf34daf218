"""Test `rdlake ingest --watch` in a process of its own, while the world changes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.builders import make_workspace
from tests.builders_registry import folder_row, loop_row, run_row, write_registry
from tests.builders_traces import make_loop, write_run
from tests.ingesting import ingest
from tests.lake_rows import versions

PATIENCE = 60.0
STILL = 2.0


@contextmanager
def watching(lake: Lake, *options: object) -> Iterator[subprocess.Popen[str]]:
    """Run a watch with an interval of a second; its output is in `said.txt` next to the lake."""
    command = [sys.executable, "-m", "rdlake.cli.main", "ingest", "--lake", str(lake.root)]
    command += [
        "--no-charts",
        "--watch",
        "--interval",
        "1",
        "--still",
        str(STILL),
        *map(str, options),
    ]
    with (lake.root.parent / "said.txt").open("w") as said:
        process = subprocess.Popen(command, stderr=said, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def said(lake: Lake) -> str:
    return (lake.root.parent / "said.txt").read_text(encoding="utf-8")


def until(is_so: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.1)


def loops(lake: Lake) -> set[str]:
    return set(lake.read("loops")["workspace_id"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Provide a folder with one finished workspace that has been still for long enough."""
    make_workspace(tmp_path / "w", "a" * 32)
    return tmp_path / "w"


@pytest.fixture(autouse=True)
def still(root: Path) -> None:
    time.sleep(STILL)


@pytest.mark.slow
def test_what_comes_is_taken_and_ctrl_c_ends_it_cleanly(lake: Lake, root: Path) -> None:
    with watching(lake, "--workspaces", root) as process:
        until(lambda: loops(lake) == {"a" * 32})
        make_workspace(root, "b" * 32)
        (make_workspace(root, "c" * 32) / "qlib_res.csv").unlink()  # still running, or died
        until(lambda: loops(lake) == {"a" * 32, "b" * 32})
        before = versions(lake)
        time.sleep(3)
        assert versions(lake) == before
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert "stopped; all that was read is committed" in said(lake)
    assert said(lake).count("workspaces and runs:") == 2


@pytest.mark.slow
def test_a_folder_that_is_being_written_is_left_until_it_is_still(lake: Lake, root: Path) -> None:
    began = time.monotonic()
    folder = make_workspace(root, "b" * 32)
    with watching(lake, "--workspaces", root):
        until(lambda: "a" * 32 in loops(lake))
        while time.monotonic() < began + STILL + 2:
            (folder / "ret.parquet").touch()
            assert "b" * 32 not in loops(lake)
            time.sleep(0.5)
        until(lambda: "b" * 32 in loops(lake))


@pytest.mark.slow
def test_a_root_that_vanishes_is_told_once_and_taken_up_again(lake: Lake, root: Path) -> None:
    with watching(lake, "--workspaces", root) as process:
        until(lambda: loops(lake) == {"a" * 32})
        away = root.rename(root.with_name("away"))
        until(lambda: "There is no such folder" in said(lake))
        time.sleep(3)
        assert said(lake).count("There is no such folder") == 1 and process.poll() is None
        make_workspace(away, "b" * 32)
        away.rename(root)
        until(lambda: "b" * 32 in loops(lake))
    assert {row["status"] for row in lake.read("ingests").to_dicts()} == {"ok"}


@pytest.mark.slow
def test_a_root_that_was_never_there_is_an_error_at_once(lake: Lake, tmp_path: Path) -> None:
    with watching(lake, "--workspaces", tmp_path / "nowhere") as process:
        assert process.wait(PATIENCE) == 1
    assert "There is no such folder" in said(lake)


@pytest.mark.slow
def test_of_a_log_only_loops_that_ended_are_taken(lake: Lake, root: Path, tmp_path: Path) -> None:
    """Give both folders their results: only the log tells which loop ended."""
    done, open_loop = make_loop(0), make_loop(1, ending="running")
    logs = write_run(tmp_path / "log", done, open_loop)
    assert open_loop.backtest
    folder = make_workspace(root, open_loop.backtest.workspace.name)
    time.sleep(STILL)
    with watching(lake, "--workspaces", root, "--log-path", logs) as process:
        until(lambda: "a" * 32 in loops(lake))
        time.sleep(3)
        assert folder.name not in loops(lake)
        assert set(lake.read("loops")["status"]) <= {"success", None}
        before = versions(lake)
        time.sleep(2)
        assert versions(lake) == before
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    ingest(lake, [root], [logs])
    row = next(r for r in lake.read("loops").to_dicts() if r["workspace_id"] == folder.name)
    assert row["status"] == "running"


@pytest.mark.slow
def test_of_a_registry_only_loops_that_ended_are_taken(
    lake: Lake, root: Path, tmp_path: Path
) -> None:
    rows = [folder_row("a" * 32, 0), folder_row("b" * 32, 1)]
    make_workspace(root, "b" * 32)
    file = write_registry(
        tmp_path / "registry.sqlite",
        [run_row()],
        [loop_row(0), loop_row(1, status="running")],
        rows,
    )
    time.sleep(STILL)
    with watching(lake, "--workspaces", root, "--registry", file):
        until(lambda: "a" * 32 in loops(lake))
        time.sleep(3)
        assert loops(lake) == {"a" * 32}
        write_registry(file, loops=[loop_row(1, status="success")])
        until(lambda: "b" * 32 in loops(lake))
    assert open_store(lake.root).read("loops").height == 2
