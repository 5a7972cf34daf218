"""Tell from a file's path what the file is for."""

from __future__ import annotations

import re
from functools import lru_cache

_BY_NAME = {
    "combined_factors_df.parquet": "feature_set",
    "dd_curve.png": "backtest_curve_image",
    "experiment_summary.json": "report",
    "factor_meta.json": "factor_meta",
    "factor_perf.json": "factor_perf",
    "feedback.json": "feedback",
    "manifest.json": "report",
    "model_meta.json": "model_meta",
    "qlib_res.csv": "backtest_metrics",
    "result.h5": "factor_data",
    "ret.parquet": "backtest_curve",
    "ret.pkl": "backtest_curve",
    "ret_curve.png": "backtest_curve_image",
    "ret_schema.json": "ret_schema",
    "ret_schema.parquet": "ret_schema",
    "signals.json": "signals",
    "signals.parquet": "signals",
    "strategy_meta.json": "strategy_meta",
    "workspace_meta.json": "report",
}
"""Files at the top of a workspace."""

_WEIGHTS = r"(mlruns/(.*/)?)?(model|params)\.(pkl|joblib|bin|onnx|pt|pth)"
_BY_PATTERN = (
    (re.compile(r"[^/]+\.ya?ml"), "config_snapshot"),
    (re.compile(_WEIGHTS, re.DOTALL), "model"),
    (re.compile(r"mlruns/(.*/)?artifacts/pred\.pkl", re.DOTALL), "signals"),
    (re.compile(r".+\.py", re.DOTALL), "code"),
    (re.compile(r".+\.log", re.DOTALL), "log"),
)


@lru_cache(maxsize=1024)
def artifact_type(path: str) -> str | None:
    """Return the protocol's word for a relative path; None when no word fits."""
    if known := _BY_NAME.get(path):
        return known
    return next((word for pattern, word in _BY_PATTERN if pattern.fullmatch(path)), None)
