"""Experiments of which something is missing or oddly named are rows with nulls, in every view."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import duckdb
import polars as pl
import pytest

import rdlake
from rdlake.catalog.publish import publish
from rdlake.schema.frames import polars_schema
from rdlake.schema.tables import table
from rdlake.store.opening import init_store
from tests.catalog.test_views import asked, factor, frame, loop

ODD = 'it\'s "quoted"\n动量 🎲; DROP TABLE x --'
MANY = [f"factor_{number}" for number in range(1000)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Loop 1 has 1,000 factors; 2 an odd one with figures; 3 names a strategy that no row tells of
    and 4 one without a configuration; none has a curve, 5 has no result."""
    lake = init_store(tmp_path_factory.mktemp("awkward") / "lake")
    loops = [
        loop("1", factor_names=MANY),
        loop("2", factor_names=[ODD]),
        loop("3", strategy_id="nowhere"),
        loop("4", strategy_id="bare", status="success"),
        loop("5", has_result=False, metrics=None, status="failed"),
    ]
    combined = [
        {"workspace_id": "1", "name": "main", "window": "test", "factor_names": MANY},
        {"workspace_id": "2", "name": "main", "window": "test", "factor_names": [ODD]},
    ]
    perf = {"workspace_id": "2", "factor_name": ODD, "window": "test", "rank_ic_mean": 0.5}
    factors = [factor("1", name, position=place) for place, name in enumerate(MANY)]
    schema = polars_schema(table("strategies"))
    lake.commit(
        {
            "factors": frame("factors", *factors, factor("2", ODD, interface_info="{torn")),
            "factor_combinations": frame("factor_combinations", *combined),
            "factor_perf": frame("factor_perf", perf),
            "strategies": pl.DataFrame(
                [{"strategy_id": "bare", "belongs_to": "bare"}], schema=schema
            ),
            "loops": frame("loops", *loops),
        },
        {"workspace_id": list("12345"), "belongs_to": ["bare"]},
    )
    publish(lake, allow=["references"])
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        yield connection


def test_a_thousand_factors_of_one_loop_are_a_thousand_rows(
    reader: duckdb.DuckDBPyConnection,
) -> None:
    for view in ("factor_catalog", "factor_detail", "factor_registry", "aistock_factors"):
        assert asked(reader, f"SELECT count(*) AS rows FROM {view}") == [{"rows": 1001}]
    (row,) = asked(
        reader, "FROM aistock_factor_combinations WHERE len(factor_ids) = 1000 AND name = 'main'"
    )
    ids = {found["name"]: found["id"] for found in asked(reader, "FROM aistock_factors")}
    assert row["factor_ids"] == [ids[name] for name in MANY]


def test_an_odd_name_is_kept_as_it_is(reader: duckdb.DuckDBPyConnection) -> None:
    (row,) = reader.execute("FROM factor_detail WHERE factor_name = ?", [ODD]).fetchall()
    assert row[0] == ODD
    (page,) = asked(reader, "FROM factor_detail WHERE rank_ic_mean = 0.5")
    assert page["performance_basis"] == "test, fewer than 250 days"
    assert page["combination_names"] == ["main"]
    (told,) = asked(reader, "FROM aistock_factor_performance")
    assert told["factor_id"] in [each["id"] for each in asked(reader, "FROM aistock_factors")]


def test_what_is_torn_is_null(reader: duckdb.DuckDBPyConnection) -> None:
    rows = asked(reader, "SELECT DISTINCT interface_info FROM factor_catalog")
    assert rows == [{"interface_info": None}]


def test_a_factor_without_values_has_no_figures(reader: duckdb.DuckDBPyConnection) -> None:
    (row,) = asked(reader, "FROM factor_catalog WHERE name = 'factor_7'")
    empty = ("best_performance", "latest_performance", "performance_basis", "windows")
    assert [row[name] for name in empty] == [None] * len(empty)
    assert row["combination_perf_summary"]["combinations"] == 1


def test_a_strategy_without_configuration_is_a_row(reader: duckdb.DuckDBPyConnection) -> None:
    rows = {row["strategy_id"]: row for row in asked(reader, "FROM strategy_catalog")}
    assert set(rows) == {"nowhere", "bare"}
    assert rows["bare"]["workspace_example"]["workspace_id"] == "4"
    assert rows["nowhere"]["workspace_example"] is None
    for row in rows.values():
        assert (row["portfolio_config"], row["topk"], row["market"]) == (None, None, None)
        assert row["experiments"] == 1


def test_a_loop_without_a_curve_has_a_page(reader: duckdb.DuckDBPyConnection) -> None:
    rows = asked(reader, "FROM strategy_detail ORDER BY workspace_id")
    assert [row["workspace_id"] for row in rows] == list("1234")
    empty = ("equity_curve", "equity_curve_chart_url", "shape", "name", "hypothesis", "decision")
    for row in rows:
        assert [row[name] for name in empty] == [None] * len(empty)
    statuses = asked(
        reader, "SELECT DISTINCT recommendation_status AS word FROM aistock_strategies"
    )
    assert statuses == [{"word": "manual_review"}]


def test_an_experiment_without_a_result_is_in_the_archive_only(
    reader: duckdb.DuckDBPyConnection,
) -> None:
    (row,) = asked(reader, "FROM aistock_experiments WHERE workspace_id = '5'")
    assert (row["archiving_level"], row["metrics_json"], row["feedback_json"]) == (0, None, None)
    assert asked(reader, "FROM loop_catalog WHERE workspace_id = '5'") == []
