"""From workspace folders to committed rows: skip what is unchanged, read, commit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from rdlake.domain.experiment import Finding, SourceFile, Workspace
from rdlake.evidence import Evidence, evidence_rows, said_by_json, said_by_workspace
from rdlake.evidence.rows import lying_there
from rdlake.factors.statistics import Measurement, perf_rows, series_rows
from rdlake.ingest.content import Keep, keep_files
from rdlake.ingest.derive import derive
from rdlake.ingest.factor_statistics import Measurer
from rdlake.ingest.outcome import Outcome, Status, ingest_rows
from rdlake.ingest.previous import Known
from rdlake.ingest.request import EVERYTHING, Selection
from rdlake.sources.workspace.hashing import HashedFiles, digest_files, hash_files
from rdlake.sources.workspace.parse import SkippedFolder, parse_workspace
from rdlake.sources.workspace.roles import classify
from rdlake.sources.workspace.roots import find_workspaces
from rdlake.sources.workspace.scan import Scan, scan_folder
from rdlake.store.lake import Lake

SETTLED_SECONDS = 2.0
"""A file that changed this recently may change again within one tick of its clock."""
LOOPS = ("experiment", "baseline")
RESULT = "qlib_res.csv"
CLEANED_UP = Finding(
    "warning",
    None,
    "files of it were cleaned up, so that it is not read anew; its rows stay as they are",
    "rdlake cleanup undo, or put what rdlake restore gives back in its place, and ingest again",
)


@dataclass(frozen=True, slots=True)
class ReadFolder:
    """One folder that was new or changed, as it was read."""

    scanned: Scan
    source_digest: str
    result: Workspace | SkippedFolder
    measured: Measurement


@dataclass(frozen=True)
class Named:
    """Folders as runs name them: those of the runs that were asked for, and of loops that have
    ended or are still running."""

    asked_for: Collection[str] = frozenset()
    ended: Collection[str] = frozenset()
    running: Collection[str] = frozenset()


@dataclass(frozen=True)
class Beside:
    """What comes with a batch from elsewhere: evidence of other sources, rows, and findings."""

    said: Sequence[Evidence] = ()
    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    owners: Mapping[str, Collection[str]] = field(default_factory=dict)
    findings: Sequence[Finding] = ()


NOTHING = Beside()


def find_folders(roots: Sequence[str | Path]) -> tuple[list[Path], list[Finding]]:
    """The workspace folders of all roots; of two with one name only the first is taken."""
    taken: dict[str, Path] = {}
    beside: list[Finding] = []
    for root in roots:
        listing = find_workspaces(Path(root))
        beside += listing.findings
        for folder in listing.folders:
            if (other := taken.setdefault(folder.name, folder)) != folder:
                reason = f"{other.parent} has a workspace of the same name; only that one is read"
                fix = "ingest the roots into lakes of their own, or remove the copy"
                beside.append(Finding("error", str(folder), reason, fix))
    return list(taken.values()), beside


class FolderReader:
    """Reads the folders that are asked for and are new or changed. `left` counts, by reason, those
    that were not asked for."""

    def __init__(
        self,
        known: Known,
        measurer: Measurer,
        selection: Selection = EVERYTHING,
        named: Named | None = None,
    ) -> None:
        self._known, self._measurer = known, measurer
        self._selection, self._named = selection, named or Named()
        self._loops = 0
        self.left = Counter[str]()

    def read(self, folder: Path) -> ReadFolder | None:
        """None when its content is what the lake has, or it is not asked for."""
        if reason := self._not_asked_for(folder.name):
            self.left[reason] += 1
            return None
        scanned = scan_folder(folder)
        if reason := self._left(scanned):
            self.left[reason] += 1
            return None
        return self._read(scanned)

    def _read(self, scanned: Scan) -> ReadFolder | None:
        folder = scanned.folder
        removed = self._known.removed.get(folder.name, ())
        more = not removed and self._measurer.could_more(folder)
        if not more and self._known.stats.get(f"workspace:{folder.name}") == scanned.stat_digest:
            return None
        hashed = hash_files(scanned)
        gone = _gone(removed, hashed)
        as_it_was = {hashed.source_digest, digest_files([*hashed.files, *gone])}
        if self._known.contents.get(f"workspace:{folder.name}") in as_it_was and not more:
            return None
        if gone:
            skipped = SkippedFolder(folder.name, folder.parent.name, CLEANED_UP)
            return ReadFolder(scanned, hashed.source_digest, skipped, Measurement())
        result, measured = self._measurer.measured(scanned, parse_workspace(scanned, hashed))
        if isinstance(result, Workspace) and result.role in LOOPS:
            self._loops += 1
        return ReadFolder(scanned, hashed.source_digest, result, measured)

    def _not_asked_for(self, name: str) -> str | None:
        """Why a folder need not even be looked into."""
        if self._selection.by_run and name not in self._named.asked_for:
            return "of no run that was asked for"
        if self._loops == self._selection.max_loops:
            return "beyond --max-loops"
        if self._selection.only_finished and name in self._named.running:
            return "not finished"
        return None

    def _left(self, scanned: Scan) -> str | None:
        """Why a folder is left that has these files."""
        chosen, name = self._selection, scanned.folder.name
        if chosen == EVERYTHING:
            return None
        paths = [entry.path for entry in scanned.entries]
        is_loop = classify(paths)[0] in LOOPS
        if chosen.only_experiments and not is_loop:
            return "of no experiment"
        made = max((each.status.st_mtime for each in scanned.entries), default=0.0)
        is_old = not chosen.reaches(datetime.fromtimestamp(made, UTC))
        if is_old and name not in self._named.asked_for:
            return "older than --since-date"
        if not chosen.only_finished:
            return None
        if not scanned.listed:
            return "gone meanwhile"
        has_ended = not is_loop or RESULT in paths or name in self._named.ended
        return None if has_ended and self._is_still(scanned) else "not finished"

    def _is_still(self, scanned: Scan) -> bool:
        """Whether nothing in it was written or put there lately."""
        since = self._selection.still_for or 0.0
        every = [each.status for each in scanned.entries]
        times = [at for each in every for at in (each.st_mtime, each.st_ctime)]
        return all(abs(time.time() - each) >= since for each in times)


def _gone(removed: Sequence[SourceFile], hashed: HashedFiles) -> list[SourceFile]:
    """What a clean-up took and is not there again."""
    there = {file.path for file in hashed.files}
    return [file for file in removed if file.path not in there]


def commit_folders(
    lake: Lake,
    read: Sequence[ReadFolder],
    reader_version: int,
    keep: Keep,
    beside: Beside = NOTHING,
) -> list[Outcome]:
    """One batch: the content of the files, rows of the workspaces that could be read, and what
    became of all of them."""
    taken = [(each.scanned, each.result) for each in read if isinstance(each.result, Workspace)]
    lost = keep_files(lake, keep, taken)
    workspaces = [_settled(each) for each in read if isinstance(each.result, Workspace)]
    ids = [workspace.workspace_id for workspace in workspaces]
    said = [said_by_workspace(workspace) for workspace in workspaces]
    said += filter(None, map(said_by_json, workspaces))
    there = {
        **lying_there(workspaces),
        "factor_ic": series_rows([each.measured for each in read]),
        "factor_perf": perf_rows([each.measured for each in read]),
    }
    lake.commit(
        {"evidence": evidence_rows([*said, *beside.said]), **there, **beside.frames},
        {
            "source": [
                *(f"{kind}:{each}" for kind in ("workspace", "json") for each in ids),
                *(part.source for part in beside.said),
            ],
            "workspace_id": ids,
            **beside.owners,
            "belongs_to": there["strategies"]["belongs_to"].to_list(),
            "series_id": there["factor_ic"]["series_id"].unique().to_list(),
        },
    )
    outcomes: list[Outcome] = []

    def report(found: Mapping[str, tuple[Finding, ...]]) -> pl.DataFrame:
        for each in read:
            name = each.result.workspace_id
            findings = (*lost.get(name, ()), *beside.findings, *found.get(name, ()))
            outcomes.append(planned(each, findings))
        return ingest_rows(outcomes, reader_version)

    derive(lake, ids, report)
    return outcomes


def _settled(read: ReadFolder) -> Workspace:
    """The workspace; without its file times when these are too fresh to be relied upon."""
    assert isinstance(read.result, Workspace)
    fresh = time.time() - SETTLED_SECONDS
    if any(entry.status.st_ctime > fresh for entry in read.scanned.entries):
        return replace(read.result, stat_digest=None)
    return read.result


def planned(read: ReadFolder, found: tuple[Finding, ...] = ()) -> Outcome:
    """What becomes of a folder as it was read, with what was `found` in its rows."""
    result = read.result
    if isinstance(result, SkippedFolder):
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
