"""Describe what lies in one workspace, and the result of one experiment.

Readers make these values and `evidence` turns them into rows; neither touches the lake.
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
    """Report one problem met while reading.

    An error means that a part of the workspace is missing from the lake. A warning means that the
    part is there and somebody should look at it.
    """

    level: Level
    file: str | None
    reason: str
    fix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """Describe one file or link of a workspace by its relative POSIX path."""

    path: str
    artifact_type: str | None
    kind: Literal["file", "link"]
    size: int | None
    sha256: str | None
    target: str | None = None

    @property
    def state(self) -> str:
        """Return `unreadable` for a file without a digest, else `present`."""
        return "unreadable" if self.kind == "file" and self.sha256 is None else "present"


@dataclass(frozen=True, kw_only=True, slots=True)
class FactorColumn:
    """Describe one factor column of combined_factors_df.parquet.

    The two digests are None until the values are read: `values_sha256` covers all values,
    `value_fingerprint` their order on some days.
    """

    name: str
    column: str
    position: int
    values_sha256: str | None = None
    value_fingerprint: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class FactorHeader:
    """Hold what result.h5 says about a factor without its values: the column's name and the number
    of rows."""

    column: str
    rows: int


@dataclass(frozen=True, slots=True)
class Code:
    """Hold the text of factor.py or model.py and the sha256 of its bytes."""

    path: str
    text: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ForkRecord:
    """Hold what a fork of RD-Agent wrote about one workspace, in JSON files or in an exported
    catalog.

    `loop` is the run and the loop's number. `factors` and `feedback` are columns of their tables.
    `metrics` holds the finite ones by name. `protocol_strategy_id` is the id that AIstock stored.
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
    """Describe one workspace folder, which was read once and never executed.

    `metrics`, `curve` and `factors` are None without a readable file for them. `curve` has the
    columns date, account, value, cash, return, cost, bench, turnover. `recording` is None when no
    run in mlruns/ is the workspace's own. `values` is set for a factor's sub-workspace.
    `fork_record` is None when no JSON file says anything.
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
        """Return the size of all files together."""
        return sum(file.size or 0 for file in self.files)

    @property
    def curve_source(self) -> str | None:
        """Return the format that the curve was read from, `parquet` or `pickle`; None without a
        curve."""
        if self.curve is None:
            return None
        names = {file.path for file in self.files} & {"ret.parquet", "ret.pkl"}
        return "pickle" if names == {"ret.pkl"} else "parquet"


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """Describe one loop's result, or a run's baseline, merged from all sources.

    `columns` are the further columns of `loops`. `factors`, `feedback` and `model` are columns of
    their tables. `provenance` names the source of each field.
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
        """Return the id `RUN/LOOP`; a baseline's id ends in `/baseline`."""
        plain = f"{self.task_run_id}/{self.loop_id}"
        return f"{plain}/baseline" if self.role == "baseline" else plain

    @property
    def has_result(self) -> bool:
        """Return whether the log or qlib_res.csv gave at least one finite metric.

        A curve or a factor table alone is no result, nor are metrics that only a registry has.
        """
        if self.provenance.get("metrics") == "registry":
            return False
        return any(value is not None for value in (self.metrics or {}).values())
