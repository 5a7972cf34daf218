"""Every check finds the rows that break its promise, and nothing in a lake that keeps it."""

from __future__ import annotations

import contextlib
import math
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import rdlake
from rdlake.catalog.checks import ROWS_NAMED, Broken, EarlierProof, run_checks, tables_read_by
from rdlake.catalog.contract import current_checks, current_contract
from rdlake.catalog.materialize.changes import ChangedValues
from rdlake.catalog.pinning import pin_tables
from rdlake.catalog.publish import check, publish, release, rollback, unpublished
from rdlake.catalog.version import newest
from rdlake.errors import CheckFailed
from rdlake.schema.sql import identifier
from rdlake.schema.tables import TABLES, table
from rdlake.store.lake import Lake
from tests.catalog.published import (
    IDS,
    NEW,
    Published,
    batches_of,
    replace_rows,
    rows_in_table,
)
from tests.catalog.views import ABOUT_ITSELF

A, B, C = IDS


def found_in(lake: Lake) -> list[Broken]:
    """What breaks a promise among all rows; the same is found when only what moved since the last
    version is looked at."""
    last = newest(lake)
    with unpublished(lake) as connection:
        everything = run_checks(connection)
        proof = EarlierProof(last, ChangedValues(lake, pin_tables(lake, last), last))
        assert any(proof.values_to_check(each) is not None for each in current_checks())
        moved = run_checks(connection, proof)
    assert [told(each) for each in moved] == [told(each) for each in everything]
    return everything


def told(found: Broken) -> tuple[str, int, list[str]]:
    rows = sorted(map(str, found.rows)) if found.total <= ROWS_NAMED else []
    return found.check.name, found.total, rows


def broken(lake: Lake) -> dict[str, Broken]:
    return {each.check.name: each for each in found_in(lake)}


def change(lake: Lake, name: str, **values: Any) -> None:
    """Another value in the first row that workspace A has in a table."""
    row, *rest = rows_in_table(lake, name, A)
    replace_rows(lake, name, A, {**row, **values}, *rest)


def read_anew(lake: Lake, name: str, workspace_id: str) -> None:
    """The workspace's rows as an ingest of other files would write them."""
    rows = [{**row, "source_digest": "other"} for row in rows_in_table(lake, name, workspace_id)]
    replace_rows(lake, name, workspace_id, *rows)


def duckdb_of(lake: Lake, *allowed: str) -> duckdb.DuckDBPyConnection:
    """The newest rows, published although these checks fail."""
    publish(lake, allow=allowed)
    return rdlake.connect(lake.root)


def test_a_whole_lake_breaks_nothing(template: Published) -> None:
    assert check(template.lake) == []


def test_every_check_has_a_test_here() -> None:
    assert {each.name for each in current_checks()} == {
        "counts",
        "counts_of_runs",
        "coverage",
        "curves_agree",
        "curves_present",
        "drawdowns",
        "one_loop",
        "own_parts",
        "references",
        "relative_names",
        "relative_paths",
        "results_are_finite",
        "unique_groups",
        "unique_keys",
        "unique_names",
        "unique_series",
        "whole_batches",
    }


def test_a_drawdown_above_zero_is_found(published: Published) -> None:
    first, second, third, fourth, *rest = rows_in_table(published.lake, "equity_curves", A)
    replace_rows(
        published.lake,
        "equity_curves",
        A,
        {**first, "drawdown": 1e-12},
        {**second, "excess_drawdown": 1e-12},
        {**third, "drawdown": math.nan},
        {**fourth, "excess_drawdown": None, "drawdown": None},
        *rest,
    )
    (found,) = found_in(published.lake)
    assert found.check.name == "drawdowns"
    assert {(row["workspace_id"], row["row"]) for row in found.rows} == {
        (A, "2020-01-01"),
        (A, "2020-01-02"),
        (A, "2020-01-03"),
    }


@pytest.mark.guards
def test_a_missing_day_is_found(published: Published) -> None:
    replace_rows(
        published.lake, "equity_curves", A, *rows_in_table(published.lake, "equity_curves", A)[1:]
    )
    found = broken(published.lake)["curves_present"]
    assert found.rows == ({"workspace_id": A, "curve_days": 20, "days": 19, "file": None},)


def test_a_missing_curve_is_found(published: Published) -> None:
    replace_rows(published.lake, "equity_curves", A)
    (found,) = found_in(published.lake)
    assert found.rows == ({"workspace_id": A, "curve_days": 20, "days": 0, "file": None},)


@pytest.mark.guards
def test_a_path_that_leaves_the_workspace_is_found(published: Published) -> None:
    outside = {"/mnt/f/x.csv", "C:\\x.csv", "f:/x.csv", "../x.csv", "a/../../x.csv", ".."}
    within = {"a..b/c", "..a", "a/b..", "mlruns/1/文件 '1'.csv", "a:b/c", "-"}
    row, *rest = rows_in_table(published.lake, "artifacts", A)
    moved = [{**row, "path": path} for path in outside | within]
    replace_rows(published.lake, "artifacts", A, *rest, *moved)
    (found,) = found_in(published.lake)
    assert found.check.name == "relative_paths"
    assert found.total == len(outside)
    assert {row["path"] for row in found.rows} < outside


@pytest.mark.guards
def test_a_result_without_a_finite_metric_is_found(published: Published) -> None:
    row = {**rows_in_table(published.lake, "loops", A)[0], "has_curve": False}
    told: dict[str, dict[str, float | None] | None] = {
        "no metrics": None,
        "empty": {},
        "null": {"IC": None},
        "nan": {"IC": math.nan},
        "infinite": {"IC": -math.inf, "ICIR": None},
        "fine": {"IC": 0.1, "ICIR": None, "Rank IC": math.nan},
    }
    for name, metrics in told.items():
        loop = {**row, "workspace_id": name, "metrics": metrics}
        replace_rows(published.lake, "loops", name, loop)
    (found,) = found_in(published.lake)
    assert found.check.name == "results_are_finite"
    assert {row["workspace_id"] for row in found.rows} == told.keys() - {"fine"}


@pytest.mark.guards
def test_a_drawdown_above_zero_is_found_in_loops_and_of_factors(published: Published) -> None:
    change(published.lake, "loops", max_drawdown_without_cost=1e-12)
    change(published.lake, "factor_perf", max_drawdown=math.nan)
    found = broken(published.lake)["drawdowns"]
    assert {(row["part"], row["workspace_id"]) for row in found.rows} == {
        ("loops", A),
        ("factor_perf", A),
    }


@pytest.mark.guards
@pytest.mark.parametrize("share", [-1e-12, 1 + 1e-12, math.nan, math.inf])
def test_a_coverage_outside_0_and_1_is_found(published: Published, share: float) -> None:
    factor = rows_in_table(published.lake, "factor_perf", A)[0]["factor_name"]
    change(published.lake, "factor_perf", coverage=share)
    (found,) = found_in(published.lake)
    assert found.check.name == "coverage"
    assert str(found.rows[0]["row"]).startswith(factor)
    for whole in (0.0, 1.0, None):
        change(published.lake, "factor_perf", coverage=whole)
        assert check(published.lake) == []


@pytest.mark.guards
def test_a_figure_that_the_curve_disproves_is_found(published: Published) -> None:
    stated = rows_in_table(published.lake, "loops", A)[0]["annual_return_with_cost"]
    change(published.lake, "loops", annual_return_with_cost=stated * (1 + 3e-6), nav_drawdown=-0.5)
    change_of_b = rows_in_table(published.lake, "loops", B)[0]
    rounded = change_of_b["annual_return_without_cost"] * (1 + 1e-7)
    row = {**change_of_b, "annual_return_without_cost": rounded}
    replace_rows(published.lake, "loops", B, row)
    (found,) = found_in(published.lake)
    assert found.check.name == "curves_agree"
    assert {(row["workspace_id"], row["figure"]) for row in found.rows} == {
        (A, "1day.excess_return_with_cost.annualized_return"),
        (A, "nav_drawdown"),
    }
    days = [row["excess"] for row in rows_in_table(published.lake, "equity_curves", A)]
    told = next(row for row in found.rows if row["figure"] != "nav_drawdown")
    assert told["proven"] == pytest.approx(sum(days) / len(days) * 238, rel=1e-12)


@pytest.mark.guards
def test_a_disagreement_that_the_ingest_told_of_is_published(published: Published) -> None:
    name = "1day.excess_return_with_cost.annualized_return"
    published.add(NEW, metrics={name: 0.5})
    assert rows_in_table(published.lake, "loops", NEW)[0]["annual_return_with_cost"] == 0.5
    assert check(published.lake) == []


@pytest.mark.guards
def test_a_curve_that_lies_in_the_folder_and_not_in_the_lake_is_found(published: Published) -> None:
    row = rows_in_table(published.lake, "loops", A)[0]
    replace_rows(published.lake, "loops", A, {**row, "has_curve": False})
    found = broken(published.lake)["curves_present"]
    assert [(row["workspace_id"], row["file"]) for row in found.rows] == [(A, "ret.parquet")]


@pytest.mark.guards
def test_what_is_referred_to_and_missing_is_found(published: Published) -> None:
    gone = {"strategy_id": "s" * 36, "model_id": "m" * 36, "result_workspace_id": "w" * 32}
    change(published.lake, "loops", **gone)
    first = rows_in_table(published.lake, "factor_perf", B)[0]
    series = {**first, "factor_name": "NO_FACTOR", "series_id": "x" * 64, "ic_days": 3}
    replace_rows(published.lake, "factor_perf", B, series)
    picture = {"workspace_id": A, "path": "ret_curve.png", "sha256": "0" * 64}
    replace_rows(published.lake, "charts", A, picture)
    both = ("references", "own_parts")
    with contextlib.closing(duckdb_of(published.lake, *both)) as connection:
        found = {
            tuple(row)
            for each in current_checks()
            if each.name in both
            for row in connection.execute(each.sql).fetchall()
        }
    assert found == {
        ("loops.strategy_id", A, "s" * 36),
        ("loops.model_id", A, "m" * 36),
        ("loops.result_workspace_id", A, "w" * 32),
        ("factor_perf.factor_name", B, "NO_FACTOR"),
        ("factor_perf.series_id", B, "x" * 64),
        ("charts.sha256", A, "0" * 64),
    }


@pytest.mark.guards
def test_a_recorded_configuration_without_strategy_is_found(published: Published) -> None:
    rows = rows_in_table(published.lake, "artifacts", A)
    recorded = [
        {**rows[0], "path": f"mlruns/1/2/artifacts/{name}"} for name in ("task", "params.pkl")
    ]
    replace_rows(published.lake, "artifacts", A, *rows, *recorded)
    (found,) = found_in(published.lake)
    assert {(row["part"], row["workspace_id"]) for row in found.rows} == {
        ("a strategy of its own", A),
        ("a model of its own", A),
    }


@pytest.mark.guards
def test_what_was_ingested_and_is_not_there_is_found(published: Published) -> None:
    replace_rows(published.lake, "workspaces", "sub")
    (found,) = found_in(published.lake)
    assert found.check.name == "counts"
    sub = {"source": "folders", "name": "sub", "in_ingests": True, "in_the_lake": False}
    assert found.rows == (sub,)


@pytest.mark.guards
def test_a_folder_and_a_run_that_nobody_ingested_are_found(published: Published) -> None:
    row = rows_in_table(published.lake, "workspaces", "sub")[0]
    replace_rows(published.lake, "workspaces", "other", {**row, "workspace_id": "other"})
    run = pl.DataFrame({"task_run_id": ["run"], "log_path": ["run"]})
    published.lake.commit({"task_runs": run}, {"task_run_id": ["run"]})
    found = broken(published.lake)
    rows = [row for name in ("counts", "counts_of_runs") for row in found[name].rows]
    assert [(row["source"], row["name"], row["in_ingests"]) for row in rows] == [
        ("folders", "other", False),
        ("runs", "run", False),
    ]


@pytest.mark.guards
@pytest.mark.parametrize(
    ("name", "key", "values"),
    [
        ("models", "model_id", {"log_dir": "/mnt/f/log"}),
        ("models", "model_id", {"model_files": ["a.pkl", "C:\\b.pkl"]}),
        ("strategies", "strategy_id", {"template_files": ["../conf.yaml"]}),
        ("task_runs", "task_run_id", {"log_path": "F:/log"}),
        ("charts", "workspace_id", {"path": "/tmp/a.png"}),
        ("workspaces", "workspace_id", {"root_name": "/mnt/f/RD-Agent_workspace"}),
    ],
)
def test_a_path_of_a_machine_is_found_wherever_it_stands(
    published: Published, name: str, key: str, values: dict[str, Any]
) -> None:
    owner = table(name).owner
    assert owner is not None
    row = {key: "x", owner: "x", **values}
    with batches_of(name):
        published.lake.commit({name: pl.DataFrame([row])}, {owner: ["x"]})
    shared = name in ("strategies", "task_runs")
    found = broken(published.lake)["relative_names" if shared else "relative_paths"]
    assert [(each["part"], each["row"]) for each in found.rows] == [(name, "x")]


@pytest.mark.guards
def test_a_doubled_day_is_found_though_the_number_of_days_is_right(published: Published) -> None:
    """One day is there twice and another one not at all."""
    first, second, *rest = rows_in_table(published.lake, "equity_curves", A)
    replace_rows(
        published.lake, "equity_curves", A, first, {**second, "date": first["date"]}, *rest
    )
    found = broken(published.lake)["unique_keys"]
    assert [(row["view"], row["key"]) for row in found.rows] == [
        ("equity_curve", f"{A} {first['date']}")
    ]


@pytest.mark.guards
def test_a_doubled_row_of_a_table_without_a_view_is_found(published: Published) -> None:
    for name in ("factor_perf", "feedback", "factors"):
        rows = rows_in_table(published.lake, name, A) or [{"workspace_id": A}]
        replace_rows(published.lake, name, A, *rows, rows[0])
    keyless = {"series_id": "s", "date": date(1969, 12, 31)}
    with batches_of("factor_ic"):
        published.lake.commit({"factor_ic": pl.DataFrame([keyless] * 2)}, {"series_id": ["s"]})
    unique = [each for each in current_checks() if each.name in ("unique_keys", "unique_series")]
    with unpublished(published.lake) as connection:
        found = {row[0] for each in unique for row in connection.execute(each.sql).fetchall()}
    assert found >= {"factor_perf", "feedback", "factors", "factor_ic"}


@pytest.mark.guards
def test_two_runs_of_one_workspace_are_found(published: Published) -> None:
    row = rows_in_table(published.lake, "loops", A)[0]
    replace_rows(published.lake, "loops", A, row, {**row, "task_run_id": "run", "loop_id": 3})
    found = broken(published.lake)["one_loop"]
    assert found.rows[0] == {"view": "loop_catalog", "key": A, "rows": 2}


def test_a_doubled_row_is_found_in_every_view(published: Published) -> None:
    doubled = {"loops": A, "equity_curves": B, "artifacts": C, "workspaces": "sub"}
    for name, owner in doubled.items():
        row, *rest = rows_in_table(published.lake, name, owner)
        replace_rows(published.lake, name, owner, row, row, *rest)
    (unique,) = [each for each in current_checks() if each.name == "unique_keys"]
    publish(published.lake, allow=["unique_keys", "curves_present", "curves_agree"])
    with contextlib.closing(rdlake.connect(published.lake.root)) as connection:
        found = {row[0:2] for row in connection.execute(unique.sql).fetchall()}
    assert ("loop_catalog", f"synthetic_{A} 0 {A}") in found
    assert ("equity_curve", f"{B} 2020-01-01") in found
    assert ("artifact_list", "sub factor.py") in found
    assert {view for view, key in found if C in key} == {"artifact_list"}
    assert {("loops", f"synthetic_{A} 0 {A}"), ("workspaces", "sub")} <= found


@pytest.mark.guards
def test_an_experiment_that_is_twice_in_a_group_is_found(published: Published) -> None:
    rows = {each: rows_in_table(published.lake, "loops", each)[0] for each in (A, B)}
    for each, row in rows.items():
        replace_rows(published.lake, "loops", each, {**row, "task_run_id": "run"})
    publish(published.lake)
    row = {**rows[A], "task_run_id": "run"}
    replace_rows(published.lake, "loops", A, row, row)
    with pytest.raises(CheckFailed, match=rf"unique_groups.*run/run {A}"):
        publish(published.lake)
    assert broken(published.lake)["unique_groups"].rows == (
        {"view": "group_members", "key": f"run/run {A}", "rows": 4},
    )


@pytest.mark.guards
def test_keys_with_spaces_are_not_taken_for_each_other(published: Published) -> None:
    row = {**rows_in_table(published.lake, "loops", A)[0], "has_curve": False}
    one = {**row, "task_run_id": "run", "loop_id": 2, "workspace_id": "1 x"}
    other = {**row, "task_run_id": "run 2", "loop_id": 1, "workspace_id": "x"}
    for each in (one, other):
        replace_rows(published.lake, "loops", each["workspace_id"], each)
    assert check(published.lake) == []


def test_every_view_about_data_has_its_key_checked() -> None:
    unique = "".join(each.sql for each in current_checks() if each.name.startswith("unique_"))
    for view, key in current_contract().keys.items():
        if view not in ABOUT_ITSELF | {"group_comparison"}:  # a row for each of group_members
            grouped = (
                rf"FROM {view}(\sWHERE [^;]*?)?\sGROUP BY {', '.join(map(identifier, key))} HAVING"
            )
            assert re.search(grouped, unique), view


def test_every_table_of_workspaces_is_held_to_be_whole() -> None:
    (whole,) = [each for each in current_checks() if each.name == "whole_batches"]
    for entry in TABLES:
        if entry.owner == "workspace_id" and "source_digest" in entry.column_names:
            assert f"rdlake_tables.{entry.name}" in whole.sql


@pytest.mark.guards
def test_rows_read_from_other_files_than_the_loop_are_found(published: Published) -> None:
    anew = {("artifacts", A), ("factors", A), ("equity_curves", B), ("workspaces", C)}
    for part, workspace_id in anew:
        read_anew(published.lake, part, workspace_id)
    (found,) = found_in(published.lake)
    assert found.check.name == "whole_batches"
    assert {(row["part"], row["workspace_id"]) for row in found.rows} == anew


@pytest.mark.guards
def test_a_folder_without_loop_is_held_to_the_same(published: Published) -> None:
    read_anew(published.lake, "artifacts", "sub")
    (found,) = found_in(published.lake)
    assert found.check.name == "whole_batches"


def test_rows_of_a_folder_not_yet_committed_are_no_fault(published: Published) -> None:
    row = rows_in_table(published.lake, "artifacts", A)[0]
    replace_rows(published.lake, "artifacts", "new", {**row, "workspace_id": "new"})
    assert check(published.lake) == []


@pytest.mark.guards
def test_an_experiment_whose_loop_is_not_there_yet_is_found(published: Published) -> None:
    replace_rows(published.lake, "loops", A)
    found = broken(published.lake)["whole_batches"]
    assert {(row["workspace_id"], row["expected"]) for row in found.rows} == {(A, None)}


@pytest.mark.guards
def test_a_message_names_the_promise_and_some_of_the_rows(published: Published) -> None:
    days = [{**row, "drawdown": 0.5} for row in rows_in_table(published.lake, "equity_curves", A)]
    replace_rows(published.lake, "equity_curves", A, *days)
    found = broken(published.lake)["drawdowns"]
    assert (len(found.rows), found.total) == (ROWS_NAMED, 20)
    assert "A drawdown is never above zero. 20 rows break it" in str(found)
    assert A in str(found)


@pytest.mark.guards
def test_checking_writes_nothing(published: Published) -> None:
    before = sorted(published.lake.root.rglob("*"))
    change(published.lake, "equity_curves", drawdown=0.5)
    written = sorted(published.lake.root.rglob("*"))
    assert check(published.lake)
    assert sorted(published.lake.root.rglob("*")) == written != before


@pytest.mark.guards
def test_what_was_allowed_to_fail_or_never_checked_is_asked_of_everything(
    published: Published,
) -> None:
    change(published.lake, "equity_curves", drawdown=0.5)
    publish(published.lake, allow=["drawdowns"])
    published.add(NEW)
    published.ingest()
    assert [each.check.name for each in found_in(published.lake)] == ["drawdowns"]
    rollback(published.lake, 2)
    with pytest.raises(CheckFailed, match="drawdowns"):
        release(published.lake)


def test_a_check_that_is_asked_of_what_moved_is_told_apart_by_one_column() -> None:
    """Each table that it reads has the column, so that nothing of another value matters."""
    for each in current_checks():
        if each.by:
            for name in re.findall(r"rdlake_tables\.(\w+)", each.sql):
                assert each.by in table(name).column_names, (each.name, name)


@pytest.mark.guards
def test_only_what_a_check_says_it_reads_decides_it(published: Published, tmp_path: Path) -> None:
    """Without every other table it can be asked as before."""
    file = published.lake.catalogs_folder / newest(published.lake).file_name
    for each in current_checks():
        read = tables_read_by(each)
        assert read
        shutil.copyfile(file, tmp_path / "catalog.duckdb")
        with duckdb.connect(tmp_path / "catalog.duckdb") as connection:
            for entry in TABLES:
                if entry.pinned and entry.name not in read:
                    connection.execute(f"DROP VIEW rdlake_tables.{entry.name}")
            connection.execute(each.sql)


def assert_only_readers_run(lake: Lake, name: str) -> None:
    """Of the checks only those run again that read the table which changed."""
    last = newest(lake)
    proof = EarlierProof(last, ChangedValues(lake, pin_tables(lake, last), last))
    for each in current_checks():
        held = proof.values_to_check(each) == set()
        assert held == (name not in tables_read_by(each)), each.name


def test_a_check_is_not_asked_again_when_nothing_moved_that_it_reads(published: Published) -> None:
    published.lake.commit(
        {"archives": pl.DataFrame({"archive_id": ["1"], "workspace_id": [A]})}, {}
    )
    assert_only_readers_run(published.lake, "archives")
    change(published.lake, "loops", status="failed")
    assert_only_readers_run(published.lake, "loops")
