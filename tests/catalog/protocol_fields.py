"""The fields that RD-Agent and AIstock agreed on: view -> field -> type."""

from __future__ import annotations

from collections.abc import Mapping

TEXT, TEXTS, REAL, INT, BOOL, TIME, DAY = (
    *("VARCHAR", "VARCHAR[]", "DOUBLE", "BIGINT", "BOOLEAN", "TIMESTAMP", "DATE"),
)
FIGURES = "MAP(VARCHAR, DOUBLE)"
WORDS = "MAP(VARCHAR, VARCHAR)"


def _texts(names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), TEXT)


_PATHS = (
    "STRUCT("
    + ", ".join(
        f"{name} VARCHAR"
        for name in ("factor_meta", "factor_perf", "feedback", "ret_curve", "dd_curve")
    )
    + ")"
)
_CONFIGS = _texts("data_config dataset_config portfolio_config backtest_config model_config")
_IMPLEMENTATION = _texts("impl_module impl_func impl_version")
_LOOP = _texts("task_run_id workspace_id strategy_id status step_name action") | {
    "loop_id": INT, "has_result": BOOL, "metrics": FIGURES, "decision": BOOL, "paths": _PATHS,
}  # fmt: skip
_SPREAD = {"annual_return": REAL, "max_drawdown": REAL, "sharpe": REAL}
_WINDOW = 'STRUCT(window_name VARCHAR, "start" DATE, "end" DATE, annual_return DOUBLE, ' + (
    "max_drawdown DOUBLE, sharpe DOUBLE)[]"
)

FIELDS: Mapping[str, Mapping[str, str]] = {
    "factor_catalog": _texts("name source expression description_cn formula_hint region freq")
    | _texts("align nan_policy experiment_id")
    | _IMPLEMENTATION
    | {
        "variables": WORDS, "tags": TEXTS, "created_at_utc": TIME,
        "interface_info": 'STRUCT("type" VARCHAR, standard_wrapper VARCHAR)',
    },
    "strategy_catalog": _texts("strategy_id scenario step_name action market instruments freq")
    | _CONFIGS
    | {
        "workspace_example": "STRUCT(task_run_id VARCHAR, loop_id BIGINT, workspace_id VARCHAR, "
        "workspace_path VARCHAR)",
        "template_files": TEXTS, "feature_list": TEXTS,
        "python_implementation": 'STRUCT("module" VARCHAR, func VARCHAR)',
    },
    "loop_catalog": _LOOP
    | {
        "scenario": TEXT, "factor_names": TEXTS,
        "summary_texts": "STRUCT(execution VARCHAR, value_feedback VARCHAR, "
        "shape_feedback VARCHAR)",
    },
    "model_catalog": _texts("model_id task_run_id workspace_id model_type model_config log_dir")
    | {
        "loop_id": INT, "dataset_config": TEXT, "feature_list": TEXTS,
        "feature_schema": "STRUCT(base_features VARCHAR[], factors VARCHAR[])",
        "model_artifacts": "STRUCT(mlruns VARCHAR, model_files VARCHAR[])",
    },
    "factor_registry": _texts("name source expression region description_cn formula_hint freq")
    | _texts("align nan_policy")
    | _IMPLEMENTATION
    | {"variables": WORDS, "tags": TEXTS},
    "strategy_registry": _texts("strategy_id step_name action model_type")
    | _CONFIGS
    | {"template_files": TEXTS}
    | {f"{part}_{end}": DAY for part in ("train", "valid", "test") for end in ("start", "end")},
    "loop_result": _LOOP
    | _texts("summary_execution summary_value_feedback summary_shape_feedback"),
    "aistock_factors": _texts("id name version source description_cn formula_hint")
    | {"tags": TEXTS, "first_experiment_id": TEXT, "created_at": TIME},
    "aistock_factor_performance": _texts("id factor_id window_name experiment_id")
    | {"ic_mean": REAL, "ic_ir": REAL, "coverage": REAL}
    | _SPREAD,
    "aistock_factor_combinations": _texts("id name experiment_id") | {"factor_ids": TEXTS},
    "aistock_strategies": _texts("id strategy_key name shape output_mode source")
    | {"factor_combination_id": TEXT, "created_at": TIME, "recommendation_status": TEXT},
    "aistock_experiments": _texts("id task_run_id workspace_id strategy_id metrics_json")
    | _texts("feedback_json file_refs_json")
    | {"loop_id": INT, "archiving_level": INT, "created_at": TIME, "imported_at": TIME},
    "strategy_detail": _texts("strategy_id name shape output_mode source_key status hypothesis")
    | _SPREAD
    | {
        "created_at": TIME, "factor_names": TEXTS, "win_rate": REAL, "decision": BOOL,
        "factor_source_summary": "MAP(VARCHAR, BIGINT)", "limitations": TEXTS, "code_critic": TEXTS,
        "equity_curve": 'STRUCT(date DATE, nav DOUBLE)[]', "equity_curve_chart_url": TEXT,
    },
    "factor_detail": _texts("factor_name source description_cn formula_hint first_experiment_id")
    | {
        "tags": TEXTS, "created_at": TIME, "ic_mean": REAL, "ic_ir": REAL, "coverage": REAL,
        "windows": _WINDOW, "combination_names": TEXTS,
        "combination_perf_summary": "STRUCT(combinations BIGINT, best_annual_return DOUBLE, "
        "median_annual_return DOUBLE, best_sharpe DOUBLE, worst_max_drawdown DOUBLE)",
        "latest_experiments": "STRUCT(experiment_id VARCHAR, workspace_id VARCHAR, "
        "created_at TIMESTAMP, decision BOOLEAN)[]",
    },
    "factor_windows": {"window_name": TEXT, "start": DAY, "end": DAY, **_SPREAD},
}  # fmt: skip

UNKNOWN: Mapping[str, frozenset[str]] = {
    "strategy_catalog": frozenset({"step_name"}),
    "strategy_registry": frozenset({"step_name"}),
}
"""Fields that no file has: the registry knows the step, and no configuration of its loops."""

METRICS: Mapping[str, str] = {
    "annualized_return": "annual_return",
    "max_drawdown": "max_drawdown",
    "ic_mean": "ic",
    "rank_ic_mean": "rank_ic",
    "multi_score": "multi_score",
    "sharpe": "sharpe",
    "win_rate": "win_rate",
}
"""The protocol's names of metrics, and the columns of loop_catalog with the same figure."""
