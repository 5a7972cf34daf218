"""Back-fill of much that is stopped and goes on, and of a registry that is written meanwhile."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rdlake.demo import DemoReport, write_demo
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders_registry import loop_row, run_row, write_registry
from tests.ingest.test_derive import content
from tests.ingest.test_request import take
from tests.ingesting import ingest
from tests.lake_rows import versions
from tests.marks import slow

KILLS = 5
PATIENCE = 300.0


def begin(lake: Lake, demo: DemoReport) -> subprocess.Popen[bytes]:
    """The command, as an operator starts it."""
    command = [sys.executable, "-m", "rdlake.cli.main", "ingest", "--lake", str(lake.root)]
    command += ["--workspaces", str(demo.workspaces), "--log-path", str(demo.logs)]
    command += ["--registry", str(demo.registry), "--signing-key", str(demo.signing_key)]
    command += ["--no-charts"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def commits(lake: Lake, name: str) -> int:
    return len(list((lake.folder(name) / "_delta_log").glob("*.json")))


def kill_when(process: subprocess.Popen[bytes], is_time: Callable[[], bool]) -> bool:
    """Whether it was still at work when its time came."""
    give_up = time.monotonic() + PATIENCE
    while process.poll() is None and not is_time():
        assert time.monotonic() < give_up
        time.sleep(0.01)
    process.kill()
    return process.wait() != 0


def stopped(lake: Lake, demo: DemoReport, kill: int) -> bool:
    """One start of the command that is killed: while it reads, or right after a commit of its
    evidence, its rows or its report."""
    at = ("evidence", "loops", "ingests")[kill % 3]
    before = commits(lake, at)
    return kill_when(begin(lake, demo), lambda: commits(lake, at) > before)


@pytest.mark.guards
@pytest.mark.parametrize("experiments", [2000])
def test_killed_five_times_nothing_is_lost_doubled_or_done_twice(
    lake: Lake, tmp_path: Path, experiments: int
) -> None:
    demo = write_demo(tmp_path / "demo", experiments=experiments, seed=4, fork=True)
    assert all(stopped(lake, demo, kill) for kill in range(KILLS))
    assert begin(lake, demo).wait() == 0
    done = Counter(lake.read("ingests").select("role", "workspace_id").rows())
    assert set(done.values()) == {1}
    before = versions(lake)
    assert begin(lake, demo).wait() == 0
    assert versions(lake) == before
    at_once = init_store(tmp_path / "at once")
    take(at_once, demo)
    assert content(lake) == content(at_once)
    assert set(done) == set(at_once.read("ingests").select("role", "workspace_id").rows())
    places = lake.read("loops").select("task_run_id", "loop_id", "role").rows()
    assert len(places) == len(set(places)) == experiments + demo.baselines


WRITER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
connection.execute(f"PRAGMA journal_mode={sys.argv[2]}")
number = 1000
while True:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE loops SET error_message = ?, updated_at_utc = ?", (str(number),) * 2)
    connection.execute(
        "INSERT INTO loops (task_run_id, loop_id, status, error_message) VALUES (?, ?, ?, ?)",
        (sys.argv[3], number, "failed", str(number)),
    )
    connection.execute("COMMIT")
    if number == 1000:
        print("writing", flush=True)
    number += 1
    time.sleep(0.002)
"""


@pytest.mark.slow
@pytest.mark.parametrize("journal", ["WAL", *slow("DELETE")])
def test_a_registry_that_is_written_all_the_while_is_read_as_of_one_moment(
    lake: Lake, tmp_path: Path, journal: str
) -> None:
    """The writer sets one number in every row with each transaction: rows of two moments differ."""
    run = "a" * 32
    loops = [loop_row(number, run, error_message="0") for number in range(200)]
    file = write_registry(tmp_path / "registry.sqlite", [run_row(run)], loops)
    command = [sys.executable, "-c", WRITER, str(file), journal, run]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout and writer.stdout.readline() == b"writing\n"
            seen: list[int] = []
            for _ in range(3):
                report = ingest(lake, [], registries=[file])
                assert not report.partial
                told = lake.read("loops", ["loop_id", "error_message"]).rows()
                (number,) = {message for _, message in told}
                assert max(place for place, _ in told) == int(number)
                assert len(told) == 200 + int(number) - 999
                seen.append(int(number))
            assert seen == sorted(set(seen)) and writer.poll() is None
        finally:
            writer.kill()
    with closing(sqlite3.connect(file)) as connection:  # and it is whole afterwards
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
def test_a_dry_run_as_json_names_what_it_would_take(
    tmp_path: Path, lake: Lake, capfd: pytest.CaptureFixture[str]
) -> None:
    demo = write_demo(tmp_path / "demo", experiments=5, seed=4)
    command = [sys.executable, "-m", "rdlake.cli.main", "ingest", "--lake", str(lake.root)]
    command += ["--workspaces", str(demo.workspaces), "--dry-run", "--json"]
    assert subprocess.run(command, check=False).returncode == 0
    told = json.loads(capfd.readouterr().out)
    assert told["dry_run"] is True
    assert {each["workspace_id"] for each in told["outcomes"]} == {
        path.name for path in demo.workspaces.iterdir()
    }
    assert lake.read("ingests").is_empty()
