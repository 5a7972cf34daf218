"""Rows of `strategies`, `models` and `signals`: what qlib recorded of each back-test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rdlake.experiment import Workspace
from rdlake.identity import canonical_json, cleaned
from rdlake.recording import Configuration, Json
from rdlake.rows import frame_of
from rdlake.tables import table

__all__ = ["model_rows", "signal_rows", "strategy_rows"]


def strategy_rows(workspaces: Sequence[Workspace]) -> pl.DataFrame:
    """One row per configuration that really ran, made of nothing but what its id is made of, so
    that every experiment that ran it gives the same row."""
    rows: dict[str, dict[str, Any]] = {}
    for workspace in workspaces:
        recording = workspace.recording
        if recording and recording.strategy_id and recording.configuration:
            rows[recording.strategy_id] = {
                "strategy_id": recording.strategy_id,
                **_configured(recording.configuration),
            }
    return frame_of(table("strategies"), list(rows.values()))


def model_rows(workspaces: Sequence[Workspace]) -> pl.DataFrame:
    """One row per trained model."""
    rows = []
    for workspace in workspaces:
        recording = workspace.recording
        if recording is None or recording.model_id is None:
            continue
        ran, weights = recording.configuration, recording.weights
        codes = [code for code in workspace.codes if code.path == "model.py"]
        rows.append(
            {
                "model_id": recording.model_id,
                "workspace_id": workspace.workspace_id,
                "model_type": ran.model_class if ran else None,
                "model_config": _subtree(ran.model_config) if ran else None,
                "dataset_config": _subtree(ran.dataset_config) if ran else None,
                "feature_list": _texts(recording.feature_order),
                "model_files": [*([weights.path] if weights else []), *(c.path for c in codes)],
                "weights_sha256": weights.sha256 if weights else None,
                "code_sha256": codes[0].sha256 if codes else None,
                "provenance": {"model_id": ran.origin if ran else "weights"},
                "source_digest": workspace.source_digest,
            }
        )
    return frame_of(table("models"), rows)


def signal_rows(workspaces: Sequence[Workspace]) -> pl.DataFrame:
    """The top-ranked scores of each day."""
    frames = [
        workspace.recording.signals.select(
            pl.lit(workspace.workspace_id).alias("workspace_id"),
            *("date", "instrument", "score", "rank", "target_weight"),
            pl.lit(workspace.source_digest).alias("source_digest"),
        )
        for workspace in workspaces
        if workspace.recording and workspace.recording.signals is not None
    ]
    return pl.concat(frames) if frames else frame_of(table("signals"), [])


def _configured(ran: Configuration) -> Mapping[str, Any]:
    segments = {
        name: "/".join(day or "" for day in days) for name, days in (ran.segments or {}).items()
    }
    return {
        "market": ran.market,
        "benchmark": ran.benchmark,
        "instruments": ran.instruments,
        "freq": ran.freq,
        "segments": segments or None,
        "topk": ran.topk,
        "n_drop": ran.n_drop,
        "open_cost": ran.open_cost,
        "close_cost": ran.close_cost,
        "model_class": ran.model_class,
        "strategy_class": ran.strategy_class,
        "data_config": _subtree(ran.data_config),
        "dataset_config": _subtree(ran.dataset_config),
        "portfolio_config": _subtree(ran.portfolio_config),
        "backtest_config": _subtree(ran.backtest_config),
        "model_config": _subtree(ran.model_config),
        "base_features": _texts(
            None if ran.base_features is None else [feature.name for feature in ran.base_features]
        ),
        "provenance": {"configuration": "mlruns"},
    }


def _subtree(config: Json) -> str | None:
    return None if config is None else canonical_json(cleaned(config))


def _texts(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)
