"""Derive the rows of some workspaces anew from all evidence that the lake has on them.

New evidence may change the rows of other workspaces as well, in three ways. A registry's word on
one workspace names the run of them all. A cached loop may find the loop that it was taken from.
Feedback may turn out to stand under several runs. `derive_rows` finds these workspaces and derives
them, too. It commits nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.domain.ids import has_folder
from rdlake.evidence import (
    COPIES,
    Evidence,
    Source,
    is_of_kind,
    match_registered_names,
    move_to_folders,
    parse_evidence,
    rename_run,
    source_names,
)
from rdlake.evidence.rows import rows_of_evidence
from rdlake.store.lake import Lake

FindingsById = Mapping[str, tuple[Finding, ...]]
"""What was found wrong in the rows of each workspace."""

_LOOP_COLUMNS = ("workspace_id", "role", "cached", "created_at", "metrics", "ic")
_FACTOR_COLUMNS = ("workspace_id", "factor_name", "code_sha256")
_FEEDBACK_TEXTS = ("summary_execution", "summary_value_feedback", "summary_shape_feedback")


@dataclass(frozen=True)
class DerivedRows:
    """Hold all rows of some workspaces by table, and what was found wrong in them."""

    workspace_ids: Sequence[str] = ()
    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    findings: FindingsById = field(default_factory=dict)


def derive_rows(lake: Lake, workspace_ids: Collection[str]) -> DerivedRows:
    """Return the rows of these workspaces, and of those that change with them."""
    if not workspace_ids:
        return DerivedRows()
    names, companions = _find_companions(lake, workspace_ids)
    shared = _find_shared_feedback(lake, workspace_ids)
    ids = sorted({*workspace_ids, *companions, *_cached_loops(lake), *shared.workspace_ids})
    evidence = parse_evidence(lake.read("evidence", where=pl.col("workspace_id").is_in(ids)))
    parts = [rename_run(part, names) for part in shared.remove_from(evidence)]
    derived = rows_of_evidence(move_to_folders(parts))
    findings = {
        key: (*each, shared.finding(key)) if key in shared.runs else each
        for key, each in derived.findings.items()
    }
    frames = {**derived.frames, "loops": _resolve_cached(lake, derived.frames, ids)}
    return DerivedRows(ids, frames, findings)


def _find_companions(
    lake: Lake, workspace_ids: Collection[str]
) -> tuple[dict[str, str], frozenset[str]]:
    """Return the registry's id of each run that has a log, and the workspaces of related runs.

    Related are logs and registered runs that name one of these workspaces and either go by two
    names or have a loop without a folder, which may have its folder in the other source.
    """
    columns = ["source", "workspace_id"]
    registered = lake.read("evidence", columns, is_of_kind("registry"))
    if registered.is_empty():
        return {}, frozenset()
    both = pl.concat([registered, lake.read("evidence", columns, is_of_kind("trace"))])
    names = match_registered_names(both.rows())
    runs = [Source.parse(text).name for text in both["source"]]
    every = both.with_columns(run=pl.Series([names.get(run, run) for run in runs], dtype=pl.String))
    of_these = every.filter(pl.col("workspace_id").is_in(list(workspace_ids)))["run"].unique()
    without_folder = {run for _, key, run in every.rows() if not has_folder(key)}
    related = {*names.values(), *without_folder}.intersection(of_these)
    companions = every.filter(pl.col("run").is_in(sorted(related)))["workspace_id"]
    return names, frozenset(companions)


# --- loops whose result RD-Agent took from its cache ---------------------------------------------


def _cached_loops(lake: Lake) -> list[str]:
    """Return the workspaces of cached loops; any new loop may be what they were taken from."""
    rows = lake.read("loops", ["workspace_id"], pl.col("cached"))
    return sorted(rows["workspace_id"])


def _resolve_cached(
    lake: Lake, frames: Mapping[str, pl.DataFrame], ids: Collection[str]
) -> pl.DataFrame:
    """Return the rows of `loops`, with the loop that each cached one was taken from.

    That is the earliest loop of the same role that ran the same tasks and has exactly the same
    metrics; null where none is known. `ids` are the workspaces of which `frames` has all rows.
    """
    loops = frames["loops"]
    cached = loops.filter("cached", "has_result")
    if cached.is_empty():
        return loops
    elsewhere = ~pl.col("workspace_id").is_in(list(ids))
    alike = pl.col("ic").is_in(cached["ic"].to_list(), nulls_equal=True) & pl.col("has_result")
    stored = lake.read("loops", _LOOP_COLUMNS, elsewhere & alike)
    ran = pl.concat([stored, loops.filter(alike).select(_LOOP_COLUMNS)]).filter(
        ~pl.col("cached").eq_missing(True)
    )
    owners = pl.col("workspace_id").is_in([*ran["workspace_id"], *cached["workspace_id"]])
    factors = pl.concat(
        [
            lake.read("factors", _FACTOR_COLUMNS, elsewhere & owners),
            frames["factors"].select(_FACTOR_COLUMNS),
        ]
    ).drop_nulls()
    tasks: dict[str, set[tuple[str, str]]] = {}
    for workspace_id, name, code in factors.rows():
        tasks.setdefault(workspace_id, set()).add((name, code))
    origins: dict[Any, str] = {}
    earliest_last = ran.sort("created_at", "workspace_id", descending=True, nulls_last=False)
    for row in earliest_last.iter_rows(named=True):
        origins[_result_key(row, tasks)] = row["workspace_id"]
    resolved = {
        row["workspace_id"]: origin
        for row in cached.to_dicts()
        if (origin := origins.get(_result_key(row, tasks)))
    }
    return loops.with_columns(
        result_workspace_id=pl.col("workspace_id").replace_strict(
            resolved, default=None, return_dtype=pl.String
        )
    )


def _result_key(row: Mapping[str, Any], tasks: Mapping[str, set[tuple[str, str]]]) -> Any:
    """Return what two loops have in common when one was taken from the other."""
    metrics = tuple(sorted(dict(row["metrics"] or {}).items()))
    return row["role"], repr(metrics), frozenset(tasks.get(row["workspace_id"], ()))


# --- feedback that JSON and catalogs attached to several runs ------------------------------------


@dataclass(frozen=True)
class SharedFeedback:
    """Hold feedback that stands, word for word, under several runs.

    `runs` are these runs by workspace. `workspace_ids` are the workspaces whose rows change with
    that, among them those whose feedback stood under another run before.
    """

    runs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    workspace_ids: frozenset[str] = frozenset()

    def remove_from(self, evidence: Sequence[Evidence]) -> list[Evidence]:
        """Return the evidence without feedback whose run is not known, and without its decision."""
        return [
            replace(part, feedback=None, loop=part.loop and {**part.loop, "decision": None})
            if part.kind in COPIES and part.workspace_id in self.runs
            else part
            for part in evidence
        ]

    def finding(self, workspace_id: str) -> Finding:
        """Return why the workspace has no feedback."""
        runs = " and ".join(self.runs[workspace_id])
        reason = (
            f"the feedback of {workspace_id} stands, word for word, under the runs {runs}; "
            "it is taken from all of them"
        )
        fix = "ingest the logs of these runs: they tell whose it is"
        return Finding("warning", None, reason, fix)


def _find_shared_feedback(lake: Lake, workspace_ids: Collection[str]) -> SharedFeedback:
    """Find feedback of JSON and catalogs that has the same words under different runs.

    Find nothing when no evidence on these workspaces can have changed that.
    """
    if lake.read("evidence", ["source"], is_of_kind(*COPIES)).is_empty():
        return SharedFeedback()
    these = pl.col("workspace_id").is_in(list(workspace_ids))
    concluded = lake.read("evidence", ["source"], these & is_of_kind(*COPIES, "trace"))
    if concluded.is_empty() and lake.read("workspaces", ["workspace_id"], these).is_empty():
        return SharedFeedback()
    has_text = pl.any_horizontal(pl.col(_FEEDBACK_TEXTS).is_not_null())
    copied = _read_feedback(lake, is_of_kind(*COPIES)).filter(has_text)
    if copied.is_empty():
        return SharedFeedback()
    runs: dict[str, set[str]] = {}
    for workspace_id, names in _several_runs(lake, copied).rows():
        runs.setdefault(workspace_id, set()).update(names)
    with_feedback = set(lake.read("feedback", ["workspace_id"])["workspace_id"])
    return SharedFeedback(
        {key: tuple(sorted(names)) for key, names in sorted(runs.items())},
        frozenset({*runs, *(set(copied["workspace_id"]) - with_feedback)}),
    )


def _several_runs(lake: Lake, copied: pl.DataFrame) -> pl.DataFrame:
    """Return the copied feedback that stands under several runs: workspace_id, runs.

    Feedback of a workspace that a log names is proven to be of that log's run, and is left out.
    """
    in_log = pl.col("content").str.json_path_match("$.feedback.summary_execution")
    same_words = in_log.is_in(copied["summary_execution"].drop_nulls().to_list())
    logged = _read_feedback(lake, is_of_kind("trace") & same_words)
    claims = lake.read("evidence", ["source", "workspace_id"], is_of_kind("trace"))
    proven = claims.select("workspace_id", logged=source_names("trace")).unique("workspace_id")
    run = pl.coalesce("logged", "run", pl.format("synthetic_{}", "workspace_id"))
    return (
        pl.concat([copied, logged])
        .join(proven, on="workspace_id", how="left")
        .with_columns(run=run)
        .with_columns(
            runs=pl.col("run").unique().sort().over(_FEEDBACK_TEXTS, mapping_strategy="join")
        )
        .filter(pl.col("runs").list.len() > 1, pl.col("logged").is_null())
        .select("workspace_id", "runs")
    )


def _read_feedback(lake: Lake, where: pl.Expr) -> pl.DataFrame:
    """Return workspace, run and the texts of the feedback, from some evidence."""
    content = pl.col("content").str
    return lake.read("evidence", ["workspace_id", "source", "content"], where).select(
        "workspace_id",
        run=content.json_path_match("$.loop.task_run_id"),
        **{name: content.json_path_match(f"$.feedback.{name}") for name in _FEEDBACK_TEXTS},
    )
