"""What became of everything that was ever ingested: by run, by reason, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from rdlake.errors import BadInput
from rdlake.evidence import registered_names
from rdlake.store.lake import Lake

STATUSES = ("ok", "partial", "skipped", "failed")
ALONE = "synthetic_"
VARYING = r"[0-9a-f]{8,}|-?[0-9]+\.[0-9]+(e[-+]?[0-9]+)?|[0-9][0-9,]{2,}"
"""What makes one reason look like many: ids, figures, sizes."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """How many folders and sources of one run became what; no name stands for those of no run."""

    task_run_id: str | None
    ok: int
    partial: int
    skipped: int
    failed: int
    errors: int
    warnings: int
    ingested_at: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """One kind of problem: how often it was met, where for one, and what to do."""

    level: str
    count: int
    reason: str
    example: str
    fix: str


def ingested(lake: Lake, task_run_id: str | None = None) -> pl.DataFrame:
    """The last ingest of each folder, log, registered run and export: task_run_id, name, role,
    status, ingested_at, findings. BadInput for a run of which nothing was ingested."""
    rows = (
        lake.read("ingests")
        .sort("ingested_at", "batch_id", maintain_order=True)
        .with_columns(kind=_kind())
        .unique(["kind", "workspace_id"], keep="last", maintain_order=True)
    )
    names = pl.DataFrame(
        list(_names(lake).items()),
        schema={"workspace_id": pl.String, "registered": pl.String},
        orient="row",
    )
    of_run = pl.col("kind").is_in(["run", "registry"])
    run = pl.when(of_run).then(pl.coalesce("registered", "workspace_id")).otherwise("task_run_id")
    found = (
        rows.join(_runs(lake), on="workspace_id", how="left")
        .join(names, on="workspace_id", how="left")
        .with_columns(task_run_id=pl.when(~run.str.starts_with(ALONE)).then(run))
        .rename({"workspace_id": "name"})
        .select("task_run_id", "name", "role", "status", "ingested_at", "findings")
        .sort("task_run_id", "name", "role", nulls_last=True)
    )
    if task_run_id is None:
        return found
    name = _names(lake).get(task_run_id, task_run_id)
    of_it = found.filter(pl.col("task_run_id") == name)
    if of_it.is_empty():
        fix = "rdlake ingests lists the runs"
        raise BadInput(
            f"nothing of a run called {task_run_id} was ingested", where=lake.root, fix=fix
        )
    return of_it


def by_run(rows: pl.DataFrame) -> list[RunReport]:
    """One report a run, those that were ingested last first."""
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


def by_reason(rows: pl.DataFrame) -> list[Reason]:
    """The problems by kind, errors and the frequent ones first."""
    found = rows.explode("findings").drop_nulls("findings").unnest("findings")
    place = pl.concat_str("name", "file", separator="/", ignore_nulls=True)
    counted = (
        found.with_columns(kind=pl.col("reason").str.replace_all(VARYING, "…"), place=place)
        .group_by("level", "kind", "fix")
        .agg(pl.len().alias("count"), pl.col("place").min().alias("example"))
        .sort("level", "count", "kind", descending=[False, True, False])
        .rename({"kind": "reason"})
    )
    return [Reason(**row) for row in counted.iter_rows(named=True)]


def _kind() -> pl.Expr:
    sources = ["run", "registry", "catalog", "external"]
    return pl.when(pl.col("role").is_in(sources)).then("role").otherwise(pl.lit("folder"))


def _runs(lake: Lake) -> pl.DataFrame:
    """The run of each folder."""
    columns = ["workspace_id", "task_run_id"]
    of_folders = pl.concat([lake.read("loops", columns), lake.read("workspaces", columns)])
    return of_folders.drop_nulls().unique("workspace_id", keep="first", maintain_order=True)


def _names(lake: Lake) -> dict[str, str]:
    sources = lake.read("evidence", ["source", "workspace_id"])
    pairs: list[Any] = sources.rows()
    return registered_names(pairs)
