"""Define the JSON catalogs of protocol v1: the rows of each, and the files that hold them.

Fields have the names of the columns they come from. An unknown value is null; a list without
anything in it is empty.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)

VERSION, SOURCE = "v1", "rdagent_tools"


def _in_utc(value: object) -> object:
    """Return a time with its zone: views have times in UTC without one."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _subtree(value: object) -> object:
    """Parse a configuration, which views have as text. A number that JSON cannot write is null."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=lambda _: None, parse_float=_finite)
    except ValueError:
        return value


def _by_name(value: object) -> object:
    """Sort a map by its keys, which have no order in a view."""
    return dict(sorted(value.items())) if isinstance(value, Mapping) else value


Instant = Annotated[
    datetime,
    BeforeValidator(_in_utc),
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Subtree = Annotated[JsonValue, BeforeValidator(_subtree)]
Texts = Annotated[dict[str, str | None] | None, BeforeValidator(_by_name)]
Figures = Annotated[dict[str, float | None] | None, BeforeValidator(_by_name)]
Action = Literal["factor", "model"] | None
Names = list[str] | None


class Row(BaseModel):
    """Check one entry of a catalog, or a part of one."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", serialize_by_alias=True, protected_namespaces=()
    )


# The classes below have no docstrings: pydantic would write them into the published schemas.
class InterfaceInfo(Row):
    type: str | None
    standard_wrapper: str | None


class Factor(Row):
    name: str
    source: str
    expression: str | None
    description_cn: str | None
    formula_hint: str | None
    variables: Texts
    tags: Names
    region: str | None
    freq: str | None
    align: str | None
    nan_policy: str | None
    created_at_utc: Instant | None
    experiment_id: str | None
    impl_module: str | None
    impl_func: str | None
    impl_version: str | None
    interface_info: InterfaceInfo | None


class AlphaFactor(Factor):
    source: Literal["qlib_alpha158"]
    expression: str


class WorkspaceExample(Row):
    task_run_id: str
    loop_id: int | None
    workspace_id: str
    workspace_path: str | None


class PythonImplementation(Row):
    module: str | None
    func: str | None


class Strategy(Row):
    strategy_id: str
    scenario: str | None
    step_name: str | None
    action: Action
    workspace_example: WorkspaceExample | None
    template_files: Names
    data_config: Subtree
    dataset_config: Subtree
    portfolio_config: Subtree
    backtest_config: Subtree
    model_config_: Subtree = Field(alias="model_config")
    python_implementation: PythonImplementation | None
    feature_list: Names
    market: str | None
    instruments: str | None
    freq: str | None


class SummaryTexts(Row):
    execution: str | None
    value_feedback: str | None
    shape_feedback: str | None


class Paths(Row):
    factor_meta: str | None
    factor_perf: str | None
    feedback: str | None
    ret_curve: str | None
    dd_curve: str | None


class Loop(Row):
    task_run_id: str
    loop_id: int
    workspace_id: str
    scenario: str | None
    step_name: str | None
    action: Action
    status: Literal["success", "skipped", "failed", "running"] | None
    has_result: Literal[True]
    strategy_id: str | None
    factor_names: Names
    metrics: Figures
    decision: bool | None
    summary_texts: SummaryTexts | None
    paths: Paths | None


class FeatureSchema(Row):
    base_features: Names
    factors: Names


class ModelArtifacts(Row):
    mlruns: str | None
    model_files: Names


class Model(Row):
    model_id: str
    task_run_id: str
    loop_id: int | None
    workspace_id: str
    model_type: str | None
    model_config_: Subtree = Field(alias="model_config")
    dataset_config: Subtree
    feature_schema: FeatureSchema | None
    feature_list: Names
    model_artifacts: ModelArtifacts | None
    log_dir: str | None


class Head(Row):
    version: Literal["v1"]
    generated_at_utc: Instant
    source: Literal["rdagent_tools"]


class FactorCatalog(Head):
    factors: list[Factor]


class AlphaMeta(Head):
    factors: list[AlphaFactor]


class StrategyCatalog(Head):
    strategies: list[Strategy]


class LoopCatalog(Head):
    loops: list[Loop]


class ModelCatalog(Head):
    models: list[Model]


@dataclass(frozen=True, kw_only=True)
class JsonCatalog:
    """Describe one JSON file: its name, the list in it, and the rows of a view that fill the
    list."""

    file: str
    list: str
    whole: type[Head]
    row: type[Row]
    view: str
    where: str = "true"


CATALOGS = (
    JsonCatalog(
        file="factor_catalog.json",
        list="factors",
        whole=FactorCatalog,
        row=Factor,
        view="factor_catalog",
    ),
    JsonCatalog(
        file="strategy_catalog.json",
        list="strategies",
        whole=StrategyCatalog,
        row=Strategy,
        view="strategy_catalog",
    ),
    JsonCatalog(
        file="loop_catalog.json",
        list="loops",
        whole=LoopCatalog,
        row=Loop,
        view="loop_catalog",
        # A reader of the protocol would take a baseline for the result of its loop.
        where="role = 'experiment'",
    ),
    JsonCatalog(
        file="model_catalog.json",
        list="models",
        whole=ModelCatalog,
        row=Model,
        view="model_catalog",
    ),
    JsonCatalog(
        file="alpha158_meta.json",
        list="factors",
        whole=AlphaMeta,
        row=AlphaFactor,
        view="factor_catalog",
        where="source = 'qlib_alpha158' AND expression IS NOT NULL",
    ),
)
