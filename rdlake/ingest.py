"""From folders to committed rows: scan, skip what is unchanged, read, extract, commit, report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

import polars as pl

from rdlake.deltalog import last_repair
from rdlake.experiment import Experiment, Finding, Workspace
from rdlake.extract import extract
from rdlake.lake import Lake
from rdlake.rows import frame_of
from rdlake.sources.contents import hash_files
from rdlake.sources.files import Scan, scan
from rdlake.sources.roots import workspace_folders
from rdlake.sources.workspace import Skipped, parse_workspace
from rdlake.tables import TABLES, table

__all__ = ["IngestReport", "Outcome", "ingest"]

READER_VERSION = 2
"""Raised when the readers take more out of the same files: they are then read again."""

BATCH, BATCH_SECONDS = 4_000, 20.0
"""A batch ends at either, so that a stop loses little and a table gets few files."""
SETTLED_SECONDS = 2.0
"""A file that changed this recently may change again within one tick of its clock."""

Status = Literal["ok", "partial", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one workspace folder that was new or changed."""

    workspace_id: str
    status: Status
    role: str | None
    findings: tuple[Finding, ...]
    source_digest: str | None


@dataclass(frozen=True)
class IngestReport:
    """What one ingest did. Unchanged workspaces are counted here and recorded nowhere."""

    outcomes: tuple[Outcome, ...]
    unchanged: int
    beside: tuple[Finding, ...]
    """Problems of the roots themselves, which belong to no workspace."""
    batches: int

    @property
    def counts(self) -> dict[str, int]:
        """How many workspaces became what."""
        return dict(Counter(outcome.status for outcome in self.outcomes)) | {
            "unchanged": self.unchanged
        }

    @property
    def partial(self) -> bool:
        """True when something that was met this time is missing from the lake."""
        findings = [*self.beside, *(each for outcome in self.outcomes for each in outcome.findings)]
        return any(finding.level == "error" for finding in findings)


@dataclass(frozen=True)
class _Known:
    """What the lake already has: digests by workspace, of content and of file times."""

    contents: Mapping[str, str]
    stats: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Read:
    """One folder that was new or changed, as it was read."""

    scanned: Scan
    source_digest: str
    result: Workspace | Skipped


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is committed together, and how many folders beside it were unchanged."""

    read: Sequence[_Read]
    unchanged: int


def ingest(
    lake: Lake,
    roots: Sequence[str | Path],
    *,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Read every workspace folder below the roots that is new or changed into the lake.

    Idempotent: what is unchanged is not read, and a batch that changes nothing writes nothing.
    BadInput when a root holds no workspaces; a bad workspace costs only itself.
    """
    folders, beside = _folders(roots)
    known = _Known({}, {}) if overwrite else _known(lake)
    outcomes: list[Outcome] = []
    unchanged = batches = 0
    for batch in _batches(known, folders, on_progress):
        unchanged += batch.unchanged
        if batch.read:
            outcomes += _commit(lake, batch.read)
            batches += 1
    return IngestReport(tuple(outcomes), unchanged, tuple(beside), batches)


def _folders(roots: Sequence[str | Path]) -> tuple[list[Path], list[Finding]]:
    """The workspace folders of all roots; of two with one name only the first is taken."""
    taken: dict[str, Path] = {}
    beside: list[Finding] = []
    for root in roots:
        listing = workspace_folders(Path(root))
        beside += listing.findings
        for folder in listing.folders:
            if (other := taken.setdefault(folder.name, folder)) != folder:
                reason = f"{other.parent} has a workspace of the same name; only that one is read"
                fix = "ingest the roots into lakes of their own, or remove the copy"
                beside.append(Finding("error", str(folder), reason, fix))
    return list(taken.values()), beside


def _known(lake: Lake) -> _Known:
    """The content each workspace was last read with; one whose rows are not all of that content,
    because a writer was stopped or two wrote at once, counts as unknown. So does whatever was
    read before a repair, which may have taken rows of it away."""
    relied_upon = pl.col("reader_version") == READER_VERSION
    if repaired := last_repair(lake.root):
        relied_upon &= pl.col("ingested_at") >= repaired
    lake.settle("ingests")  # what is skipped rests on these rows
    last = (
        lake.read("ingests", where=relied_upon)
        .sort("ingested_at", "batch_id")
        .unique("workspace_id", keep="last")
    )
    told = dict(zip(last["workspace_id"], last["source_digest"], strict=True))
    taken = set(last.filter(pl.col("status").is_in(["ok", "partial"]))["workspace_id"])
    for entry in TABLES:
        if entry.owner == "workspace_id" and "source_digest" in entry.column_names:
            pairs = lake.read(entry.name, ["workspace_id", "source_digest"]).unique()
            for workspace_id, digest in pairs.rows():
                if workspace_id in taken and told.get(workspace_id) != digest:
                    del told[workspace_id]
                    taken.discard(workspace_id)
    stats = lake.read("workspaces", ["workspace_id", "stat_digest"]).drop_nulls()
    return _Known(
        {key: digest for key, digest in told.items() if digest},
        {key: digest for key, digest in stats.rows() if key in told},
    )


def _batches(
    known: _Known, folders: Sequence[Path], on_progress: Callable[[int, int], None] | None
) -> Iterator[_Batch]:
    """The folders' content, batch by batch; the next is read while one is committed."""
    rest = iter(enumerate(folders, start=1))

    def fill() -> _Batch:
        read, unchanged, give_over = [], 0, time.monotonic() + BATCH_SECONDS
        for done, folder in rest:
            each = _read(known, folder)
            if each:
                read.append(each)
            else:
                unchanged += 1
            if on_progress:
                on_progress(done, len(folders))
            if len(read) >= BATCH or time.monotonic() > give_over:
                break
        return _Batch(read, unchanged)

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(fill)
        while (batch := coming.result()).read or batch.unchanged:
            coming = reader.submit(fill)
            yield batch


def _read(known: _Known, folder: Path) -> _Read | None:
    """The folder's content; None when it is what the lake already has."""
    scanned = scan(folder)
    if known.stats.get(folder.name) == scanned.stat_digest:
        return None
    hashed = hash_files(scanned)
    if known.contents.get(folder.name) == hashed.source_digest:
        return None
    return _Read(scanned, hashed.source_digest, parse_workspace(scanned, hashed))


def _commit(lake: Lake, read: Sequence[_Read]) -> list[Outcome]:
    """One batch: rows of the workspaces that could be read, and what became of all of them."""
    workspaces = [_settled(each) for each in read if isinstance(each.result, Workspace)]
    experiments = [each for each in map(Experiment.from_workspace, workspaces) if each]
    extracted = extract(workspaces, experiments)
    outcomes = [
        _outcome(each, extracted.findings.get(each.result.workspace_id, ())) for each in read
    ]
    lake.commit(
        {**extracted.frames, "ingests": _ingest_rows(outcomes)},
        {
            "workspace_id": [workspace.workspace_id for workspace in workspaces],
            "strategy_id": extracted.frames["strategies"]["strategy_id"].to_list(),
        },
    )
    return outcomes


def _settled(read: _Read) -> Workspace:
    """The workspace; without its file times when these are too fresh to be relied upon."""
    assert isinstance(read.result, Workspace)
    fresh = time.time() - SETTLED_SECONDS
    if any(entry.status.st_ctime > fresh for entry in read.scanned.entries):
        return replace(read.result, stat_digest=None)
    return read.result


def _outcome(read: _Read, found: tuple[Finding, ...]) -> Outcome:
    result = read.result
    if isinstance(result, Skipped):
        status: Status = "skipped" if read.scanned.listed else "failed"
        digest = (
            None if result.finding.level == "error" and read.scanned.listed else read.source_digest
        )
        return Outcome(result.workspace_id, status, None, (result.finding,), digest)
    findings = (*result.findings, *found)
    bad = any(finding.level == "error" for finding in findings)
    return Outcome(
        result.workspace_id,
        "partial" if bad else "ok",
        result.role,
        findings,
        result.source_digest,
    )


def _ingest_rows(outcomes: Sequence[Outcome]) -> pl.DataFrame:
    now = datetime.now(UTC).replace(tzinfo=None)
    batch = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}"
    rows = [
        {
            "batch_id": batch,
            "workspace_id": outcome.workspace_id,
            "ingested_at": now,
            "status": outcome.status,
            "role": outcome.role,
            "findings": [
                {"level": each.level, "file": each.file, "reason": each.reason, "fix": each.fix}
                for each in outcome.findings
            ],
            "source_digest": outcome.source_digest,
            "reader_version": READER_VERSION,
        }
        for outcome in outcomes
    ]
    return frame_of(table("ingests"), rows)
