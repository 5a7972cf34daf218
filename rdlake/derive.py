"""From evidence to rows: what the lake shows of some workspaces, made anew of all that is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import polars as pl

from rdlake.cached import cached_loops, with_executed
from rdlake.evidence import read_evidence
from rdlake.experiment import Finding
from rdlake.extract import derived
from rdlake.lake import Lake

__all__ = ["derive"]

Report = Callable[[Mapping[str, tuple[Finding, ...]]], pl.DataFrame]


def derive(
    lake: Lake, workspace_ids: Collection[str], report: Report | None = None
) -> Mapping[str, tuple[Finding, ...]]:
    """Commit the rows of these workspaces, and what was found wrong in them. `report` makes the
    rows of `ingests` of that, which are committed last."""
    ids = sorted({*workspace_ids, *cached_loops(lake)} if workspace_ids else ())
    where = pl.col("workspace_id").is_in(ids)
    made = derived(read_evidence(lake.read("evidence", where=where)) if ids else [])
    frames = {**made.frames, "loops": with_executed(lake, made.frames, ids)}
    if report:
        frames["ingests"] = report(made.findings)
    lake.commit(frames, {"workspace_id": ids})
    return made.findings
