"""The cookbook's questions are answered by any DuckDB, and the page shows these answers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import rdlake
from rdlake.catalog.contract import Query, load_queries
from rdlake.store.lake import Lake
from tests.catalog.cookbook import PAGE, demo_lake, page
from tests.cli.run import run
from tests.compat.interpreters import READER

OF_OTHER_LAKES = {"differing_settings", "duplicates"}
"""Questions of which the demo has no row: it has neither configurations nor equal factors."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return demo_lake(tmp_path_factory.mktemp("cookbook"))


@pytest.fixture
def connection(demo: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(rdlake.connect(demo.root)) as reader:
        yield reader


def test_there_are_questions_enough() -> None:
    assert len(load_queries()) >= 15
    assert all(each.question.rstrip(")").endswith(("?", ".")) for each in load_queries())


@pytest.mark.parametrize("query", load_queries(), ids=lambda query: query.name)
def test_a_question_has_an_answer_in_an_order_of_its_own(
    connection: duckdb.DuckDBPyConnection, query: Query
) -> None:
    rows = connection.execute(query.sql).fetchall()
    assert bool(rows) == (query.name not in OF_OTHER_LAKES)
    assert "ORDER BY" in query.sql
    assert connection.execute(query.sql).fetchall() == rows


def test_plain_duckdb_answers_in_a_process_of_its_own(demo: Lake, tmp_path: Path) -> None:
    files = []
    for each in load_queries():
        (tmp_path / f"{each.name}.sql").write_text(each.sql, encoding="utf-8")
        files.append(str(tmp_path / f"{each.name}.sql"))
    catalog = str(demo.root / "catalog.duckdb")
    asked = [sys.executable, "-I", str(READER), "queries", catalog, *files]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert {Path(path).stem for path, rows in json.loads(done.stdout).items() if not rows} == (
        OF_OTHER_LAKES
    )


def test_the_page_shows_what_is_answered(connection: duckdb.DuckDBPyConnection) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(connection), "make docs writes it again"


def test_loops_that_beat_their_baseline_by_hand(
    demo: Lake, connection: duckdb.DuckDBPyConnection
) -> None:
    loops = demo.read("loops").to_dicts()
    base = {
        loop["task_run_id"]: loop["annual_return"] for loop in loops if loop["role"] == "baseline"
    }
    better = {
        loop["experiment_id"]: loop["annual_return"] - base[loop["task_run_id"]]
        for loop in loops
        if loop["role"] == "experiment"
        and loop["annual_return"] is not None
        and loop["annual_return"] > base[loop["task_run_id"]]
    }
    (query,) = [each for each in load_queries() if each.name == "better_than_baseline"]
    rows = connection.execute(query.sql).fetchall()
    best = sorted(better.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
    assert [(row[0], row[2]) for row in rows] == [(name, round(each, 4)) for name, each in best]


def test_the_command_asks_by_name(demo: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(run(capsys, "sql", "--list", "--json").out)
    assert [each["name"] for each in listed] == [each.name for each in load_queries()]
    at = ("--lake", demo.root)
    asked = run(capsys, "sql", "--query", "success_rate", "--json", *at)
    assert json.loads(asked.out)[0]["scenario"] == "fin_quant"
    unknown = run(capsys, "sql", "--query", "nothing", *at)
    assert unknown.code == 1 and "rdlake sql --list" in unknown.err
    assert run(capsys, "sql", *at).code == 2
    assert run(capsys, "sql", "SELECT 1", "--list", *at).code == 2
