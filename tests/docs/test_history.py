"""docs/history.md does what it says: every block is run, in order, where RD-Agent was run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from rdlake.demo import write_demo
from rdlake.store.opening import open_store
from tests.ingest.test_json_catalogs import LEGACY
from tests.lake_rows import versions
from tests.places import DOCS

pytestmark = pytest.mark.slow

PAGE = DOCS / "history.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
EXPERIMENTS = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a fork of RD-Agent was run."""
    place = tmp_path_factory.mktemp("history") / "RD-Agent"
    write_demo(place, experiments=EXPERIMENTS, seed=0, fork=True)
    shutil.copytree(LEGACY, place / "RDagentDB" / "aistock")
    return place


def shell(place: Path, block: str) -> subprocess.Popen[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    key = {"ARTIFACT_SIGNING_KEY_PATH": "artifact_signing.key"}
    return subprocess.Popen(
        ["/bin/bash", "-euo", "pipefail", "-c", block],
        cwd=place,
        env={**os.environ, **key, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(place: Path, block: str) -> str:
    """Return what a block prints. Press Ctrl-C when a watch has looked once."""
    watches = "--watch" in block
    with shell(place, f"exec {block}" if watches else block) as process:
        assert process.stdout
        words = ""
        if watches:
            # The line after "watching" reports the first look.
            words = process.stdout.readline() + process.stdout.readline()
            process.send_signal(signal.SIGINT)
        words += process.stdout.read()
    assert process.returncode == 0, f"{block}\n{words}"
    return words


@pytest.fixture(scope="module")
def said(place: Path) -> list[tuple[str, str]]:
    """Every shell block with what it printed, after all of them were run."""
    return [(block, run(place, block)) for language, block in BLOCKS if language == "sh"]


def only(said: list[tuple[str, str]], words: str) -> str:
    (found,) = [output for block, output in said if words in block]
    return found


def test_a_dry_run_names_all_and_the_back_fill_takes_all(
    place: Path, said: list[tuple[str, str]]
) -> None:
    lake = open_store(place / "lake")
    folders = {path.name for path in (place / "git_ignore_folder/RD-Agent_workspace").iterdir()}
    dry = only(said, "--dry-run")
    assert "dry run, nothing is written" in dry and all(name in dry for name in folders)
    assert folders <= set(lake.read("evidence")["workspace_id"])
    loops = lake.read("loops", where=pl.col("role") == "experiment")
    assert loops.height == EXPERIMENTS + 8  # and the loops of the JSON catalogs


def test_each_step_takes_a_part_and_the_last_one_the_rest(said: list[tuple[str, str]]) -> None:
    steps = only(said, "--max-loops")
    assert "left: beyond --max-loops" in steps
    assert steps.count("workspaces and runs:") == 5


def test_it_is_published_proven_and_up_to_date(said: list[tuple[str, str]]) -> None:
    assert "published catalog version 1" in only(said, "catalogs publish")
    assert "nothing new: catalog version 1 stands" in only(said, "rdlake refresh")
    watched = only(said, "--watch")
    assert "watching" in watched and "stopped; all that was read is committed" in watched


def test_the_lines_for_rdagent_write_a_loop(
    place: Path, said: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said
    (lines,) = [block for language, block in BLOCKS if language == "python"]
    monkeypatch.chdir(place)
    names: dict[str, Any] = {}
    exec(compile(lines, str(PAGE), "exec"), names)  # noqa: S102 - the page's own lines
    lake = open_store("lake")
    row = lake.read("loops", where=pl.col("has_result")).row(0, named=True)
    folder = place / "git_ignore_folder/RD-Agent_workspace" / row["workspace_id"]
    experiment = SimpleNamespace(
        experiment_workspace=SimpleNamespace(workspace_path=folder), result=object()
    )
    before = lake.read("loops").height
    names["into_the_lake"](row["task_run_id"], row["loop_id"], experiment, row["action"])
    first = versions(lake)
    names["into_the_lake"](row["task_run_id"], row["loop_id"], experiment, row["action"])
    assert versions(lake) == first and lake.read("loops").height == before
