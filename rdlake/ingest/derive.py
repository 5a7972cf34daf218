"""From evidence to rows: what the lake shows of some workspaces, made anew of all that is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.evidence import (
    NOBODY,
    housed,
    name_of,
    read_evidence,
    registered_names,
    renamed,
)
from rdlake.evidence.rows import derived
from rdlake.ingest.borrowed import borrowed_feedback
from rdlake.ingest.cached import cached_loops, with_executed
from rdlake.store.lake import Lake

Report = Callable[[Mapping[str, tuple[Finding, ...]]], pl.DataFrame]


def derive(
    lake: Lake, workspace_ids: Collection[str], report: Report | None = None
) -> Mapping[str, tuple[Finding, ...]]:
    """Commit the rows of these workspaces, and what was found wrong in them. `report` makes the
    rows of `ingests` of that, which are committed last."""
    names, others = _named_together(lake, workspace_ids)
    borrowed = borrowed_feedback(lake, workspace_ids)
    concerned = {*others, *cached_loops(lake), *borrowed.concerned} if workspace_ids else ()
    ids = sorted({*workspace_ids, *concerned})
    where = pl.col("workspace_id").is_in(ids)
    evidence = read_evidence(lake.read("evidence", where=where)) if ids else []
    made = derived(housed([renamed(part, names) for part in borrowed.without(evidence)]))
    found = {
        key: (*findings, borrowed.finding(key)) if key in borrowed.runs else findings
        for key, findings in made.findings.items()
    }
    frames = {**made.frames, "loops": with_executed(lake, made.frames, ids)}
    if report:
        frames["ingests"] = report(found)
    lake.commit(frames, {"workspace_id": ids})
    return found


def _named_together(
    lake: Lake, workspace_ids: Collection[str]
) -> tuple[dict[str, str], frozenset[str]]:
    """The registry's id of each run that has a log, and every workspace of the logs and registered
    runs that name one of these: what a registry says of one workspace names the run of them all,
    and a loop without a folder in one of the two may have it in the other."""
    columns = ["source", "workspace_id"]
    registered = lake.read("evidence", columns, pl.col("source").str.starts_with("registry:"))
    if registered.is_empty() or not workspace_ids:
        return {}, frozenset()
    logged = lake.read("evidence", columns, pl.col("source").str.starts_with("trace:"))
    names = registered_names([*registered.rows(), *logged.rows()])
    run = pl.col("source").map_elements(
        lambda source: names.get(name_of(source), name_of(source)), pl.String
    )
    every = pl.concat([registered, logged]).with_columns(run=run)
    of_these = every.filter(pl.col("workspace_id").is_in(list(workspace_ids)))["run"].unique()
    homeless = every.filter(pl.col("workspace_id").str.starts_with(NOBODY))["run"]
    told_twice = {*names.values(), *homeless}.intersection(of_these)
    others = every.filter(pl.col("run").is_in(sorted(told_twice)))["workspace_id"]
    return names, frozenset(others)
