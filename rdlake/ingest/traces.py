"""From a log folder to committed rows: a run's loops, and what each says of its workspaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.domain.trace import TracedRun
from rdlake.evidence import Evidence, evidence_rows, said_by_run
from rdlake.ingest.content import Keep, keep_code
from rdlake.ingest.derive import derive
from rdlake.ingest.outcome import Outcome, Status, ingest_rows
from rdlake.ingest.previous import Known, KnownRun
from rdlake.ingest.request import EVERYTHING, Selection, finished_part
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.traces import RunFolder, find_last_write, find_runs, read_run, scan_run
from rdlake.store.lake import Lake


def find_all(logs: Sequence[str | Path]) -> tuple[list[RunFolder], list[Finding]]:
    """Every run below the log roots, and what of the roots was left out."""
    found: dict[Path, RunFolder] = {}
    beside: list[Finding] = []
    for root in logs:
        listing = find_runs(Path(root))
        beside += listing.findings
        for run in listing.runs:
            found.setdefault(run.path, run)
    return list(found.values()), beside


@dataclass(frozen=True, slots=True)
class ReadRun:
    """One run as it was read. One that is not new was read for what it names alone; of one that is
    not `listed`, because it cannot be or has no name of its own, nothing is taken and nothing of
    what the lake has goes."""

    task_run_id: str
    run: TracedRun
    is_new: bool
    listed: bool

    @property
    def source(self) -> str:
        return f"trace:{self.task_run_id}"


def names_of(folder: RunFolder) -> tuple[str, str]:
    """What a run may be called: by its folder's name, with the parent's before it where another run
    has that."""
    return folder.path.name, f"{folder.path.parent.name}_{folder.path.name}"


class RunReader:
    """Reads the runs that are new or changed, and are asked for, and gives each its task_run_id."""

    def __init__(
        self, known: Known, key: bytes | None, selection: Selection = EVERYTHING, *, read_all: bool
    ) -> None:
        self._known, self._key, self._read_all = known, key, read_all
        self._selection = selection
        self._runs = dict(known.runs)
        self.left = Counter[str]()
        """Runs that were not asked for, by reason."""
        self.named = set[str]()
        """The folders that the others name."""
        self.running = set[str]()
        """Those of them whose loops were left, because they may still be running."""

    def read(self, folder: RunFolder) -> ReadRun | None:
        """None when the run is what the lake already has, or is not asked for."""
        names, chosen = names_of(folder), self._selection
        if not chosen.wants(*names):
            self.left["of no run that was asked for"] += 1
            return None
        scanned = scan_run(folder.path)
        if chosen.since and not chosen.reaches(find_last_write(scanned)):
            self.left["older than --since-date"] += 1
            return None
        same = [name for name in names if self._is_same(name, scanned.stat_digest)]
        if scanned.listed and same and not self._read_all:
            self.named |= self._runs[same[0]].workspace_ids
            return None
        run = read_run(folder, scanned, key=self._key)
        self.named |= run.workspace_ids
        if chosen.only_finished:
            run, running = finished_part(run)
            self.running |= running
            if running and not run.loops:
                self.left["not finished"] += 1
                return None
        return self._compared(run, names, same=bool(scanned.listed and same), listed=scanned.listed)

    def _compared(
        self, run: TracedRun, names: Sequence[str], *, same: bool, listed: bool
    ) -> ReadRun | None:
        """The run under a name of its own; None when it is what the lake already has."""
        name = next((each for each in names if self._may_be(each, run)), None)
        if name is None:
            return self._refused(run, names)
        same = same or self._known.contents.get(f"trace:{name}") == run.source_digest
        if same and not self._read_all:
            return None
        if listed:
            self._runs[name] = KnownRun(run.created_at, run.workspace_ids, proven=True)
        return ReadRun(name, run, not same, listed)

    def _refused(self, run: TracedRun, names: Sequence[str]) -> ReadRun | None:
        """A run without a name of its own: its rows would replace those of another."""
        name = f"{names[-1]}~{run.source_digest[:8]}"
        if self._known.contents.get(f"trace:{name}") == run.source_digest:
            return None
        reason = f"other runs are called {' and '.join(names)} in the lake; nothing of this one is"
        finding = Finding("error", None, reason, "give its folder another name and ingest again")
        refused = replace(run, findings=(*run.findings, finding))
        return ReadRun(name, refused, is_new=True, listed=False)

    def _is_same(self, name: str, stat_digest: str) -> bool:
        return self._known.stats.get(f"trace:{name}") == stat_digest and not self._to_prove(name)

    def _to_prove(self, name: str) -> bool:
        """Whether its signatures could not be checked before, and now there is a key."""
        known = self._known.runs.get(name)
        return self._key is not None and known is not None and not known.proven

    def _may_be(self, name: str, run: TracedRun) -> bool:
        known = self._runs.get(name)
        return known is None or run.stat_digest is None or known.may_be(run)


def commit_runs(
    lake: Lake, read: Sequence[ReadRun], reader_version: int, keep: Keep
) -> list[Outcome]:
    """One batch: what the runs say, the rows that follow, and what became of each. Code that they
    hold is kept first."""
    listed = [each for each in read if each.listed]
    loops = chain.from_iterable(each.run.loops for each in listed)
    keep_code(lake, keep, chain.from_iterable(loop.tasks or () for loop in loops))
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
        outcomes.extend(planned(each, said.get(each.task_run_id, ()), found) for each in read)
        return ingest_rows(outcomes, reader_version)

    derive(lake, {*(part.workspace_id for part in parts), *before["workspace_id"]}, report)
    return outcomes


def planned(
    read: ReadRun,
    said: Sequence[Evidence] = (),
    found: Mapping[str, tuple[Finding, ...]] = MappingProxyType({}),
) -> Outcome:
    """What becomes of a run as it was read, with what was `found` in the rows of its loops."""
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
