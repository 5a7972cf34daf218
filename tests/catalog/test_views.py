"""What the views say: which rows they show, and how they choose among several."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import duckdb
import polars as pl
import pytest

import rdlake
from rdlake.catalog.publish import publish
from rdlake.schema.frames import polars_schema
from rdlake.schema.tables import table
from rdlake.store.opening import init_store
from tests.catalog.published import IDS, Published
from tests.places import REPOSITORY

DEFINITIONS = "SELECT view_name, definition FROM rd.rdlake_tables.view_definitions"
EARLY, LATE = datetime(2026, 3, 3, 10, 0, 0), datetime(2026, 3, 3, 10, 0, 0, 500_000)


def frame(name: str, *rows: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=polars_schema(table(name)))


def factor(workspace_id: str, name: str, **values: Any) -> dict[str, Any]:
    """A factor's row as an experiment or a library carries it."""
    plain = {"source": "rdagent_generated", "position": 0}
    return {**plain, "workspace_id": workspace_id, "factor_name": name, **values}


def loop(workspace_id: str, **values: Any) -> dict[str, Any]:
    """A loop's row with one metric."""
    return {
        "task_run_id": "run",
        "loop_id": int(workspace_id),
        "experiment_id": f"run/{workspace_id}",
        "workspace_id": workspace_id,
        "has_result": True,
        "metrics": {"IC": 0.5},
        **values,
    }


def asked(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    answer = connection.execute(query)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


@pytest.fixture(scope="module")
def connection(template: Published) -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(rdlake.connect(template.lake.root)) as opened:
        yield opened


@pytest.fixture(scope="module")
def factor_catalog(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """factor_catalog by name: of loops 1 to 5, whose factors tell of the case that they are."""
    lake = init_store(tmp_path_factory.mktemp("factors") / "lake")
    third = LATE.replace(microsecond=510_000)
    rows = [
        factor("1", "several", created_at=EARLY, expression="old", tags=["a"]),
        factor("2", "several", created_at=LATE, expression="new"),
        factor("1", "within a second", created_at=third, expression="third"),
        factor("2", "within a second", created_at=LATE, expression="second"),
        factor("3", "within a second", created_at=EARLY, expression="first"),
        *(factor(str(each), "at once", created_at=EARLY) for each in (3, 1, 5, 4, 2)),
        factor("1", "without time", expression="one"),
        factor("2", "without time", expression="two"),
        factor("1", "never tested", position=None, accepted=False),
        factor("external:qlib_alpha158", "library", source="qlib_alpha158", position=None),
        factor("no loop", "orphan"),
    ]
    loops = [loop("1", has_result=False, metrics=None), *(loop(each) for each in "2345")]
    owners = {row["workspace_id"] for row in [*rows, *loops]}
    lake.commit(
        {"factors": frame("factors", *rows), "loops": frame("loops", *loops)},
        {"workspace_id": owners},
    )
    publish(lake)
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        assert asked(connection, "SELECT min(loop_id) AS first FROM loop_catalog") == [{"first": 2}]
        return {row["name"]: row for row in asked(connection, "FROM factor_catalog")}


Catalog = dict[str, dict[str, Any]]


def test_a_factor_of_several_experiments_is_one_row(factor_catalog: Catalog) -> None:
    row = factor_catalog["several"]
    assert row["experiments"] == 2
    assert (row["first_experiment_id"], row["latest_experiment_id"]) == ("run/1", "run/2")
    assert (row["expression"], row["tags"], row["created_at_utc"]) == ("new", ["a"], EARLY)


def test_the_latest_is_told_within_one_second(factor_catalog: Catalog) -> None:
    row = factor_catalog["within a second"]
    assert (row["expression"], row["created_at_utc"]) == ("third", EARLY)
    assert (row["first_experiment_id"], row["latest_experiment_id"]) == ("run/3", "run/1")


def test_equal_times_are_told_apart_by_the_workspace(factor_catalog: Catalog) -> None:
    row = factor_catalog["at once"]
    assert (row["first_experiment_id"], row["latest_experiment_id"]) == ("run/1", "run/5")


def test_without_a_time_no_experiment_is_first_or_latest(factor_catalog: Catalog) -> None:
    row = factor_catalog["without time"]
    assert (row["first_experiment_id"], row["latest_experiment_id"]) == (None, None)
    assert (row["expression"], row["created_at_utc"], row["experiments"]) == ("two", None, 2)


def test_a_library_is_listed_and_a_factor_that_was_never_tested_is_not(
    factor_catalog: Catalog,
) -> None:
    assert set(factor_catalog) == {
        "at once",
        "library",
        "several",
        "within a second",
        "without time",
    }
    row = factor_catalog["library"]
    assert (row["source"], row["experiments"]) == ("qlib_alpha158", 0)


def test_every_problem_is_a_row_and_none_is_one_too(connection: duckdb.DuckDBPyConnection) -> None:
    rows = asked(connection, "FROM ingest_report ORDER BY workspace_id, position")
    torn = [row for row in rows if row["workspace_id"] == IDS[2]]
    fine = [row for row in rows if row["workspace_id"] == IDS[0]]
    assert [(row["position"], row["level"], row["reason"]) for row in fine] == [(0, None, None)]
    assert [(row["position"], row["level"], row["file"]) for row in torn] == [
        (1, "error", "ret.parquet")
    ]
    assert {row["status"] for row in torn} == {"partial"}
    assert all(row["fix"] for row in torn)
    assert all(row["latest"] for row in rows)


@pytest.mark.slow
def test_only_the_last_ingest_of_a_workspace_is_the_latest(published: Published) -> None:
    (published.workspaces / IDS[0] / "ret.parquet").unlink()
    published.ingest()
    published.publish()
    with contextlib.closing(rdlake.connect(published.lake.root)) as connection:
        rows = asked(connection, f"FROM ingest_report WHERE workspace_id = '{IDS[0]}'")
    assert [(row["latest"], row["file"]) for row in rows if row["latest"]] == [
        (True, "ret.parquet")
    ]
    assert len(rows) == 2


def test_a_folder_without_loop_has_files_and_no_run(connection: duckdb.DuckDBPyConnection) -> None:
    assert asked(
        connection,
        "SELECT path, role, task_run_id, loop_id FROM artifact_list WHERE workspace_id = 'sub'",
    ) == [{"path": "factor.py", "role": "sub", "task_run_id": None, "loop_id": None}]


def test_the_file_tells_what_it_is(template: Published) -> None:
    with contextlib.closing(rdlake.connect(template.lake.root)) as connection:
        (row,) = asked(connection, "FROM catalog_info")
    assert row["lake_id"] == template.lake.lake_id
    assert row["lake_root_variable"] == f"lake_root_{template.lake.lake_id[:8]}"
    assert (row["catalog_version"], row["rolled_back_to"]) == (1, None)


def test_the_published_file_shows_each_select_as_it_is_written(template: Published) -> None:
    with contextlib.closing(duckdb.connect()) as reader:
        reader.execute(f"ATTACH '{template.lake.root}/catalog.duckdb' AS rd (READ_ONLY)")
        rows = reader.execute(DEFINITIONS).fetchall()
    texts = {
        path.stem: path.read_text("utf-8") for path in (REPOSITORY / "sql/views").glob("*.sql")
    }
    shown = dict(rows)
    assert shown.keys() >= texts.keys()
    for name, text in texts.items():
        select = text.partition(f"CREATE VIEW {name} AS")[2].partition(";\n\nCOMMENT ON VIEW")[0]
        assert select.strip() in shown[name]
