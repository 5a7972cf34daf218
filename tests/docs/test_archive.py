"""docs/archive.md does what it says: every block is run, in order, where RD-Agent was run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from rdlake.demo import write_demo
from rdlake.library import Library
from rdlake.operations.archive import archiving_levels
from rdlake.store.opening import init_store, open_store
from tests.catalog.elsewhere import Reader
from tests.operations.archive.world import files_of
from tests.operations.cleanup.world import age
from tests.places import DOCS

pytestmark = pytest.mark.slow

PAGE = DOCS / "archive.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
EXPERIMENTS = 8


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a fork of RD-Agent was run, and its lake."""
    place = tmp_path_factory.mktemp("archive") / "RD-Agent"
    write_demo(place, experiments=EXPERIMENTS, seed=0, fork=True)
    lake = init_store(place / "lake")
    Library(lake).ingest(
        place / "git_ignore_folder/RD-Agent_workspace",
        registries=[place / "RDagentDB" / "registry.sqlite"],
        logs=[place / "log"],
    )
    Library(lake).publish()
    workspaces = place / "git_ignore_folder/RD-Agent_workspace"
    shutil.copytree(workspaces, place / "before", symlinks=True)
    age(workspaces, place / "log")
    return place


@pytest.fixture(scope="module")
def said(place: Path) -> list[tuple[str, str]]:
    """Every shell block with what it printed; the disk of the archive is a folder beside."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "EXPERIMENT": experiment(place)}
    found = []
    for language, block in BLOCKS:
        if language != "sh":
            continue
        there = here(place, block)
        Path(place / "mnt").mkdir(exist_ok=True)
        command = ["/bin/bash", "-euo", "pipefail", "-c", there]
        ran = subprocess.run(
            command, cwd=place, env=env, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"{block}\n{ran.stdout}{ran.stderr}"
        found.append((block, ran.stdout + ran.stderr))
    return found


def here(place: Path, block: str) -> str:
    return block.replace("/mnt/archive", str(place / "mnt"))


def experiment(place: Path) -> str:
    """One with a folder, that this test chooses."""
    loops = open_store(place / "lake").read("loops", where=pl.col("has_curve"))
    folders = place / "before"
    names: list[str] = loops["workspace_id"].to_list()
    return min(name for name in names if (folders / name / "qlib_res.csv").exists())


def test_the_walk_says_what_it_does(said: list[tuple[str, str]]) -> None:
    by_block = {block.split("\n")[0]: words for block, words in said}
    dry = "rdlake archive run --to /mnt/archive/lake --dry-run"
    assert "dry run, nothing is written" in by_block[dry]
    assert "nothing new" in by_block["rdlake archive run --to /mnt/archive/lake"]
    assert "published catalog version 2" in by_block["rdlake archive levels"]


def test_the_restored_files_are_those_of_rdagent(place: Path, said: list[tuple[str, str]]) -> None:
    assert said
    original = files_of(place / "before" / experiment(place))
    restored = files_of(place / "restored")
    assert "qlib_res.csv" in restored and restored.items() <= original.items()


def test_the_clean_up_frees_the_disk_and_the_lake_knows(
    place: Path, said: list[tuple[str, str]]
) -> None:
    words = {block: words for block, words in said if "cleanup" in block}
    (undone,) = (each for block, each in words.items() if "cleanup undo" in block)
    (purged,) = (each for block, each in words.items() if "cleanup purge" in block)
    assert "undone: " in undone and "purged: " in purged and "signed for the lake" in purged
    assert not (place / "git_ignore_folder/RD-Agent_workspace" / experiment(place)).exists()
    lake = open_store(place / "lake")
    mine = pl.col("workspace_id") == experiment(place)
    assert set(lake.read("artifacts", where=mine)["state"]) == {"removed"}
    assert set(lake.read("cleanups", where=mine)["state"]) == {"undone", "purged"}


def test_every_experiment_is_at_level_2(place: Path, said: list[tuple[str, str]]) -> None:
    assert said
    assert set(archiving_levels(open_store(place / "lake")).values()) == {2}


def test_plain_duckdb_reads_the_moved_archive(
    place: Path, said: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert said
    *first, last = here(place, BLOCKS[-1][1]).strip().split("\n")
    loops = open_store(place / "lake").read("loops", where=pl.col("has_result"))
    with Reader(tmp_path, *first) as reader:
        assert reader.ask(last) == [[loops.height]]
