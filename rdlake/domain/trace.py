"""Hold the content of RD-Agent's log folders: a run, its loops, and what each loop proposed and
found.

What a log does not say is None; nothing is derived from a name. Times are UTC without a zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import polars as pl

from rdlake.domain.experiment import Action, Finding

Scenario = Literal["fin_factor", "fin_model", "fin_quant", "fin_factor_report"]
LoopStatus = Literal["success", "skipped", "failed", "running"]
RunStatus = Literal["success", "failed", "running"]
RunSignature = Literal["signed", "bad", "unchecked", "unsigned"]

Metrics = Mapping[str, float | None]
Description = Mapping[str, object] | str
"""A description by the language model: mostly names with words, sometimes one text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hypothesis:
    """Hold what a loop set out to show."""

    hypothesis: str | None = None
    reason: str | None = None
    concise_reason: str | None = None
    concise_observation: str | None = None
    concise_justification: str | None = None
    concise_knowledge: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """Hold a factor or model that a loop proposed, and its code as the coder left it.

    `accepted` is the coder's last verdict. `code` holds text by file name. `code_sha256` is the
    digest of factor.py or model.py, or of the only file.
    """

    name: str | None
    kind: Action | None
    description: str | None = None
    formulation: str | None = None
    variables: Description | None = None
    code: Mapping[str, str] = field(default_factory=dict)
    code_sha256: str | None = None
    accepted: bool | None = None
    workspace_id: str | None = None
    model_type: str | None = None
    architecture: str | None = None
    hyperparameters: Description | None = None
    training_hyperparameters: Description | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """Hold what RD-Agent concluded from a loop.

    For a skipped loop, `error` is the text that stands in `error_field` in the place of a
    conclusion.
    """

    decision: bool | None = None
    observations: str | None = None
    hypothesis_evaluation: str | None = None
    reason: str | None = None
    new_hypothesis: str | None = None
    code_change_summary: str | None = None
    error: str | None = None
    error_field: Literal["observations", "reason", "exception"] | None = None


def _any_known(metrics: Metrics | None) -> bool:
    return any(value is not None for value in (metrics or {}).values())


@dataclass(frozen=True, slots=True)
class Baseline:
    """Hold the back-test without new factors that the first loop of a run is compared with."""

    workspace_id: str | None
    metrics: Metrics | None
    curve: pl.DataFrame | None
    cached: bool | None

    @property
    def has_result(self) -> bool:
        """Return whether there is at least one finite metric."""
        return _any_known(self.metrics)


@dataclass(frozen=True, slots=True)
class Step:
    """Hold when one step of a loop began and ended."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedLoop:
    """Hold one loop as its messages describe it.

    `curve` has the columns of `Workspace.curve`. `lineage` names the workspaces of the accepted
    experiments that the loop builds on. `cached` means that the result came from RD-Agent's cache
    and nothing ran. `llm_cost` sums the calls with a recorded cost. `status_raw` is for sources
    with their own words.
    """

    loop_id: int
    action: Action | None = None
    status: LoopStatus | None = None
    status_raw: str | None = None
    hypothesis: Hypothesis | None = None
    tasks: tuple[Task, ...] | None = None
    workspace_id: str | None = None
    metrics: Metrics | None = None
    curve: pl.DataFrame | None = None
    baseline: Baseline | None = None
    cached: bool | None = None
    config: str | None = None
    feedback: Feedback | None = None
    base_features: Mapping[str, str] | None = None
    base_feature_codes: Mapping[str, str] | None = None
    lineage: tuple[str, ...] | None = None
    steps: Mapping[str, Step] = field(default_factory=dict)
    llm_cost: float | None = None
    error_type: str | None = None
    error_message: str | None = None
    first_message_at: datetime | None = None
    last_message_at: datetime | None = None

    @property
    def has_result(self) -> bool:
        """Return whether there is at least one finite metric."""
        return _any_known(self.metrics)


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedRun:
    """Hold one run folder, of which nothing was executed.

    `path` is relative to the log root, in POSIX form. `stat_digest` changes with a file's name,
    size or time; it is None when the folder could not be listed. `source_digest` covers what was
    read. `workspace_roots` are the folders that hold the run's workspaces: absolute paths of the
    system that it ran on.
    """

    folder_name: str
    parent_name: str
    path: str
    root_name: str
    scenario_raw: str | None
    scenario: Scenario | None
    status: RunStatus | None
    signature: RunSignature | None
    created_at: datetime | None
    ended_at: datetime | None
    llm_model: str | None
    llm_cost: float | None
    stat_digest: str | None
    source_digest: str
    loops: tuple[TracedLoop, ...] = ()
    findings: tuple[Finding, ...] = ()
    rdagent_version: str | None = None
    workspace_roots: tuple[str, ...] = ()

    @property
    def workspace_ids(self) -> frozenset[str]:
        """Return every workspace that the run names as its own."""
        found = {loop.workspace_id for loop in self.loops}
        found |= {loop.baseline.workspace_id for loop in self.loops if loop.baseline}
        found |= {task.workspace_id for loop in self.loops for task in loop.tasks or ()}
        return frozenset(each for each in found if each)
