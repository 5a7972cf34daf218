"""Write the report of an experiment: hypothesis, configuration, figures, feedback, code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from rdlake.exports.charts.canvas import Canvas
from rdlake.exports.charts.curves import plot_curve, plot_drawdown
from rdlake.exports.reports import page
from rdlake.exports.reports.version_reader import VersionReader

IDENTITY = (
    *("experiment_id", "workspace_id", "role", "scenario", "action", "status", "decision"),
    *("selected_on_test", "cached", "result_workspace_id", "created_at", "strategy_id", "model_id"),
    *("factor_names", "base_features", "archiving_level"),
)
FIGURES = (
    *("annual_return_with_cost", "annual_return_without_cost", "max_drawdown_with_cost"),
    *("max_drawdown_without_cost", "information_ratio_with_cost"),
    *("information_ratio_without_cost", "ic", "icir", "rank_ic", "rank_icir", "sharpe", "win_rate"),
    *("final_nav", "nav_drawdown", "mean_turnover", "curve_start", "curve_end", "curve_days"),
    "multi_score",
)
STRATEGY = (
    *("market", "benchmark", "freq", "segments", "topk", "n_drop", "open_cost", "close_cost"),
    *("model_class", "strategy_class"),
)
MODEL = ("model_type", "feature_list", "model_artifacts", "weights_sha256", "log_dir")
SUBTREES = (
    *("data_config", "dataset_config", "portfolio_config", "backtest_config", "model_config"),
)
FEEDBACK = {
    "tested_hypothesis": "Hypothesis of this experiment",
    "hypothesis_reason": "Why it was made",
    "summary_execution": "Observations",
    "summary_value_feedback": "Evaluation of the hypothesis",
    "summary_shape_feedback": "Reason of the decision",
    "code_change_summary": "What changed in the code",
    "code_critic": "Critic of the code",
    "limitations": "Limitations",
    "hypothesis": "The next hypothesis, else this one",
    "error": "Why the loop was skipped or failed",
}


def experiment_page(reader: VersionReader, workspace_id: str) -> str | None:
    """Return the page; None when the version does not have the experiment."""
    loops = reader.rows("SELECT * FROM rdlake_tables.loops WHERE workspace_id = ?", workspace_id)
    if not loops:
        return None
    shown = reader.rows("SELECT * FROM loop_catalog WHERE workspace_id = ?", workspace_id)
    loop, meanings = {**loops[0], **(shown[0] if shown else {})}, reader.meanings("loop_catalog")
    about = f"Experiment in the workspace {workspace_id} · {reader.about}"
    return page.document(
        loop["experiment_id"] or workspace_id,
        about,
        [
            page.section("The experiment", page.fields(loop, IDENTITY, meanings)),
            page.section("Figures", page.fields(loop, FIGURES, meanings)),
            page.section("Curve", *_curve(reader, workspace_id)),
            page.section("Feedback", *_feedback(reader, workspace_id)),
            page.section("Factors", *_factors(reader, workspace_id)),
            page.section("Configuration that ran", *_strategy(reader, loop["strategy_id"])),
            page.section("Model", *_model(reader, workspace_id)),
            page.section("Every metric", _metrics(loop)),
            page.section("Code", *_code(reader, workspace_id), new_page=True),
        ],
    )


def _curve(reader: VersionReader, workspace_id: str) -> Iterator[str]:
    days = reader.frame(
        "SELECT date, nav, bench, drawdown FROM equity_curve WHERE workspace_id = ? ORDER BY date",
        workspace_id,
    )
    if days.is_empty():
        return
    meanings = reader.meanings("equity_curve")
    with Canvas() as canvas:
        yield page.figure(canvas.drawing(partial(plot_curve, days)), f"nav: {meanings['nav']}")
        drawn = canvas.drawing(partial(plot_drawdown, days))
        yield page.figure(drawn, f"drawdown: {meanings['drawdown']}")


def _feedback(reader: VersionReader, workspace_id: str) -> Iterator[str]:
    query = "SELECT * FROM rdlake_tables.feedback WHERE workspace_id = ?"
    for row in reader.rows(query, workspace_id):
        for name, title in FEEDBACK.items():
            value = row[name]
            yield page.prose(title, "\n".join(value) if isinstance(value, list) else value)


def _factors(reader: VersionReader, workspace_id: str) -> Iterator[str]:
    rows = reader.rows(
        """
        SELECT factors.factor_name, factors.source, factors.accepted, perf."window",
               perf.rank_ic_mean, perf.ic_mean, perf.ic_ir, perf.coverage,
               factors.description_cn, coalesce(factors.expression, factors.formula_hint) AS formula
        FROM rdlake_tables.factors AS factors
        LEFT JOIN rdlake_tables.factor_perf AS perf
            ON perf.workspace_id = factors.workspace_id AND perf.factor_name = factors.factor_name
            AND perf."window" = 'test'
        WHERE factors.workspace_id = ? ORDER BY factors.position, factors.factor_name
        """,
        workspace_id,
    )
    yield page.table(rows, reader.meanings("factor_windows"))


def _strategy(reader: VersionReader, strategy_id: str | None) -> Iterator[str]:
    query = "SELECT * FROM strategy_catalog WHERE strategy_id = ?"
    for row in reader.rows(query, strategy_id):
        yield page.fields(row, STRATEGY, reader.meanings("strategy_catalog"))
        for name in SUBTREES:
            if row[name]:
                yield page.code(name, _indented(row[name]))


def _model(reader: VersionReader, workspace_id: str) -> Iterator[str]:
    query = "SELECT * FROM model_catalog WHERE workspace_id = ? ORDER BY model_id"
    for row in reader.rows(query, workspace_id):
        yield page.fields(row, MODEL, reader.meanings("model_catalog"))
        if row["proposal"]:
            yield page.code("proposal", _indented(row["proposal"]))


def _metrics(loop: dict[str, Any]) -> str:
    found = sorted((loop["metrics"] or {}).items())
    return page.table([{"metric": name, "value": value} for name, value in found])


def _code(reader: VersionReader, workspace_id: str) -> Iterator[str]:
    files = reader.rows(
        "SELECT path, sha256 FROM artifact_list WHERE workspace_id = ? AND artifact_type = 'code' "
        "AND sha256 IS NOT NULL ORDER BY path",
        workspace_id,
    )
    texts = reader.texts({each["sha256"] for each in files})
    for each in files:
        kept = texts.get(each["sha256"])
        yield page.code(
            each["path"], "its content is not kept in the lake" if kept is None else kept
        )


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text
