"""Read registries and commit what they say of their runs and workspaces."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path

from rdlake.domain.experiment import Finding
from rdlake.domain.registry import RegisteredRun
from rdlake.errors import BadInput
from rdlake.evidence import Evidence, Source, evidence_of_registry, run_status, scenario_of
from rdlake.ingest.commit import BatchContent, commit_batch, findings_of
from rdlake.ingest.derive import FindingsById
from rdlake.ingest.outcome import Outcome, status_by
from rdlake.ingest.previous import HAS_LOG, PreviousIngest
from rdlake.ingest.request import Selection, finished_part_of_registry
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.registry import read_registry
from rdlake.store.lake import Lake

MAX_MISSING = 200
"""The largest number of missing folders that are named, of one run."""
MAX_PARTS = 4_000
"""The largest number of workspaces in one batch, unless a single run has more."""


@dataclass(frozen=True)
class RegisteredRuns:
    """Hold the runs of all registries that were given, and what was wrong with the files."""

    runs: tuple[RegisteredRun, ...]
    findings: tuple[Finding, ...]

    @property
    def roots(self) -> set[str]:
        """Return the folders that hold the runs' workspaces, as the registries name them."""
        return {folder.root for run in self.runs for folder in run.folders if folder.root}

    def select(self, selection: Selection) -> tuple[RegisteredRuns, Counter[str], frozenset[str]]:
        """Return the selected runs, the number of others by reason, and folders of running loops.

        With a selection of finished loops those folders are left.
        """
        left, runs, running = Counter[str](), list[RegisteredRun](), set[str]()
        for run in self.runs:
            if not selection.wants(run.task_run_id, run.log_name):
                left["of no run that was asked for"] += 1
            elif not selection.reaches(run.updated_at or run.created_at):
                left["older than --since-date"] += 1
            elif selection.only_finished:
                part, still_running = finished_part_of_registry(run)
                running |= still_running
                runs.append(part)
            else:
                runs.append(run)
        return replace(self, runs=tuple(runs)), left, frozenset(running)

    def compare(
        self, previous: PreviousIngest
    ) -> tuple[list[RegistryEvidence], list[RegistryEvidence]]:
        """Return the runs that are new or changed, and the unchanged ones."""
        changed: list[RegistryEvidence] = []
        unchanged: list[RegistryEvidence] = []
        for run in self.runs:
            each = RegistryEvidence(run, tuple(evidence_of_registry(run)))
            (changed if each.is_new(previous) else unchanged).append(each)
        return changed, unchanged


def read_registries(files: Sequence[str | Path], *, alone: bool) -> RegisteredRuns:
    """Read every run of these files; of a run that several have, the one that was written last.

    A file that cannot be read costs only itself. BadInput when it is all there is to read.
    """
    latest: dict[str, RegisteredRun] = {}
    findings: list[Finding] = []
    for file in dict.fromkeys(map(Path, files)):
        try:
            registry = read_registry(file)
        except BadInput as error:
            if alone and len(files) == 1:
                raise
            findings.append(Finding("error", str(file), error.what, error.fix))
            continue
        findings += registry.findings
        for run in registry.runs:
            other = latest.setdefault(run.task_run_id, run)
            latest[run.task_run_id] = max(other, run, key=_last_written)
    return RegisteredRuns(tuple(latest[name] for name in sorted(latest)), tuple(findings))


def _last_written(run: RegisteredRun) -> tuple[datetime, str]:
    return run.updated_at or datetime.min, repr(run)


@dataclass(frozen=True)
class RegistryEvidence:
    """Hold a registered run, and its evidence on each workspace."""

    run: RegisteredRun
    parts: tuple[Evidence, ...]

    @property
    def source(self) -> Source:
        """Return the source of the run's evidence."""
        return Source("registry", self.run.task_run_id)

    @property
    def digest(self) -> str:
        """Return a digest of the rows that were used, whenever these were written."""
        parts = [[part.workspace_id, part.digest] for part in self.parts]
        text = json.dumps([task_run_row(self.run, ""), parts], default=str, sort_keys=True)
        findings = repr(self.run.findings)
        return sha256((text + findings).encode("utf-8", "backslashreplace")).hexdigest()

    def is_new(self, previous: PreviousIngest) -> bool:
        """Return whether the lake does not have exactly this evidence of the run."""
        stored = previous.registry_parts.get(str(self.source), frozenset())
        same = stored == {(part.workspace_id, part.digest) for part in self.parts}
        return not same or previous.content_digest(self.source) != self.digest

    def missing_folders(self, looked_for: Mapping[str, bool]) -> list[Finding]:
        """Return a warning for each folder that was looked for and is not there."""
        missing = [
            folder.workspace_id
            for folder in self.run.folders
            if looked_for.get(folder.workspace_id) is False
        ]
        fix = "name the folder it lies in with --workspaces, or where that is here with --map"
        findings = [
            Finding("warning", None, f"{name} is in the registry, but its folder is gone", fix)
            for name in missing[:MAX_MISSING]
        ]
        if (more := len(missing) - MAX_MISSING) > 0:
            reason = f"{more} more workspaces are in the registry, but their folders are gone"
            findings.append(Finding("warning", None, reason, fix))
        return findings


def commit_registries(
    lake: Lake, changed: Sequence[RegistryEvidence], looked_for: Mapping[str, bool]
) -> Iterator[Sequence[Outcome]]:
    """Commit registered runs batch by batch."""
    for batch in _batches(changed):
        yield _commit(lake, batch, looked_for)


def _batches(changed: Iterable[RegistryEvidence]) -> Iterator[list[RegistryEvidence]]:
    batch: list[RegistryEvidence] = []
    for each in changed:
        if batch and sum(len(other.parts) for other in (*batch, each)) > MAX_PARTS:
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _commit(
    lake: Lake, batch: Sequence[RegistryEvidence], looked_for: Mapping[str, bool]
) -> Sequence[Outcome]:
    logged = set(lake.read("task_runs", ["task_run_id"], HAS_LOG)["task_run_id"])
    own = [each for each in batch if each.run.task_run_id not in logged]
    rows = [task_run_row(each.run, each.digest) for each in own]
    content = BatchContent(
        evidence=list(chain.from_iterable(each.parts for each in batch)),
        sources=[each.source for each in batch],
        frames={"task_runs": frame_of(table("task_runs"), rows)},
        owners={"task_run_id": [each.run.task_run_id for each in own]},
    )

    def outcomes_of(findings: FindingsById) -> list[Outcome]:
        return [
            registry_outcome(each, looked_for, findings_of(each.parts, findings)) for each in batch
        ]

    return commit_batch(lake, content, outcomes_of)


def registry_outcome(
    registered: RegistryEvidence, looked_for: Mapping[str, bool], of_rows: Sequence[Finding] = ()
) -> Outcome:
    """Return what becomes of a registered run; `of_rows` are findings in the rows of its loops."""
    missing = registered.missing_folders(looked_for)
    findings = (*registered.run.findings, *missing, *of_rows)
    return Outcome(
        workspace_id=registered.run.task_run_id,
        status=status_by(findings),
        role="registry",
        findings=findings,
        source_digest=registered.digest,
    )


def task_run_row(run: RegisteredRun, digest: str) -> dict[str, object]:
    """Return the run's row of `task_runs`."""
    scenario = scenario_of(run.scenario)
    return {
        "task_run_id": run.task_run_id,
        "scenario": scenario,
        "scenario_raw": run.scenario,
        "status": run_status(run),
        "status_raw": run.status,
        "log_path": run.log_name,
        "rdagent_version": run.rdagent_version,
        "created_at": run.created_at,
        "provenance": {"scenario": "registry"} if scenario else {},
        "source_digest": digest,
    }
