"""Feedback that stands under more than one run: JSON and catalogs attached it to the wrong one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.evidence import COPIES, Evidence
from rdlake.store.lake import Lake

TEXTS = ("summary_execution", "summary_value_feedback", "summary_shape_feedback")


@dataclass(frozen=True)
class Borrowed:
    """By workspace, the runs that its feedback stands under; and the workspaces whose rows follow
    from that, those among them whose feedback stood under another run before."""

    runs: Mapping[str, Sequence[str]]
    concerned: frozenset[str]

    def without(self, evidence: Sequence[Evidence]) -> list[Evidence]:
        """The evidence without feedback of which nobody knows whose it is, nor its decision."""
        return [
            replace(part, feedback=None, loop=part.loop and {**part.loop, "decision": None})
            if part.kind in COPIES and part.workspace_id in self.runs
            else part
            for part in evidence
        ]

    def finding(self, workspace_id: str) -> Finding:
        """Why the workspace has no feedback."""
        runs = " and ".join(self.runs[workspace_id])
        reason = (
            f"the feedback of {workspace_id} stands, word for word, under the runs {runs}; "
            "it is taken from all of them"
        )
        fix = "ingest the logs of these runs: they tell whose it is"
        return Finding("warning", None, reason, fix)


def borrowed_feedback(lake: Lake, workspace_ids: Collection[str]) -> Borrowed:
    """The feedback of JSON and catalogs that has the same words under different runs; nothing when
    what is known of these workspaces cannot have changed that."""
    nothing = Borrowed({}, frozenset())
    if lake.read("evidence", ["source"], _of(*COPIES)).is_empty():
        return nothing
    these = pl.col("workspace_id").is_in(list(workspace_ids))
    concluded = lake.read("evidence", ["source"], these & _of(*COPIES, "trace"))
    if concluded.is_empty() and lake.read("workspaces", ["workspace_id"], these).is_empty():
        return nothing
    copied = _said(lake, _of(*COPIES)).filter(pl.any_horizontal(pl.col(TEXTS).is_not_null()))
    if copied.is_empty():
        return nothing
    of_log = pl.col("content").str.json_path_match("$.feedback.summary_execution")
    known = of_log.is_in(copied["summary_execution"].drop_nulls().to_list())
    logged = _said(lake, _of("trace") & known)
    owners = lake.read("evidence", ["source", "workspace_id"], _of("trace"))
    proven = owners.select("workspace_id", logged=pl.col("source").str.strip_prefix("trace:"))
    said = pl.concat([copied, logged]).join(
        proven.unique("workspace_id"), on="workspace_id", how="left"
    )
    run = pl.coalesce("logged", "run", pl.format("synthetic_{}", "workspace_id"))
    shared = (
        said.with_columns(run=run)
        .with_columns(runs=pl.col("run").unique().sort().over(TEXTS, mapping_strategy="join"))
        .filter(pl.col("runs").list.len() > 1, pl.col("logged").is_null())
    )
    runs: dict[str, set[str]] = {}
    for workspace_id, names in shared.select("workspace_id", "runs").rows():
        runs.setdefault(workspace_id, set()).update(names)
    there = set(lake.read("feedback", ["workspace_id"])["workspace_id"])
    return Borrowed(
        {key: tuple(sorted(names)) for key, names in sorted(runs.items())},
        frozenset({*runs, *(set(copied["workspace_id"]) - there)}),
    )


def _of(*kinds: str) -> pl.Expr:
    """Evidence of these kinds; as a range, so that files without any are not opened for it."""
    source = pl.col("source")
    return pl.any_horizontal((source >= f"{kind}:") & (source < f"{kind};") for kind in kinds)


def _said(lake: Lake, where: pl.Expr) -> pl.DataFrame:
    """Workspace, run and the texts of what was concluded, as some sources have them."""
    content = pl.col("content").str
    return lake.read("evidence", ["workspace_id", "source", "content"], where).select(
        "workspace_id",
        run=content.json_path_match("$.loop.task_run_id"),
        **{name: content.json_path_match(f"$.feedback.{name}") for name in TEXTS},
    )
