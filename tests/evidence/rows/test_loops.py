"""A loop's row: headline figures by their names, what the curve disproves, what is a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.evidence import evidence_of_folder
from rdlake.evidence.rows import rows_of_evidence, rows_of_folders
from rdlake.evidence.rows.curves import curve_days, curve_figures
from rdlake.evidence.rows.loops import factor_rows, find_disagreements, loop_rows
from rdlake.factors.formulas import expression_fingerprint
from rdlake.schema.frames import cast
from rdlake.schema.tables import TABLES, table
from rdlake.store.lake import Lake
from tests.builders import make_workspace
from tests.evidence.rows.values import START, days_of, factors_of, make_experiment, make_value
from tests.ingesting import ingest

MEAN = "1day.excess_return_with_cost.mean"
HEADLINES = {
    "IC": {"ic"},
    "ICIR": {"icir"},
    "Rank IC": {"rank_ic"},
    "Rank ICIR": {"rank_icir"},
    "1day.excess_return_with_cost.annualized_return": {"annual_return", "annual_return_with_cost"},
    "1day.excess_return_without_cost.annualized_return": {"annual_return_without_cost"},
    "1day.excess_return_with_cost.max_drawdown": {"max_drawdown", "max_drawdown_with_cost"},
    "1day.excess_return_without_cost.max_drawdown": {"max_drawdown_without_cost"},
    "1day.excess_return_with_cost.information_ratio": {
        "information_ratio",
        "information_ratio_with_cost",
    },
    "1day.excess_return_without_cost.information_ratio": {"information_ratio_without_cost"},
    "multi_score": {"multi_score"},
}


def row_of(figures: Mapping[str, Any] | None = None, **overrides: Any) -> dict[str, Any]:
    """The row of one experiment."""
    experiment = make_experiment(**overrides)
    frame = loop_rows([experiment], {experiment.workspace_id: figures or {}})
    (row,) = frame.to_dicts()
    return row


def test_each_headline_comes_from_its_metric() -> None:
    metrics = {name: place / 100 for place, name in enumerate(HEADLINES, start=1)}
    row = row_of(metrics=metrics)
    for name, columns in HEADLINES.items():
        assert {column for column, value in row.items() if value == metrics[name]} == columns, name


def test_every_metric_is_kept_under_its_own_name() -> None:
    metrics = {"IC": 0.1, "1day.ffr": None, "l2.train": 0.93, "own 指标": -1.0}
    row = row_of(metrics=metrics)
    assert row["metrics"] == metrics
    assert {row[column] for column in ("icir", "rank_ic", "annual_return")} == {None}


@pytest.mark.parametrize(
    ("metrics", "has_result"),
    [
        (None, False),
        ({}, False),
        ({"IC": None}, False),
        ({"IC": None, "l2.train": 0.0}, True),
        ({"IC": -0.1}, True),
    ],
)
def test_a_result_is_a_finite_metric(
    metrics: dict[str, float | None] | None, has_result: bool
) -> None:
    row = row_of(metrics=metrics, curve=days_of(turnover=[0.1, 0.2]))
    assert row["has_result"] is has_result
    assert row["status"] == ("success" if has_result else None)
    assert row["has_curve"] is True
    assert row["metrics"] == metrics


def test_a_factor_table_alone_is_no_result() -> None:
    row = row_of(factors=factors_of({"A": "A"}))
    assert (row["has_result"], row["has_curve"], row["factor_names"]) == (False, False, ["A"])


def test_figures_of_the_curve_stand_beside_the_stated_ones() -> None:
    curve = days_of(**{"return": [0.1, -0.05], "turnover": [0.2, 0.4]})
    experiment = make_experiment(curve=curve, metrics={"IC": 0.1})
    days = curve_days([experiment])
    (figures,) = curve_figures(days).to_dicts()
    row = row_of(figures, curve=curve, metrics={"IC": 0.1})
    assert row["annual_return"] is None
    assert row["curve_start"] == START
    assert row["curve_end"] == date(2020, 1, 2)
    assert (row["curve_days"], row["win_rate"]) == (2, 0.5)
    assert row["mean_turnover"] == pytest.approx(0.3, rel=1e-12)
    assert row["final_nav"] == pytest.approx(1.045, rel=1e-12)
    assert row["nav_drawdown"] == pytest.approx(-0.05, rel=1e-12)


def test_factor_names_are_in_the_tables_order() -> None:
    names = {"z": "z", "动量": "('feature', '动量')", "a": "a"}
    assert row_of(factors=factors_of(names))["factor_names"] == ["z", "动量", "a"]
    assert row_of(factors=())["factor_names"] == []
    assert row_of()["factor_names"] is None


def test_a_workspace_alone_is_loop_zero_of_a_run_of_its_own() -> None:
    row = row_of(workspace_id="w", action="model")
    assert (row["task_run_id"], row["loop_id"]) == ("synthetic_w", 0)
    assert (row["experiment_id"], row["role"], row["action"]) == (
        "synthetic_w/0",
        "experiment",
        "model",
    )
    assert row["source_digest"] == "digest of w"


def test_a_baseline_says_so_in_its_id() -> None:
    row = row_of(workspace_id="w", role="baseline")
    assert (row["experiment_id"], row["role"]) == ("synthetic_w/0/baseline", "baseline")


def test_each_field_knows_its_source() -> None:
    row = row_of(metrics={"IC": 0.1}, factors=factors_of({"A": "A"}), curve=days_of(turnover=[0.1]))
    assert row["provenance"] == {
        "action": "templates",
        "metrics": "csv",
        "factor_names": "parquet",
        "curve": "parquet",
    }
    assert row_of(action=None)["provenance"] == {}


def test_rows_are_those_of_the_table() -> None:
    experiments = [make_experiment("1", metrics={"IC": 0.1}), make_experiment("2")]
    for frame in (loop_rows(experiments, {}), loop_rows([], {})):
        assert cast(table("loops"), frame).num_rows == len(frame)


# --- find_disagreements -----------------------------------------------------------------------


def found(stated: float | None, proven: float | None) -> list[str]:
    experiment = make_experiment(metrics={MEAN: stated, "IC": 0.5})
    return [each.reason for each in find_disagreements(experiment, {MEAN: proven, "sharpe": 9.0})]


@pytest.mark.parametrize(
    ("stated", "proven"),
    [
        (0.1, 0.1),
        (0.1, 0.1 * (1 + 9e-7)),
        (-123456.789, -123456.789 * (1 - 9e-7)),
        (0.0, 9e-10),
        (1e-12, -9e-10),
        (None, 0.1),
        (0.1, None),
    ],
)
def test_rounding_is_no_disagreement(stated: float | None, proven: float | None) -> None:
    assert found(stated, proven) == []


@pytest.mark.parametrize(
    ("stated", "proven"), [(0.1, 0.1 * (1 + 2e-6)), (0.1, -0.1), (0.0, 2e-9), (1.0, 0.0)]
)
def test_more_than_rounding_is_a_disagreement(stated: float, proven: float) -> None:
    (reason,) = found(stated, proven)
    assert reason == f"{MEAN} is {stated!r}, but the curve gives {proven!r}"


def test_a_disagreement_is_a_warning_with_file_and_fix() -> None:
    experiment = make_experiment(metrics={MEAN: 1.0})
    (finding,) = find_disagreements(experiment, {MEAN: 2.0})
    assert (finding.level, finding.file) == ("warning", "qlib_res.csv")
    assert "the stated metric was kept" in finding.fix


def test_without_metrics_or_curve_nothing_can_disagree() -> None:
    assert find_disagreements(make_experiment(), {MEAN: 1.0}) == []
    assert find_disagreements(make_experiment(metrics={MEAN: 1.0}), {}) == []


def test_a_factor_has_the_fingerprint_of_its_formula() -> None:
    told = [
        {"factor_name": "a", "formula_hint": r"f = \frac{P_t}{P_{t-5}} - 1"},
        {"factor_name": "b", "formula_hint": "not looked at", "expression": "P_t / P_{t-5} - 1.0"},
        {"factor_name": "c", "formula_hint": ""},
    ]
    rows = factor_rows([replace(make_experiment(), factors=tuple(told))])
    first, second, without = rows["expression_fingerprint"]
    assert first == second == expression_fingerprint("P_t/P_{t-5} - 1")
    assert without is None


def test_all_that_is_extracted_has_a_place_in_the_lake() -> None:
    workspaces = [make_value("1", metrics={MEAN: 1.0}, curve=days_of(turnover=[0.1, 0.1]))]
    frames = rows_of_evidence([evidence_of_folder(each) for each in workspaces]).frames
    there = rows_of_folders(workspaces)
    assert frames.keys() | there.keys() < {entry.name for entry in TABLES}
    for name, frame in (*frames.items(), *there.items()):
        assert set(frame.columns) <= set(table(name).column_names)


def test_a_disagreement_reaches_the_report_and_the_metric_stays(lake: Lake, tmp_path: Path) -> None:
    make_workspace(tmp_path / "ws", metrics={MEAN: 0.5})
    (outcome,) = ingest(lake, [tmp_path / "ws"]).outcomes
    assert (outcome.status, len(outcome.findings)) == ("ok", 1)
    assert outcome.findings[0].reason.startswith(f"{MEAN} is 0.5, but the curve gives ")
    assert lake.read("loops")["metrics"].to_list()[0][MEAN] == 0.5
    (row,) = lake.read("ingests").explode("findings").unnest("findings").to_dicts()
    assert (row["level"], row["file"]) == ("warning", "qlib_res.csv")


def test_a_curve_that_agrees_is_not_mentioned(lake: Lake, tmp_path: Path) -> None:
    make_workspace(tmp_path / "ws", days=300)
    (outcome,) = ingest(lake, [tmp_path / "ws"]).outcomes
    assert outcome.findings == ()
    assert lake.read("equity_curves").select(pl.len()).item() == 300
