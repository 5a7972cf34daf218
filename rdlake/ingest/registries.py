"""From registries to committed rows: their runs, and what they say of each workspace."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.domain.registry import RegisteredRun
from rdlake.errors import BadInput
from rdlake.evidence import (
    Evidence,
    evidence_rows,
    run_status,
    said_by_registry,
    scenario_of,
)
from rdlake.ingest.derive import derive
from rdlake.ingest.outcome import Outcome, Status, ingest_rows
from rdlake.ingest.previous import HAS_LOG, Known
from rdlake.ingest.request import Selection, finished_part_of_registry
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.registry import read_registry
from rdlake.store.lake import Lake

MAX_GONE = 200
"""How many folders that are gone are named, of one run."""
MAX_PARTS = 4_000
"""How many workspaces one batch has, unless a single run has more."""


@dataclass(frozen=True)
class ReadRegistries:
    """The runs of all registries that were given, and what was wrong with the files."""

    runs: tuple[RegisteredRun, ...]
    findings: tuple[Finding, ...]

    @property
    def roots(self) -> set[str]:
        """What the folders of the runs lie in, as the registries have it."""
        return {folder.root for run in self.runs for folder in run.folders if folder.root}

    def chosen(self, selection: Selection) -> tuple[ReadRegistries, Counter[str], frozenset[str]]:
        """The runs that are asked for, how many others there are by reason, and the folders of
        loops that were left because they are still running."""
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

    def compared(self, known: Known) -> tuple[list[Said], list[Said]]:
        """The runs that are new or changed, and the others."""
        news: list[Said] = []
        others: list[Said] = []
        for run in self.runs:
            said = Said(run, tuple(said_by_registry(run)))
            (news if said.is_new(known) else others).append(said)
        return news, others


def read_registries(files: Sequence[str | Path], *, alone: bool) -> ReadRegistries:
    """Every run of these files; of a run that several have, as the one has it that was written
    last. A file that cannot be read costs only itself; BadInput when there is nothing else."""
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
    return ReadRegistries(tuple(latest[name] for name in sorted(latest)), tuple(findings))


def _last_written(run: RegisteredRun) -> tuple[datetime, str]:
    return run.updated_at or datetime.min, repr(run)


@dataclass(frozen=True)
class Said:
    """A registered run, and its word on each workspace."""

    run: RegisteredRun
    parts: tuple[Evidence, ...]

    @property
    def source(self) -> str:
        return f"registry:{self.run.task_run_id}"

    @property
    def digest(self) -> str:
        """Of the rows that were used, whenever these were written."""
        told = [[part.workspace_id, part.digest] for part in self.parts]
        text = json.dumps([task_run_row(self.run, ""), told], default=str, sort_keys=True)
        findings = repr(self.run.findings)
        return sha256((text + findings).encode("utf-8", "backslashreplace")).hexdigest()

    def is_new(self, known: Known) -> bool:
        there = known.said.get(self.source, frozenset())
        same = there == {(part.workspace_id, part.digest) for part in self.parts}
        return not same or known.contents.get(self.source) != self.digest

    def gone(self, looked_for: Mapping[str, bool]) -> list[Finding]:
        """A warning for each folder that was looked for and is not there."""
        missing = [
            folder.workspace_id
            for folder in self.run.folders
            if looked_for.get(folder.workspace_id) is False
        ]
        fix = "name the folder it lies in with --workspaces, or where that is here with --map"
        found = [
            Finding("warning", None, f"{name} is in the registry, but its folder is gone", fix)
            for name in missing[:MAX_GONE]
        ]
        if (more := len(missing) - MAX_GONE) > 0:
            reason = f"{more} more workspaces are in the registry, but their folders are gone"
            found.append(Finding("warning", None, reason, fix))
        return found


def commit_registered(
    lake: Lake, news: Sequence[Said], looked_for: Mapping[str, bool], reader_version: int
) -> Iterator[list[Outcome]]:
    """Batch by batch: what the registries say, the rows that follow, what became of each run."""
    for batch in _batches(news):
        yield _commit(lake, batch, looked_for, reader_version)


def _batches(news: Iterable[Said]) -> Iterator[list[Said]]:
    batch: list[Said] = []
    for each in news:
        if batch and sum(len(said.parts) for said in (*batch, each)) > MAX_PARTS:
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _commit(
    lake: Lake, batch: Sequence[Said], looked_for: Mapping[str, bool], reader_version: int
) -> list[Outcome]:
    parts = list(chain.from_iterable(each.parts for each in batch))
    sources = [each.source for each in batch]
    before = lake.read("evidence", ["workspace_id"], pl.col("source").is_in(sources))
    logged = set(lake.read("task_runs", ["task_run_id"], HAS_LOG)["task_run_id"])
    own = [each for each in batch if each.run.task_run_id not in logged]
    rows = [task_run_row(each.run, each.digest) for each in own]
    lake.commit(
        {"evidence": evidence_rows(parts), "task_runs": frame_of(table("task_runs"), rows)},
        {"source": sources, "task_run_id": [each.run.task_run_id for each in own]},
    )
    outcomes: list[Outcome] = []

    def report(found: Mapping[str, tuple[Finding, ...]]) -> pl.DataFrame:
        outcomes.extend(planned(each, looked_for, found) for each in batch)
        return ingest_rows(outcomes, reader_version)

    derive(lake, {*(part.workspace_id for part in parts), *before["workspace_id"]}, report)
    return outcomes


def planned(
    said: Said,
    looked_for: Mapping[str, bool],
    found: Mapping[str, tuple[Finding, ...]] = MappingProxyType({}),
) -> Outcome:
    """What becomes of a registered run, with what was `found` in the rows of its loops."""
    of_loops = chain.from_iterable(found.get(part.workspace_id, ()) for part in said.parts)
    findings = (*said.run.findings, *said.gone(looked_for), *of_loops)
    bad = any(finding.level == "error" for finding in findings)
    status: Status = "partial" if bad else "ok"
    return Outcome(said.run.task_run_id, status, "registry", findings, said.digest)


def task_run_row(run: RegisteredRun, digest: str) -> dict[str, object]:
    """The run's row of `task_runs`."""
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
