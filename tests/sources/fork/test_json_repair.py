"""Check that each known damage of JSON values is repaired, or that the damaged value is unknown."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from rdlake.sources.fork.json_repair import (
    build_factor_row,
    build_feedback_row,
    parse_loop,
    parse_status,
    parse_time,
    repair_metrics,
    repair_name,
)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("('feature', 'MOM_5D')", "MOM_5D"),
        ('("feature", "it\'s")', "it's"),
        ("('MOM_5D', 'feature')", "MOM_5D"),
        ("('feature', '动量_10日')", "动量_10日"),
        (" MOM_5D ", "MOM_5D"),
        ("(close - open)", "(close - open)"),
        ("('feature', 'a', 'b')", None),
        ("('feature', ", "('feature', "[:-1]),
        ("('feature' 'x'", "('feature' 'x'"),
        ("", None),
        (None, None),
        (5, None),
        ("x" * 501, None),
        ("(" * 250 + ")" * 250, "(" * 250 + ")" * 250),
    ],
)
def test_a_name_is_taken_out_of_the_text_of_a_tuple(written: object, name: str | None) -> None:
    assert repair_name(written) == name


def test_a_metric_read_as_two_columns_is_one_figure_under_its_name() -> None:
    name = "1day.excess_return_without_cost.annualized_return"
    assert repair_metrics({"Unnamed: 0": name, "0": 0.92}) == {name: 0.92}
    assert repair_metrics({"Unnamed: 0": None, "0": 0.92}) == {}
    assert repair_metrics({"Unnamed: 0": name, "0": None}) == {}


def test_only_finite_numbers_are_metrics() -> None:
    found = {"IC": 0.1, "a": float("nan"), "b": True, "c": "0.2", "d": None, "e": 10**400, " x ": 1}
    assert repair_metrics(found) == {"IC": 0.1, "x": 1.0}


def test_a_second_name_of_a_figure_is_left_out_and_a_figure_of_its_own_stays() -> None:
    name = "1day.excess_return_without_cost.information_ratio"
    assert repair_metrics({name: 1.5, "sharpe": 1.5, "multi_score": 1.5}) == {
        name: 1.5,
        "multi_score": 1.5,
    }
    assert repair_metrics({"ic_mean": 0.03}) == {"ic_mean": 0.03}


@pytest.mark.parametrize("word", ["rd_agent", "sota", "rdagent", "rdagent_generated"])
def test_older_words_for_a_generated_factor(word: str) -> None:
    assert build_factor_row({"name": "X", "source": word}) == {
        "factor_name": "X",
        "source": "rdagent_generated",
    }


def test_a_factor_without_what_was_made_up() -> None:
    item = {
        "name": "('feature', 'X')",
        "source": "qlib_alpha158",
        "description_cn": " ",
        "variables": {"close": "收盘价", "window": 20},
        "tags": [],
        "impl_func": "('feature', 'X')",
        "input_schema": {"lookback_days": 10},
        "interface_info": {"type": "class", "standard_wrapper": "W", "other": 1},
        "created_at_utc": "2025-12-25T15:05:05+08:00",
    }
    assert build_factor_row(item) == {
        "factor_name": "X",
        "source": "qlib_alpha158",
        "variables": {"close": "收盘价", "window": "20"},
        "impl_func": "X",
        "interface_info": json.dumps({"standard_wrapper": "W", "type": "class"}),
        "created_at": datetime(2025, 12, 25, 7, 5, 5),
    }
    assert build_factor_row({"name": "('feature',)"}) is None


def test_feedback_that_says_nothing_is_none() -> None:
    empty = {"execution": "", "value_feedback": " ", "code_critic": [], "limitations": []}
    assert build_feedback_row({"decision": None, "hypothesis": ""}, empty) is None
    metrics = "annualized_return=0.3; max_drawdown=-0.2; IC=nan"
    assert build_feedback_row({}, {"value_feedback": metrics}) is None


def test_feedback_under_the_names_of_the_table() -> None:
    found = build_feedback_row(
        {"decision": False, "hypothesis": "h"},
        {"execution": "e", "value_feedback": "v", "shape_feedback": "s", "code_critic": ["c", ""]},
    )
    assert found == {
        "decision": False,
        "hypothesis": "h",
        "summary_execution": "e",
        "summary_value_feedback": "v",
        "summary_shape_feedback": "s",
        "code_critic": ["c"],
    }


@pytest.mark.parametrize("number", [None, True, "1", 1.0, -1, 1 << 40])
def test_a_loop_has_a_number(number: object) -> None:
    assert parse_loop({"task_run_id": "run", "loop_id": number}) is None
    assert parse_loop({"task_run_id": "run", "loop_id": 3}) == ("run", 3)


def test_words_of_status() -> None:
    words = ["success", "finished", "present", "legacy", "unknown", "running", None]
    assert [parse_status(word) for word in words] == [None] * 7
    assert [parse_status(word) for word in ("aborted", "failed", "skip")] == [
        "failed",
        "failed",
        "skipped",
    ]


@pytest.mark.parametrize("written", [None, "", "yesterday", 5, "9999-12-31T23:59:59-23:00"])
def test_what_is_no_time_is_unknown(written: object) -> None:
    assert parse_time(written) is None
