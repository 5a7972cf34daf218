"""Read RD-Agent's log folders and commit what each run says of its workspaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from rdlake.domain.experiment import Finding
from rdlake.domain.trace import TracedRun
from rdlake.evidence import Source, evidence_of_trace
from rdlake.ingest.commit import BatchContent, commit_batch, findings_of
from rdlake.ingest.content import Keep, keep_code
from rdlake.ingest.derive import FindingsById
from rdlake.ingest.outcome import Outcome, status_by
from rdlake.ingest.previous import PreviousIngest, PreviousRun
from rdlake.ingest.request import EVERYTHING, Selection, finished_part
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.traces import RunFolder, find_last_write, find_runs, read_run, scan_run
from rdlake.store.lake import Lake


def find_log_folders(logs: Sequence[str | Path]) -> tuple[list[RunFolder], list[Finding]]:
    """Return every run below the log roots, and what is wrong with the roots themselves."""
    folders: dict[Path, RunFolder] = {}
    findings: list[Finding] = []
    for root in logs:
        listing = find_runs(Path(root))
        findings += listing.findings
        for run in listing.runs:
            folders.setdefault(run.path, run)
    return list(folders.values()), findings


@dataclass(frozen=True, slots=True)
class TraceReading:
    """Hold one run as it was read.

    A run that is not new was read only for the folders that it names. A run that is not `listed`
    cannot be listed or has no name of its own: nothing of it is taken, and what the lake has of it
    stays.
    """

    task_run_id: str
    run: TracedRun
    is_new: bool
    listed: bool

    @property
    def source(self) -> Source:
        """Return the source of the run's evidence."""
        return Source("trace", self.task_run_id)


def possible_names(folder: RunFolder) -> tuple[str, str]:
    """Return what a run may be called: its folder's name, or that with the parent's name before it.

    The second counts where another run has the first.
    """
    return folder.path.name, f"{folder.path.parent.name}_{folder.path.name}"


class TraceReader:
    """Read the runs that are selected and are new or changed, and give each its task_run_id.

    `left` counts runs that were not selected, by reason. `named` are the folders that the other
    runs name; `running` are those of them that were left because their loop may still be running.
    """

    def __init__(
        self,
        previous: PreviousIngest,
        key: bytes | None,
        selection: Selection = EVERYTHING,
        *,
        read_all: bool,
    ) -> None:
        self._previous, self._key, self._read_all = previous, key, read_all
        self._selection = selection
        self._runs = dict(previous.runs)
        self.left = Counter[str]()
        self.named = set[str]()
        self.running = set[str]()

    def read(self, folder: RunFolder) -> TraceReading | None:
        """Return the run; None when the lake has it already, or it is not selected."""
        names, selection = possible_names(folder), self._selection
        if not selection.wants(*names):
            self.left["of no run that was asked for"] += 1
            return None
        scanned = scan_run(folder.path)
        if selection.since and not selection.reaches(find_last_write(scanned)):
            self.left["older than --since-date"] += 1
            return None
        unchanged = [name for name in names if self._is_unchanged(name, scanned.stat_digest)]
        if scanned.listed and unchanged and not self._read_all:
            self.named |= self._runs[unchanged[0]].workspace_ids
            return None
        run = read_run(folder, scanned, key=self._key)
        self.named |= run.workspace_ids
        if selection.only_finished:
            run, running = finished_part(run)
            self.running |= running
            if running and not run.loops:
                self.left["not finished"] += 1
                return None
        is_same = bool(scanned.listed and unchanged)
        return self._compare(run, names, is_same=is_same, listed=scanned.listed)

    def _compare(
        self, run: TracedRun, names: Sequence[str], *, is_same: bool, listed: bool
    ) -> TraceReading | None:
        """Return the run under a name of its own; None when the lake has it already."""
        name = next((each for each in names if self._may_be(each, run)), None)
        if name is None:
            return self._refuse(run, names)
        is_same = is_same or self._has_content(name, run)
        if is_same and not self._read_all:
            return None
        if listed:
            self._runs[name] = PreviousRun(run.created_at, run.workspace_ids, proven=True)
        return TraceReading(name, run, not is_same, listed)

    def _refuse(self, run: TracedRun, names: Sequence[str]) -> TraceReading | None:
        """Refuse a run without a name of its own: its rows would replace those of another."""
        name = f"{names[-1]}~{run.source_digest[:8]}"
        if self._has_content(name, run):
            return None
        reason = f"other runs are called {' and '.join(names)} in the lake; nothing of this one is"
        finding = Finding("error", None, reason, "give its folder another name and ingest again")
        refused = replace(run, findings=(*run.findings, finding))
        return TraceReading(name, refused, is_new=True, listed=False)

    def _has_content(self, name: str, run: TracedRun) -> bool:
        return self._previous.content_digest(Source("trace", name)) == run.source_digest

    def _is_unchanged(self, name: str, stat_digest: str) -> bool:
        same = self._previous.stat_digest(Source("trace", name)) == stat_digest
        return same and not self._must_be_proven(name)

    def _must_be_proven(self, name: str) -> bool:
        """Return whether there is a key now for signatures that could not be checked before."""
        run = self._previous.runs.get(name)
        return self._key is not None and run is not None and not run.proven

    def _may_be(self, name: str, run: TracedRun) -> bool:
        other = self._runs.get(name)
        return other is None or run.stat_digest is None or other.may_be(run)


def commit_traces(lake: Lake, readings: Sequence[TraceReading], keep: Keep) -> Sequence[Outcome]:
    """Commit one batch of runs. The code that they hold is stored first."""
    listed = [each for each in readings if each.listed]
    loops = chain.from_iterable(each.run.loops for each in listed)
    keep_code(lake, keep, chain.from_iterable(loop.tasks or () for loop in loops))
    parts = {each.task_run_id: evidence_of_trace(each.run, each.task_run_id) for each in listed}
    content = BatchContent(
        evidence=list(chain.from_iterable(parts.values())),
        sources=[each.source for each in listed],
        frames={"task_runs": frame_of(table("task_runs"), list(map(_task_run_row, listed)))},
        owners={"task_run_id": list(parts)},
    )

    def outcomes_of(findings: FindingsById) -> list[Outcome]:
        return [
            trace_outcome(each, findings_of(parts.get(each.task_run_id, ()), findings))
            for each in readings
        ]

    return commit_batch(lake, content, outcomes_of)


def trace_outcome(reading: TraceReading, of_rows: Sequence[Finding] = ()) -> Outcome:
    """Return what becomes of a run; `of_rows` are findings in the rows of its loops."""
    findings = (*reading.run.findings, *of_rows)
    return Outcome(
        workspace_id=reading.task_run_id,
        status=status_by(findings) if reading.listed else "failed",
        role="run",
        findings=findings,
        source_digest=reading.run.source_digest,
    )


def _task_run_row(reading: TraceReading) -> dict[str, object]:
    run = reading.run
    return {
        "task_run_id": reading.task_run_id,
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
