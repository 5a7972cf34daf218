"""Make rows of `strategies`, `models` and `signals`: what qlib ran, trained and scored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import polars as pl

from rdlake.domain.experiment import Experiment, Workspace
from rdlake.domain.ids import canonical_subtree
from rdlake.domain.recording import Configuration
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table

SUBTREES = ("data_config", "dataset_config", "portfolio_config", "backtest_config", "model_config")


def strategy_rows(workspaces: Sequence[Workspace]) -> pl.DataFrame:
    """Return one row per configuration that really ran.

    A row holds only what its id is made of, so every experiment that ran it gives the same row.
    """
    rows: dict[str, dict[str, Any]] = {}
    for workspace in workspaces:
        recording = workspace.recording
        if recording and recording.strategy_id and recording.configuration:
            rows[recording.strategy_id] = {
                "strategy_id": recording.strategy_id,
                "belongs_to": recording.strategy_id,
                "source": "rdagent",
                "provenance": {"configuration": "mlruns"},
                **configuration_columns(recording.configuration),
            }
    return frame_of(table("strategies"), list(rows.values()))


def model_rows(experiments: Sequence[Experiment]) -> pl.DataFrame:
    """Return one row per trained model."""
    rows = [
        {
            **experiment.model,
            "workspace_id": experiment.workspace_id,
            "source_digest": experiment.source_digest,
        }
        for experiment in experiments
        if experiment.model
    ]
    return frame_of(table("models"), rows)


def signal_rows(workspaces: Sequence[Workspace]) -> pl.DataFrame:
    """Return the top-ranked scores of each day."""
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


def configuration_columns(ran: Configuration) -> Mapping[str, Any]:
    """Return a configuration as columns of `strategies`."""
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
        "data_config": canonical_subtree(ran.data_config),
        "dataset_config": canonical_subtree(ran.dataset_config),
        "portfolio_config": canonical_subtree(ran.portfolio_config),
        "backtest_config": canonical_subtree(ran.backtest_config),
        "model_config": canonical_subtree(ran.model_config),
        "settings": dict(
            chain.from_iterable(_leaves(name, getattr(ran, name)) for name in SUBTREES)
        ),
        "base_features": _texts(
            None if ran.base_features is None else [feature.name for feature in ran.base_features]
        ),
    }


def _leaves(path: str, config: Any) -> Iterator[tuple[str, str]]:
    """Return every leaf of a stored subtree by its path; an empty list or object is a leaf too."""
    text = canonical_subtree(config)
    yield from _leaves_of(path, json.loads(text)) if text else ()


def _leaves_of(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _leaves_of(f"{path}.{name}", each)
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            yield from _leaves_of(f"{path}[{place}]", each)
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _texts(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)
