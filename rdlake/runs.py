"""From a log folder to committed rows: a run's loops, and what each says of its workspaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl

from rdlake.derive import derive
from rdlake.evidence import Evidence, evidence_rows, said_by_run
from rdlake.experiment import Finding
from rdlake.known import Known
from rdlake.lake import Lake
from rdlake.outcome import Outcome, Status, ingest_rows
from rdlake.rows import frame_of
from rdlake.run import Run
from rdlake.sources.traces import RunFolder, find_runs, read_run, scan_run
from rdlake.tables import table

__all__ = ["ReadRun", "commit_runs", "find_all", "read_found"]


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
class ReadRun:
    """One run as it was read. One that is not new was read for what it names alone; of one that
    could not be listed, what the lake has stays."""

    task_run_id: str
    run: Run
    is_new: bool
    listed: bool

    @property
    def source(self) -> str:
        return f"trace:{self.task_run_id}"


def read_found(
    found: tuple[RunFolder, str], *, known: Known, key: bytes | None, to_be_read: bool
) -> ReadRun | None:
    """A run that is new, changed, or `to_be_read`; None when it is what the lake already has."""
    folder, task_run_id = found
    source = f"trace:{task_run_id}"
    scanned = scan_run(folder.path)
    to_prove = key is not None and source in known.unproven
    is_same = scanned.listed and known.stats.get(source) == scanned.stat_digest and not to_prove
    if is_same and not to_be_read:
        return None
    run = read_run(folder, scanned, key=key)
    is_same = is_same or known.contents.get(source) == run.source_digest
    if is_same and not to_be_read:
        return None
    return ReadRun(task_run_id, run, not is_same, scanned.listed)


def commit_runs(lake: Lake, read: Sequence[ReadRun], reader_version: int) -> list[Outcome]:
    """One batch: what the runs say, the rows that follow, and what became of each."""
    listed = [each for each in read if each.listed]
    said = {each.task_run_id: said_by_run(each.run, each.task_run_id) for each in listed}
    parts = list(chain.from_iterable(said.values()))
    sources = [each.source for each in listed]
    before = lake.read("evidence", ["workspace_id"], pl.col("source").is_in(sources))
    lake.commit(
        {
            "evidence": evidence_rows(parts),
            "task_runs": frame_of(table("task_runs"), list(map(_task_run, listed))),
        },
        {"source": sources, "task_run_id": list(said)},
    )
    outcomes: list[Outcome] = []

    def report(found: Mapping[str, tuple[Finding, ...]]) -> pl.DataFrame:
        outcomes.extend(_outcome(each, said.get(each.task_run_id, ()), found) for each in read)
        return ingest_rows(outcomes, reader_version)

    derive(lake, {*(part.workspace_id for part in parts), *before["workspace_id"]}, report)
    return outcomes


def _outcome(
    read: ReadRun, said: Sequence[Evidence], found: Mapping[str, tuple[Finding, ...]]
) -> Outcome:
    of_loops = chain.from_iterable(found.get(part.workspace_id, ()) for part in said)
    findings = (*read.run.findings, *of_loops)
    bad = any(finding.level == "error" for finding in findings)
    status: Status = "failed" if not read.listed else "partial" if bad else "ok"
    return Outcome(read.task_run_id, status, "run", findings, read.run.source_digest)


def _task_run(read: ReadRun) -> dict[str, object]:
    run = read.run
    return {
        "task_run_id": read.task_run_id,
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
