"""docs/aistock.md does what it says: its shell blocks are run, plain DuckDB runs its SQL."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rdlake
from rdlake.catalog.contract import current_contract
from rdlake.catalog.publish import publish
from rdlake.demo import write_demo
from rdlake.store.opening import init_store
from tests.catalog.golden import described
from tests.ingest.test_json_catalogs import LEGACY
from tests.places import REPOSITORY

pytestmark = pytest.mark.slow

TEXT = (REPOSITORY / "docs" / "aistock.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
PAGES = ("factor_detail", "strategy_detail", "equity_curve")
WINDOWS = "F:/RD-Agent/lake"
RUN = """
import sys, duckdb
from tests.places import REPOSITORY
reader = duckdb.connect()
for block in sys.argv[1:]:
    for statement in reader.extract_statements(block):
        found = reader.execute(statement)
        asked = statement.query.lstrip().startswith("SELECT")
        print(len(found.fetchall()) if asked else "done")
"""


def of_language(name: str) -> list[str]:
    return [block for language, block in BLOCKS if language == name]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where RD-Agent was run, and all shell blocks after it."""
    place = tmp_path_factory.mktemp("aistock") / "RD-Agent"
    write_demo(place, experiments=20, seed=0)
    shutil.copytree(LEGACY, place / "RDagentDB" / "aistock")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    code = "\n".join(of_language("sh"))
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", code],
        cwd=place,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "v000001.duckdb" in done.stdout
    return place


def test_plain_duckdb_runs_every_block(place: Path) -> None:
    elsewhere = place.parent / "drive F" / "lake"
    shutil.copytree(place / "lake", elsewhere)
    blocks = [block.replace(WINDOWS, elsewhere.as_posix()) for block in of_language("sql")]
    asked = [sys.executable, "-I", "-c", RUN, *blocks]
    done = subprocess.run(asked, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.split()
    assert len(said) >= len(blocks) and "0" not in said


def test_a_lake_that_moved_is_read_where_it_lies_now(place: Path, tmp_path: Path) -> None:
    (block,) = [each for each in of_language("sql") if WINDOWS in each]
    shutil.copytree(place / "lake", tmp_path / "lake")
    for part in ("tables/loops", "catalogs/data"):
        shutil.rmtree(tmp_path / "lake" / part)
    here = block.replace(WINDOWS, (tmp_path / "lake").as_posix())
    asked = [sys.executable, "-I", "-c", RUN, here]
    done = subprocess.run(asked, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "drive" not in done.stderr
    assert str(tmp_path) in done.stderr


def test_the_fields_of_each_page_are_the_comments(tmp_path: Path) -> None:
    publish(init_store(tmp_path))
    with contextlib.closing(rdlake.connect(tmp_path)) as connection:
        views = described(connection)
    for view in PAGES:
        table = TEXT.partition(f"| field of `{view}` | meaning |\n|---|---|\n")[2]
        shown = re.findall(r"\| `(\w+)` \| (.*) \|", table.partition("\n\n")[0])
        comments = [
            (name, (comment or "").replace("|", "\\|").replace("<", "&lt;"))
            for name, (_, comment) in views[f"main.{view}"].columns.items()
        ]
        assert shown == comments, view


def test_every_view_that_is_named_is_there() -> None:
    assert set(re.findall(r"`rd\.(\w+)`", TEXT)) <= current_contract().keys.keys()
