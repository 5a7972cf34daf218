"""The values between reading and writing: what lay in one workspace, and one experiment's result.

Readers make them, `extract` turns them into rows; neither touches the lake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from rdlake.domain.recording import Recording

Role = Literal["experiment", "baseline", "sub", "unused", "junk"]
Action = Literal["factor", "model"]
Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem met while reading. An error means that something of the workspace is missing
    from the lake; a warning, that it is there and should be looked at."""

    level: Level
    file: str | None
    reason: str
    fix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file or link of a workspace, by its relative POSIX path."""

    path: str
    artifact_type: str | None
    kind: Literal["file", "link"]
    size: int | None
    sha256: str | None
    target: str | None = None

    @property
    def state(self) -> str:
        return "unreadable" if self.kind == "file" and self.sha256 is None else "present"


@dataclass(frozen=True, kw_only=True, slots=True)
class FactorColumn:
    """One factor column of combined_factors_df.parquet, and digests of its values once these were
    read: of all of them, and of their order on some days."""

    name: str
    column: str
    position: int
    values_sha256: str | None = None
    value_fingerprint: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class FactorHeader:
    """What result.h5 says of a factor's values: its column's name, and how many rows there are."""

    column: str
    rows: int


@dataclass(frozen=True, slots=True)
class Code:
    """The text of factor.py or model.py, and the sha256 of its bytes."""

    path: str
    text: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ForkRecord:
    """What JSON files of a fork of RD-Agent, or a catalog that it exported, say of one workspace.

    `loop` is the run and the loop's number; `factors` and `feedback` are columns of their tables,
    `metrics` the finite ones by name. `protocol_strategy_id` is the one that AIstock stored.
    """

    loop: tuple[str, int] | None = None
    action: Action | None = None
    scenario_raw: str | None = None
    step_name: str | None = None
    status: str | None = None
    status_raw: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    factors: tuple[Mapping[str, Any], ...] = ()
    feedback: Mapping[str, Any] | None = None
    protocol_strategy_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """What lay in one workspace folder, read once and never executed.

    `metrics`, `curve` and `factors` are None where there was no readable file for them.
    `curve` holds the columns date, account, value, cash, return, cost, bench, turnover.
    `recording` is None where mlruns/ has no run that is the workspace's own. `values` is of a
    factor's sub-workspace. `told` is None where no JSON file says anything.
    """

    workspace_id: str
    root_name: str
    role: Role
    action: Action | None
    files: tuple[SourceFile, ...]
    source_digest: str
    stat_digest: str | None
    metrics: Mapping[str, float | None] | None = None
    curve: pl.DataFrame | None = None
    factors: tuple[FactorColumn, ...] | None = None
    recording: Recording | None = None
    codes: tuple[Code, ...] = ()
    values: FactorHeader | None = None
    fork_record: ForkRecord | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def size(self) -> int:
        return sum(file.size or 0 for file in self.files)

    @property
    def curve_source(self) -> str | None:
        """What the curve was read from: parquet or pickle; None without one."""
        if self.curve is None:
            return None
        names = {file.path for file in self.files} & {"ret.parquet", "ret.pkl"}
        return "pickle" if names == {"ret.pkl"} else "parquet"


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One loop's result, or a run's baseline, merged from what each source says of it.

    `columns` are what else `loops` has of it; `factors`, `feedback` and `model` columns of their
    tables; `provenance` says where each field was found.
    """

    workspace_id: str
    task_run_id: str
    loop_id: int
    role: Literal["experiment", "baseline"]
    action: Action | None
    source_digest: str
    metrics: Mapping[str, float | None] | None = None
    curve: pl.DataFrame | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    factors: tuple[Mapping[str, Any], ...] = ()
    feedback: Mapping[str, Any] | None = None
    model: Mapping[str, Any] | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def experiment_id(self) -> str:
        plain = f"{self.task_run_id}/{self.loop_id}"
        return f"{plain}/baseline" if self.role == "baseline" else plain

    @property
    def has_result(self) -> bool:
        """At least one finite metric of the log or of qlib_res.csv; a curve or a parquet alone is
        not a result, nor are figures that a registry once had."""
        if self.provenance.get("metrics") == "registry":
            return False
        return any(value is not None for value in (self.metrics or {}).values())
