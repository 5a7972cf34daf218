"""Report what became of everything that was ever ingested: by run, by reason, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from rdlake.errors import BadInput
from rdlake.evidence import is_of_kind, match_registered_names
from rdlake.store.lake import Lake

STATUSES = ("ok", "partial", "skipped", "failed")
SYNTHETIC = "synthetic_"
"""The prefix of the run of folders that no run names."""
VARYING = r"[0-9a-f]{8,}|-?[0-9]+\.[0-9]+(e[-+]?[0-9]+)?|[0-9][0-9,]{2,}"
"""A pattern for what makes one reason look like many: ids, figures, sizes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Count the folders and sources of one run by status. Those of no run have no name."""

    task_run_id: str | None
    ok: int
    partial: int
    skipped: int
    failed: int
    errors: int
    warnings: int
    ingested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Describe one kind of problem: how often it was met, an example, and the fix."""

    level: str
    count: int
    reason: str
    example: str
    fix: str


def read_outcomes(lake: Lake, task_run_id: str | None = None) -> pl.DataFrame:
    """Return the last outcome of each folder, log, registered run and export, of one run or all.

    The columns are task_run_id, name, role, status, ingested_at, findings. BadInput for a run of
    which nothing was ingested.
    """
    rows = (
        lake.read("ingests")
        .sort("ingested_at", "batch_id", maintain_order=True)
        .with_columns(kind=_source_kind())
        .unique(["kind", "workspace_id"], keep="last", maintain_order=True)
    )
    registered_names = _registered_names(lake)
    names = pl.DataFrame(
        list(registered_names.items()),
        schema={"workspace_id": pl.String, "registered": pl.String},
        orient="row",
    )
    of_run = pl.col("kind").is_in(["run", "registry"])
    run = pl.when(of_run).then(pl.coalesce("registered", "workspace_id")).otherwise("task_run_id")
    outcomes = (
        rows.join(_runs_of_folders(lake), on="workspace_id", how="left")
        .join(names, on="workspace_id", how="left")
        .with_columns(task_run_id=pl.when(~run.str.starts_with(SYNTHETIC)).then(run))
        .rename({"workspace_id": "name"})
        .select("task_run_id", "name", "role", "status", "ingested_at", "findings")
        .sort("task_run_id", "name", "role", nulls_last=True)
    )
    if task_run_id is None:
        return outcomes
    name = registered_names.get(task_run_id, task_run_id)
    of_run_alone = outcomes.filter(pl.col("task_run_id") == name)
    if of_run_alone.is_empty():
        fix = "rdlake ingests lists the runs"
        raise BadInput(
            f"nothing of a run called {task_run_id} was ingested", where=lake.root, fix=fix
        )
    return of_run_alone


def count_by_run(rows: pl.DataFrame) -> list[RunReport]:
    """Return one report per run, starting with the run that was ingested last."""
    levels = pl.col("findings").list.eval(pl.element().struct.field("level"))
    counted = rows.group_by("task_run_id", maintain_order=True).agg(
        *((pl.col("status") == status).sum().alias(status) for status in STATUSES),
        *(
            levels.list.count_matches(level).sum().alias(f"{level}s")
            for level in ("error", "warning")
        ),
        pl.col("ingested_at").max(),
    )
    newest_first = counted.sort("ingested_at", "task_run_id", descending=[True, False])
    return [RunReport(**row) for row in newest_first.iter_rows(named=True)]


def count_by_reason(rows: pl.DataFrame) -> list[Reason]:
    """Return the problems by kind, starting with errors and with the frequent ones."""
    problems = rows.explode("findings").drop_nulls("findings").unnest("findings")
    place = pl.concat_str("name", "file", separator="/", ignore_nulls=True)
    counted = (
        problems.with_columns(kind=pl.col("reason").str.replace_all(VARYING, "…"), place=place)
        .group_by("level", "kind", "fix")
        .agg(pl.len().alias("count"), pl.col("place").min().alias("example"))
        .sort("level", "count", "kind", descending=[False, True, False])
        .rename({"kind": "reason"})
    )
    return [Reason(**row) for row in counted.iter_rows(named=True)]


def _source_kind() -> pl.Expr:
    sources = ["run", "registry", "catalog", "external"]
    return pl.when(pl.col("role").is_in(sources)).then("role").otherwise(pl.lit("folder"))


def _runs_of_folders(lake: Lake) -> pl.DataFrame:
    """Return the run of each folder."""
    columns = ["workspace_id", "task_run_id"]
    of_folders = pl.concat([lake.read("loops", columns), lake.read("workspaces", columns)])
    return of_folders.drop_nulls().unique("workspace_id", keep="first", maintain_order=True)


def _registered_names(lake: Lake) -> dict[str, str]:
    claims = is_of_kind("trace", "registry")
    return match_registered_names(lake.read("evidence", ["source", "workspace_id"], claims).rows())
