"""docs/exports.md does what it says: every block is run, in order, on a lake of two versions."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import rdlake
from rdlake.catalog.contract import current_contract
from rdlake.demo import write_demo
from rdlake.exports.protocol_v1 import CATALOGS
from rdlake.library import Library
from rdlake.store.opening import init_store
from tests.ingest.test_json_catalogs import LEGACY
from tests.places import DOCS

pytestmark = pytest.mark.slow

PAGE = DOCS / "exports.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where RD-Agent was run, after every shell block of the page."""
    place = tmp_path_factory.mktemp("exports") / "RD-Agent"
    demo = write_demo(place, experiments=20, seed=0)
    lake = init_store(place / "lake")
    Library(lake).ingest(demo.workspaces)
    Library(lake).publish()
    Library(lake).alphas()
    Library(lake).ingest(catalogs=[LEGACY])
    Library(lake).publish()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for language, block in BLOCKS:
        if language == "sh":
            done = subprocess.run(
                ["/bin/bash", "-euo", "pipefail", "-c", block],
                cwd=place,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{block}\n{done.stderr}"
    return place


def test_the_json_is_there_in_both_versions(place: Path) -> None:
    new, old = place / "RDagentDB" / "aistock", place / "catalogs-of-version-1"
    counts = []
    for catalog in CATALOGS:
        found = [json.loads((each / catalog.file).read_text("utf-8")) for each in (new, old)]
        counts.append([len(each[catalog.list]) for each in found])
    query = "SELECT count(*) FROM loop_catalog WHERE role = 'experiment'"
    with contextlib.closing(rdlake.connect(place / "lake", 1)) as connection:
        ((first,),) = connection.execute(query).fetchall()
    assert counts[2] == [first + 8, first]
    assert counts[-1] == [158, 0]


def test_every_file_is_named_on_the_page() -> None:
    for catalog in CATALOGS:
        assert f"`{catalog.file}`" in TEXT
        assert f"schemas/{Path(catalog.file).stem}.schema.json" in TEXT


def test_plain_duckdb_runs_the_sql(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert {
        path.stem for path in Path("catalog-as-parquet").iterdir()
    } == current_contract().keys.keys()
    with contextlib.closing(duckdb.connect()) as reader:
        answers = [
            reader.execute(statement).fetchall()
            for language, block in BLOCKS
            if language == "sql"
            for statement in reader.extract_statements(block)
        ]
    assert "One row per experiment with a result" in answers[0][0][0]
    assert len(answers[1]) == 5


def test_changes_end_with_where_to_go_on(place: Path) -> None:
    *lines, last = (place / "changes.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(last) == {"next_since": 2}
    kinds = {json.loads(line)["change"] for line in lines}
    assert "added" in kinds
    assert all(f"`{kind}`" in TEXT for kind in ("cleared", "added", "changed", "removed"))


def test_both_reports_are_written(place: Path) -> None:
    for name in ("experiment.html", "factor.html"):
        assert (place / name).read_text(encoding="utf-8").count("<svg") >= 2
