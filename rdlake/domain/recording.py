"""Hold what qlib recorded about one back-test in `mlruns/`.

What is unknown is None: no value here is a default of qlib's or a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import polars as pl

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Origin = Literal["task", "params", "yaml"]


@dataclass(frozen=True, slots=True)
class Feature:
    """Hold a base feature: its name, and its expression if the configuration spells it out."""

    name: str
    expression: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """Hold the configuration that really ran.

    The five subtrees are as they ran, with dates as ISO text. `base_features` is None when the
    features of the data handler are not known. `takes_factors` says whether the factor table was an
    input of the model, `sorts_features` whether qlib sorted all features by name.
    """

    origin: Origin
    market: str | None = None
    instruments: str | None = None
    benchmark: str | None = None
    freq: str | None = None
    segments: Mapping[str, tuple[str | None, str | None]] | None = None
    topk: int | None = None
    n_drop: int | None = None
    open_cost: float | None = None
    close_cost: float | None = None
    model_class: str | None = None
    model_kwargs: Mapping[str, Json] | None = None
    seed: int | None = None
    dataset_class: str | None = None
    handler_class: str | None = None
    processors: Mapping[str, Json] | None = None
    strategy_class: str | None = None
    label: str | None = None
    base_features: tuple[Feature, ...] | None = None
    takes_factors: bool = False
    sorts_features: bool = False
    data_config: Json = None
    dataset_config: Json = None
    portfolio_config: Json = None
    backtest_config: Json = None
    executor_config: Json = None
    model_config: Json = None


@dataclass(frozen=True, slots=True)
class Weights:
    """Name the file with the trained model by its path in the workspace; it is never opened."""

    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Describe the data of the test segment as the model's scores show it.

    The shares count rows without a finite number; they are None without such a file.
    """

    market: str | None
    instruments: int
    days: int
    first: date | None
    last: date | None
    score_missing: float | None
    label_missing: float | None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Recording:
    """Hold one finished run of qlib that belongs to this workspace.

    `metrics` and `params` are text, as in the files. `ic` and `rank_ic` hold date and value.
    `signals` holds date, instrument, score, rank, target_weight. `portfolio` holds qlib's risk
    figures under names like `excess_return_with_cost.mean`. `read_label` reads `label_file` when it
    is needed.
    """

    recorder_id: str
    mlflow_experiment_id: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    metrics: Mapping[str, str]
    params: Mapping[str, str]
    config_name: str | None = None
    configuration: Configuration | None = None
    feature_order: tuple[str, ...] | None = None
    strategy_id: str | None = None
    model_id: str | None = None
    weights: Weights | None = None
    label_file: str | None = None
    ic: pl.DataFrame | None = None
    rank_ic: pl.DataFrame | None = None
    portfolio: Mapping[str, float | None] | None = None
    signals: pl.DataFrame | None = None
    profile: Profile | None = None
