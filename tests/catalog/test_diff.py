"""The rows that differ between two versions: all of them, no others, with their fields."""

from __future__ import annotations

import time
from datetime import date, timedelta
from math import nan
from typing import Any

import polars as pl
import pytest

from rdlake.catalog.contract import contract_of, current_contract
from rdlake.catalog.diff import Change, ViewDiff, diff
from rdlake.catalog.publish import publish, rollback
from rdlake.errors import UnknownVersion
from rdlake.schema.frames import polars_schema
from rdlake.schema.tables import table
from rdlake.store.lake import Lake
from tests.builders import write_metrics
from tests.catalog.published import IDS, NEW, Published, with_view

A, B, C = IDS
OF_METRICS = {
    *("aistock_experiments", "artifact_list", "ingest_report", "loop_catalog", "loop_result"),
}
OF_A_LOOP = {*OF_METRICS, "aistock_strategies", "strategy_detail"}
OF_FACTORS = {
    *("aistock_factor_performance", "factor_catalog", "factor_detail", "factor_windows"),
}
FIGURES_OF_THE_NEW = (
    *("experiments", "latest_experiments", "best_performance", "latest_performance"),
    "combination_perf_summary",
)


def by_view(lake: Lake, before: int, after: int) -> dict[str, ViewDiff]:
    return {view.view: view for view in diff(lake, before, after)}


def keys_of(view: ViewDiff, kind: str, *columns: str) -> list[tuple[Any, ...]]:
    """The keys of the rows of that kind, sorted."""
    return sorted(
        tuple(change.key[column] for column in columns)
        for change in view.changes
        if change.kind == kind
    )


def reported(view: ViewDiff) -> list[str]:
    """The workspaces that ingest_report has a new word on; older words are no longer the last."""
    assert view.count("removed") == 0
    assert {change.fields for change in view.changes} <= {(), ("latest",)}
    return [workspace_id for (workspace_id,) in keys_of(view, "added", "workspace_id")]


def test_a_version_does_not_differ_from_itself(template_of_two: Published) -> None:
    assert diff(template_of_two.lake, 2, 2) == []


@pytest.mark.slow
def test_versions_of_the_same_rows_do_not_differ(published: Published) -> None:
    published.lake.compact("loops")
    publish(published.lake, repin=True)
    rollback(published.lake, 1)
    assert diff(published.lake, 1, 2) == diff(published.lake, 1, 3) == []


@pytest.mark.slow
def test_an_added_workspace_is_all_that_is_added(template_of_two: Published) -> None:
    found = by_view(template_of_two.lake, 1, 2)
    assert set(found) == {
        *OF_A_LOOP,
        *OF_FACTORS,
        "aistock_factor_combinations",
        "equity_curve",
        "group_places",
    }
    assert keys_of(found["loop_catalog"], "added", "task_run_id", "loop_id", "workspace_id") == [
        (f"synthetic_{NEW}", 0, NEW)
    ]
    assert found["equity_curve"].count("added") == 20
    assert {change.key["workspace_id"] for change in found["equity_curve"].changes} == {NEW}
    assert len(keys_of(found["artifact_list"], "added", "path")) == 5
    assert reported(found["ingest_report"]) == [NEW]
    assert [(change.kind, change.fields) for change in found["factor_catalog"].changes] == [
        ("changed", FIGURES_OF_THE_NEW),
        ("changed", FIGURES_OF_THE_NEW),
    ]


@pytest.mark.slow
def test_the_other_way_round_it_is_removed(template_of_two: Published) -> None:
    there, back = by_view(template_of_two.lake, 1, 2), by_view(template_of_two.lake, 2, 1)
    swapped = {"added": "removed", "removed": "added", "changed": "changed"}
    assert there.keys() == back.keys()
    for view, found in there.items():
        expected = {(swapped[each.kind], str(each.key), each.fields) for each in found.changes}
        assert {(each.kind, str(each.key), each.fields) for each in back[view].changes} == expected


@pytest.mark.slow
def test_a_removed_file_takes_its_curve_away(published: Published) -> None:
    (published.workspaces / A / "ret.parquet").unlink()
    published.ingest()
    published.publish()
    found = by_view(published.lake, 1, 2)
    curve = found["equity_curve"]
    assert (curve.count("removed"), len(curve.changes)) == (20, 20)
    assert keys_of(curve, "removed", "workspace_id", "date")[0] == (A, date(2020, 1, 1))
    assert keys_of(found["artifact_list"], "removed", "workspace_id", "path") == [
        (A, "ret.parquet")
    ]
    (loop,) = found["loop_catalog"].changes
    assert loop.kind == "changed"
    assert set(loop.fields) == {
        "has_curve", "sharpe", "win_rate", "final_nav", "nav_drawdown", "mean_turnover",
        "curve_start", "curve_end", "curve_days", "provenance", "metrics",
    }  # fmt: skip
    assert reported(found["ingest_report"]) == [A]
    assert set(found) == {*OF_A_LOOP, *OF_FACTORS, "equity_curve"}


def test_a_changed_metric_is_named(published: Published) -> None:
    figures = {"IC": 0.9, "Rank IC": 0.03}
    write_metrics(published.workspaces / B, figures)
    published.ingest()
    published.publish()
    write_metrics(published.workspaces / B, {**figures, "IC": 0.8})
    published.ingest()
    published.publish()
    found = by_view(published.lake, 2, 3)
    assert found["loop_catalog"].changes == (
        Change(
            "changed",
            {"task_run_id": f"synthetic_{B}", "loop_id": 0, "workspace_id": B},
            ("metrics", "ic"),
        ),
    )
    assert [(change.key["path"], change.fields) for change in found["artifact_list"].changes] == [
        ("qlib_res.csv", ("sha256",))
    ]
    assert set(found) == OF_METRICS


COMPARED: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    "nan is nan": ({"ic": nan}, {"ic": nan}, ()),
    "nan is not null": ({"ic": nan}, {"ic": None}, ("ic",)),
    "null is not zero": ({"ic": None}, {"ic": 0.0}, ("ic",)),
    "zero has no sign": ({"ic": 0.0}, {"ic": -0.0}, ()),
    "a map has no order": (
        {"metrics": {"a": nan, "b": 1.0, "c": None}},
        {"metrics": {"c": None, "b": 1.0, "a": nan}},
        (),
    ),
    "nan in a map": ({"metrics": {"a": nan}}, {"metrics": {"a": None}}, ("metrics",)),
    "null in a map": ({"metrics": {"a": 1.0, "b": None}}, {"metrics": {"a": 1.0}}, ("metrics",)),
    "an empty map": ({"metrics": {}}, {"metrics": None}, ("metrics",)),
    "equal lists": ({"factor_names": ["x", None]}, {"factor_names": ["x", None]}, ()),
    "a list has an order": (
        {"factor_names": ["x", None]},
        {"factor_names": [None, "x"]},
        ("factor_names",),
    ),
    "an empty list": ({"factor_names": []}, {"factor_names": None}, ("factor_names",)),
}
"""What a loop's row holds before and after, and which fields differ."""


@pytest.mark.slow
def test_values_are_compared_by_what_they_hold(lake: Lake) -> None:
    for state in (0, 1):
        rows = [
            {"task_run_id": "run", "workspace_id": name, "has_result": True, **case[:2][state]}
            for name, case in COMPARED.items()
        ]
        frame = pl.DataFrame(rows, schema=polars_schema(table("loops")))
        lake.commit({"loops": frame.with_columns(loop_id=1)}, {"workspace_id": [*COMPARED]})
        publish(lake, allow=["results_are_finite"])
    found = by_view(lake, 1, 2)["loop_catalog"]
    changes = {change.key["workspace_id"]: change.fields for change in found.changes}
    assert changes == {name: fields for name, (_, _, fields) in COMPARED.items() if fields}


@pytest.mark.slow
def test_a_new_column_and_a_new_view_are_told(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = current_contract().text.replace(
        "loops.mean_turnover::DOUBLE AS mean_turnover,",
        "loops.mean_turnover::DOUBLE AS renamed, 1::BIGINT AS one,",
    )
    newer = newer.replace("COMMENT ON COLUMN loop_catalog.mean_turnover", "-- ")
    newer = with_view(newer, "added", "one", "SELECT 1::BIGINT AS one")
    monkeypatch.setattr("rdlake.catalog.publish.current_contract", lambda: contract_of(newer))
    published.publish()
    assert diff(published.lake, 1, 2) == [
        ViewDiff(
            view="added", presence="only after", columns_added=(), columns_removed=(), changes=()
        ),
        ViewDiff(
            view="loop_catalog",
            presence="both",
            columns_added=("renamed", "one"),
            columns_removed=("mean_turnover",),
            changes=(),
        ),
    ]
    assert diff(published.lake, 2, 1) == [
        ViewDiff(
            view="added", presence="only before", columns_added=(), columns_removed=(), changes=()
        ),
        ViewDiff(
            view="loop_catalog",
            presence="both",
            columns_added=("mean_turnover",),
            columns_removed=("renamed", "one"),
            changes=(),
        ),
    ]


@pytest.mark.slow
def test_a_view_with_another_key_is_compared_by_the_key_both_have(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, rows = '"workspace_id", "path"]', "SELECT\n    files.workspace_id::VARCHAR"
    newer = (
        current_contract()
        .text.replace(key, key.replace("]", ', "part"]'))
        .replace(rows, rows.replace("SELECT", "SELECT 1::BIGINT AS part,"))
    )
    monkeypatch.setattr("rdlake.catalog.publish.current_contract", lambda: contract_of(newer))
    published.publish()
    assert diff(published.lake, 1, 2) == [
        ViewDiff(
            view="artifact_list",
            presence="both",
            columns_added=("part",),
            columns_removed=(),
            changes=(),
        )
    ]


def test_an_unknown_version_is_named(template: Published) -> None:
    for before, after in ((1, 2), (0, 1)):
        with pytest.raises(UnknownVersion):
            diff(template.lake, before, after)


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_compared_in_a_moment(lake: Lake) -> None:
    for factor in (1.0, 2.0):
        put_curves(lake, curves=400, days=250, factor=factor)
        publish(lake)
    started = time.process_time()
    views = by_view(lake, 1, 2)
    found, page = views.pop("equity_curve"), views.pop("strategy_detail")
    assert not views
    assert time.process_time() - started < 5
    assert [change.fields for change in page.changes] == [("equity_curve",)]
    assert (found.view, len(found.changes)) == ("equity_curve", 250)
    assert {change.fields for change in found.changes} == {("nav",)}


def put_curves(lake: Lake, curves: int, days: int, factor: float) -> None:
    """Many curves; `factor` changes the first one alone."""
    owners = [f"{each:032x}" for each in range(curves)]
    start = date(2020, 1, 1)
    numbers = pl.DataFrame({"nav": [1 + day / 1000 for day in range(days)]})
    curve = numbers.with_columns(date=pl.Series([start + timedelta(day) for day in range(days)]))
    frame = pl.concat(
        [
            curve.with_columns(
                pl.lit(owner).alias("workspace_id"),
                pl.col("nav") * (factor if owner == owners[0] else 1.0),
            )
            for owner in owners
        ]
    )
    schema = polars_schema(table("loops"))
    names = ("task_run_id", "loop_id", "workspace_id", "has_result", "metrics")
    loops = [
        {
            "task_run_id": "run",
            "loop_id": number,
            "workspace_id": owner,
            "has_result": True,
            "metrics": {"IC": 0.1},
        }
        for number, owner in enumerate(owners)
    ]
    lake.commit(
        {
            "equity_curves": frame,
            "loops": pl.DataFrame(loops, schema={name: schema[name] for name in names}),
        },
        {"workspace_id": owners},
    )
