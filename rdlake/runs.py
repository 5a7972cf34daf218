"""From a log folder to committed rows: a run's loops, and what each says of its workspaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl

from rdlake.derive import derive
from rdlake.evidence import evidence_rows, said_by_run
from rdlake.experiment import Finding
from rdlake.known import Known
from rdlake.lake import Lake
from rdlake.outcome import Outcome, Status, ingest_rows
from rdlake.rows import frame_of
from rdlake.run import Run
from rdlake.sources.traces import RunFolder, find_runs, read_run, scan_run
from rdlake.tables import table

__all__ = ["Ingested", "find_all", "ingest_run"]


def find_all(logs: Sequence[str | Path]) -> tuple[list[tuple[RunFolder, str]], list[Finding]]:
    """Every run below the log roots with its task_run_id, and what of the roots was left out. Of
    two runs of one name the later has its parent's name before its own."""
    found: dict[str, RunFolder] = {}
    beside: list[Finding] = []
    for root in logs:
        listing = find_runs(Path(root))
        beside += listing.findings
        for run in listing.runs:
            if run.path in {other.path for other in found.values()}:
                continue
            name = run.path.name
            found[f"{run.path.parent.name}_{name}" if name in found else name] = run
    return [(run, name) for name, run in found.items()], beside


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one run, None when it is what the lake already has; and the folders in which
    it says that its workspaces lie, where it was read."""

    outcome: Outcome | None
    workspace_roots: tuple[str, ...] = ()


def ingest_run(
    lake: Lake,
    found: tuple[RunFolder, str],
    known: Known,
    key: bytes | None,
    reader_version: int,
    *,
    to_be_read: bool = False,
) -> Ingested:
    """Take one run into the lake. It is read when it is new or changed, or is `to_be_read`."""
    folder, task_run_id = found
    source = f"trace:{task_run_id}"
    scanned = scan_run(folder.path)
    to_prove = key is not None and source in known.unproven
    is_same = scanned.listed and known.stats.get(source) == scanned.stat_digest
    if is_same and not to_prove and not to_be_read:
        return Ingested(None)
    run = read_run(folder, scanned, key=key)
    if (is_same and not to_prove) or known.contents.get(source) == run.source_digest:
        return Ingested(None, run.workspace_roots)
    if not scanned.listed:
        return Ingested(_failed(lake, run, task_run_id, reader_version))
    return Ingested(_commit(lake, run, task_run_id, reader_version), run.workspace_roots)


def _commit(lake: Lake, run: Run, task_run_id: str, reader_version: int) -> Outcome:
    source = f"trace:{task_run_id}"
    said = said_by_run(run, task_run_id)
    before = lake.read("evidence", ["workspace_id"], pl.col("source") == source)
    lake.commit(
        {"evidence": evidence_rows(said), "task_runs": _task_run(run, task_run_id)},
        {"source": [source], "task_run_id": [task_run_id]},
    )
    outcomes: list[Outcome] = []

    def report(found: Mapping[str, tuple[Finding, ...]]) -> pl.DataFrame:
        of_loops = chain.from_iterable(found.get(each.workspace_id, ()) for each in said)
        findings = (*run.findings, *of_loops)
        bad = any(finding.level == "error" for finding in findings)
        status: Status = "partial" if bad else "ok"
        outcomes.append(Outcome(task_run_id, status, "run", findings, run.source_digest))
        return ingest_rows(outcomes, reader_version)

    derive(lake, [*(each.workspace_id for each in said), *before["workspace_id"]], report)
    return outcomes[0]


def _failed(lake: Lake, run: Run, task_run_id: str, reader_version: int) -> Outcome:
    """A run whose folder cannot be listed: what the lake has of it stays."""
    outcome = Outcome(task_run_id, "failed", "run", run.findings, run.source_digest)
    lake.commit({"ingests": ingest_rows([outcome], reader_version)}, {})
    return outcome


def _task_run(run: Run, task_run_id: str) -> pl.DataFrame:
    row = {
        "task_run_id": task_run_id,
        "scenario": run.scenario,
        "scenario_raw": run.scenario_raw,
        "status": run.status,
        "log_path": run.path,
        "signature": run.signature,
        "rdagent_version": run.rdagent_version,
        "llm_model": run.llm_model,
        "llm_cost": run.llm_cost,
        "loops": len(run.loops),
        "created_at": run.created_at,
        "ended_at": run.ended_at,
        "provenance": {"scenario": "trace"} if run.scenario else {},
        "source_digest": run.source_digest,
        "stat_digest": run.stat_digest,
    }
    return frame_of(table("task_runs"), [row])
