"""Every check finds the rows that break its promise, and nothing in a lake that keeps it."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import rdlake
from rdlake.catalog.contract import checks, keys, script
from rdlake.catalog.publish import ROWS_NAMED, Broken, check, publish
from rdlake.lake import Lake
from rdlake.tables import TABLES
from tests.catalog.published import IDS, Published, replace_rows, rows_in_table
from tests.catalog.views import ABOUT_ITSELF

A, B, C = IDS


def broken(lake: Lake) -> dict[str, Broken]:
    return {each.check.name: each for each in check(lake)}


def change(lake: Lake, name: str, **values: Any) -> None:
    """Another value in the first row that workspace A has in a table."""
    row, *rest = rows_in_table(lake, name, A)
    replace_rows(lake, name, A, {**row, **values}, *rest)


def read_anew(lake: Lake, name: str, workspace_id: str) -> None:
    """The workspace's rows as an ingest of other files would write them."""
    rows = [{**row, "source_digest": "other"} for row in rows_in_table(lake, name, workspace_id)]
    replace_rows(lake, name, workspace_id, *rows)


def test_a_whole_lake_breaks_nothing(template: Published) -> None:
    assert check(template.lake) == []


def test_every_check_has_a_test_here() -> None:
    assert {each.name for each in checks()} == {
        "curves_present",
        "drawdowns",
        "relative_paths",
        "results_are_finite",
        "unique_keys",
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
    (found,) = check(published.lake)
    assert found.check.name == "drawdowns"
    assert {(row["workspace_id"], row["date"]) for row in found.rows} == {
        (A, "2020-01-01"),
        (A, "2020-01-02"),
        (A, "2020-01-03"),
    }


def test_a_missing_day_is_found(published: Published) -> None:
    replace_rows(
        published.lake, "equity_curves", A, *rows_in_table(published.lake, "equity_curves", A)[1:]
    )
    (found,) = check(published.lake)
    assert found.check.name == "curves_present"
    assert found.rows == ({"workspace_id": A, "curve_days": 20, "days": 19},)


def test_a_missing_curve_is_found(published: Published) -> None:
    replace_rows(published.lake, "equity_curves", A)
    (found,) = check(published.lake)
    assert found.rows == ({"workspace_id": A, "curve_days": 20, "days": 0},)


def test_a_path_that_leaves_the_workspace_is_found(published: Published) -> None:
    outside = {"/mnt/f/x.csv", "C:\\x.csv", "f:/x.csv", "../x.csv", "a/../../x.csv", ".."}
    within = {"a..b/c", "..a", "a/b..", "mlruns/1/文件 '1'.csv", "a:b/c", "-"}
    row, *rest = rows_in_table(published.lake, "artifacts", A)
    moved = [{**row, "path": path} for path in outside | within]
    replace_rows(published.lake, "artifacts", A, *rest, *moved)
    (found,) = check(published.lake)
    assert found.check.name == "relative_paths"
    assert found.total == len(outside)
    assert {row["path"] for row in found.rows} < outside


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
    (found,) = check(published.lake)
    assert found.check.name == "results_are_finite"
    assert {row["workspace_id"] for row in found.rows} == told.keys() - {"fine"}


def test_two_runs_of_one_workspace_are_found(published: Published) -> None:
    row = rows_in_table(published.lake, "loops", A)[0]
    replace_rows(published.lake, "loops", A, row, {**row, "task_run_id": "run", "loop_id": 3})
    found = broken(published.lake)["unique_keys"]
    assert {row["view"] for row in found.rows} == {"loop_catalog"}
    assert found.total == 1
    assert found.rows[0]["rows"] == 2


def test_a_doubled_row_is_found_in_every_view(published: Published) -> None:
    doubled = {"loops": A, "equity_curves": B, "artifacts": C, "workspaces": "sub"}
    for name, owner in doubled.items():
        row, *rest = rows_in_table(published.lake, name, owner)
        replace_rows(published.lake, name, owner, row, row, *rest)
    (unique,) = [each for each in checks() if each.name == "unique_keys"]
    publish(published.lake, allow=["unique_keys", "curves_present"])
    with contextlib.closing(rdlake.connect(published.lake.root)) as connection:
        found = {row[0:2] for row in connection.execute(unique.sql).fetchall()}
    assert ("loop_catalog", f"synthetic_{A} 0 {A}") in found
    assert ("equity_curve", f"{B} 2020-01-01") in found
    assert ("artifact_list", "sub factor.py") in found
    assert {view for view, key in found if C in key} == {"artifact_list"}


def test_keys_with_spaces_are_not_taken_for_each_other(published: Published) -> None:
    row = {**rows_in_table(published.lake, "loops", A)[0], "has_curve": False}
    one = {**row, "task_run_id": "run", "loop_id": 2, "workspace_id": "1 x"}
    other = {**row, "task_run_id": "run 2", "loop_id": 1, "workspace_id": "x"}
    for each in (one, other):
        replace_rows(published.lake, "loops", each["workspace_id"], each)
    assert check(published.lake) == []


def test_every_view_about_data_has_its_key_checked() -> None:
    (unique,) = [each for each in checks() if each.name == "unique_keys"]
    for view, key in keys(script()).items():
        if view not in ABOUT_ITSELF:
            assert f"FROM {view} GROUP BY {', '.join(key)} HAVING" in unique.sql


def test_every_table_of_workspaces_is_held_to_be_whole() -> None:
    (whole,) = [each for each in checks() if each.name == "whole_batches"]
    for entry in TABLES:
        if entry.owner == "workspace_id" and "source_digest" in entry.column_names:
            assert f"rdlake_tables.{entry.name}" in whole.sql


def test_rows_read_from_other_files_than_the_loop_are_found(published: Published) -> None:
    anew = {("artifacts", A), ("factors", A), ("equity_curves", B), ("workspaces", C)}
    for part, workspace_id in anew:
        read_anew(published.lake, part, workspace_id)
    (found,) = check(published.lake)
    assert found.check.name == "whole_batches"
    assert {(row["part"], row["workspace_id"]) for row in found.rows} == anew


def test_a_folder_without_loop_is_held_to_the_same(published: Published) -> None:
    read_anew(published.lake, "artifacts", "sub")
    (found,) = check(published.lake)
    assert found.check.name == "whole_batches"


def test_rows_of_a_folder_not_yet_committed_are_no_fault(published: Published) -> None:
    row = rows_in_table(published.lake, "artifacts", A)[0]
    replace_rows(published.lake, "artifacts", "new", {**row, "workspace_id": "new"})
    assert check(published.lake) == []


def test_an_experiment_whose_loop_is_not_there_yet_is_found(published: Published) -> None:
    replace_rows(published.lake, "loops", A)
    found = broken(published.lake)["whole_batches"]
    assert {(row["workspace_id"], row["expected"]) for row in found.rows} == {(A, None)}


def test_a_message_names_the_promise_and_some_of_the_rows(published: Published) -> None:
    days = [{**row, "drawdown": 0.5} for row in rows_in_table(published.lake, "equity_curves", A)]
    replace_rows(published.lake, "equity_curves", A, *days)
    (found,) = check(published.lake)
    assert (len(found.rows), found.total) == (ROWS_NAMED, 20)
    assert "A drawdown is never above zero. 20 rows break it" in str(found)
    assert A in str(found)


def test_checking_writes_nothing(published: Published) -> None:
    before = sorted(published.lake.root.rglob("*"))
    change(published.lake, "equity_curves", drawdown=0.5)
    written = sorted(published.lake.root.rglob("*"))
    assert check(published.lake)
    assert sorted(published.lake.root.rglob("*")) == written != before
