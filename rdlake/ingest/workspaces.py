"""Read workspace folders: skip what is unchanged, read the others, commit them in batches."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rdlake.domain.experiment import Finding, SourceFile, Workspace
from rdlake.evidence import Source, evidence_of_folder, evidence_of_json
from rdlake.evidence.rows import rows_of_folders
from rdlake.factors.statistics import Measurement, perf_rows, series_rows
from rdlake.ingest.commit import BatchContent, commit_batch
from rdlake.ingest.content import Keep, keep_files
from rdlake.ingest.derive import FindingsById
from rdlake.ingest.factor_statistics import FactorMeasurer
from rdlake.ingest.outcome import Outcome, status_by
from rdlake.ingest.previous import PreviousIngest
from rdlake.ingest.request import EVERYTHING, Selection
from rdlake.sources.workspace.hashing import HashedFiles, digest_files, hash_files
from rdlake.sources.workspace.parse import SkippedFolder, parse_workspace
from rdlake.sources.workspace.roles import classify
from rdlake.sources.workspace.roots import find_workspaces
from rdlake.sources.workspace.scan import Scan, scan_folder
from rdlake.store.lake import Lake

SETTLED_SECONDS = 2.0
"""A file that changed this recently may change again within one tick of its clock."""
LOOP_ROLES = ("experiment", "baseline")
RESULT_FILE = "qlib_res.csv"
CLEANED_UP = Finding(
    "warning",
    None,
    "files of it were cleaned up, so that it is not read anew; its rows stay as they are",
    "rdlake cleanup undo, or put what rdlake restore gives back in its place, and ingest again",
)


@dataclass(frozen=True, slots=True)
class FolderReading:
    """Hold one folder that was new or changed, as it was read."""

    scanned: Scan
    source_digest: str
    result: Workspace | SkippedFolder
    measured: Measurement


@dataclass(frozen=True)
class NamedFolders:
    """Hold the folders that runs name: of selected runs, of loops that ended or still run."""

    selected: Collection[str] = frozenset()
    ended: Collection[str] = frozenset()
    running: Collection[str] = frozenset()


def find_folders(roots: Sequence[str | Path]) -> tuple[list[Path], list[Finding]]:
    """Return the workspace folders of all roots; of two with one name only the first is taken."""
    folders: dict[str, Path] = {}
    findings: list[Finding] = []
    for root in roots:
        listing = find_workspaces(Path(root))
        findings += listing.findings
        for folder in listing.folders:
            if (other := folders.setdefault(folder.name, folder)) != folder:
                reason = f"{other.parent} has a workspace of the same name; only that one is read"
                fix = "ingest the roots into lakes of their own, or remove the copy"
                findings.append(Finding("error", str(folder), reason, fix))
    return list(folders.values()), findings


class FolderReader:
    """Read the folders that are selected and are new or changed.

    `left` counts the folders that were not selected, by reason.
    """

    def __init__(
        self,
        previous: PreviousIngest,
        measurer: FactorMeasurer,
        selection: Selection = EVERYTHING,
        named: NamedFolders | None = None,
    ) -> None:
        self._previous, self._measurer = previous, measurer
        self._selection, self._named = selection, named or NamedFolders()
        self._loops = 0
        self.left = Counter[str]()

    def read(self, folder: Path) -> FolderReading | None:
        """Return the folder; None when the lake has its content, or it is not selected."""
        if reason := self._why_left_by_name(folder.name):
            self.left[reason] += 1
            return None
        scanned = scan_folder(folder)
        if reason := self._why_left(scanned):
            self.left[reason] += 1
            return None
        return self._read(scanned)

    def _read(self, scanned: Scan) -> FolderReading | None:
        folder, source = scanned.folder, Source("workspace", scanned.folder.name)
        removed = self._previous.removed.get(folder.name, ())
        more = not removed and self._measurer.can_add_labels(folder)
        if not more and self._previous.stat_digest(source) == scanned.stat_digest:
            return None
        hashed = hash_files(scanned)
        gone = _still_gone(removed, hashed)
        unchanged = {hashed.source_digest, digest_files([*hashed.files, *gone])}
        if self._previous.content_digest(source) in unchanged and not more:
            return None
        if gone:
            skipped = SkippedFolder(folder.name, folder.parent.name, CLEANED_UP)
            return FolderReading(scanned, hashed.source_digest, skipped, Measurement())
        result, measured = self._measurer.measure(scanned, parse_workspace(scanned, hashed))
        if isinstance(result, Workspace) and result.role in LOOP_ROLES:
            self._loops += 1
        return FolderReading(scanned, hashed.source_digest, result, measured)

    def _why_left_by_name(self, name: str) -> str | None:
        """Return why a folder is left before anything of it is read; None when it may be taken."""
        if self._selection.by_run and name not in self._named.selected:
            return "of no run that was asked for"
        if self._loops == self._selection.max_loops:
            return "beyond --max-loops"
        if self._selection.only_finished and name in self._named.running:
            return "not finished"
        return None

    def _why_left(self, scanned: Scan) -> str | None:
        """Return why a folder with these files is left; None when it is taken."""
        selection, name = self._selection, scanned.folder.name
        if selection == EVERYTHING:
            return None
        paths = [entry.path for entry in scanned.entries]
        is_loop = classify(paths)[0] in LOOP_ROLES
        if selection.only_experiments and not is_loop:
            return "of no experiment"
        newest = max((each.status.st_mtime for each in scanned.entries), default=0.0)
        is_old = not selection.reaches(datetime.fromtimestamp(newest, UTC))
        if is_old and name not in self._named.selected:
            return "older than --since-date"
        if not selection.only_finished:
            return None
        if not scanned.listed:
            return "gone meanwhile"
        has_ended = not is_loop or RESULT_FILE in paths or name in self._named.ended
        return None if has_ended and self._is_still(scanned) else "not finished"

    def _is_still(self, scanned: Scan) -> bool:
        """Return whether nothing in the folder was written or moved there lately."""
        seconds = self._selection.still_for or 0.0
        statuses = [each.status for each in scanned.entries]
        times = [moment for each in statuses for moment in (each.st_mtime, each.st_ctime)]
        return all(abs(time.time() - moment) >= seconds for moment in times)


def _still_gone(removed: Sequence[SourceFile], hashed: HashedFiles) -> list[SourceFile]:
    """Return the files that a clean-up took and that are not back."""
    present = {file.path for file in hashed.files}
    return [file for file in removed if file.path not in present]


def commit_folders(lake: Lake, readings: Sequence[FolderReading], keep: Keep) -> Sequence[Outcome]:
    """Commit one batch of folders. The content of their files is stored first."""
    lost = keep_content(lake, readings, keep)

    def outcomes_of(findings: FindingsById) -> list[Outcome]:
        return [
            folder_outcome(each, (*lost.get(name, ()), *findings.get(name, ())))
            for each in readings
            for name in [each.result.workspace_id]
        ]

    return commit_batch(lake, folder_content(readings), outcomes_of)


def keep_content(lake: Lake, readings: Sequence[FolderReading], keep: Keep) -> FindingsById:
    """Store the content of the folders' files; return, by workspace, what could not be stored."""
    folders = [
        (each.scanned, each.result) for each in readings if isinstance(each.result, Workspace)
    ]
    return keep_files(lake, keep, folders)


def folder_content(readings: Sequence[FolderReading]) -> BatchContent:
    """Return what the folders that could be read bring to the lake."""
    workspaces = [
        _without_fresh_times(each.scanned, each.result)
        for each in readings
        if isinstance(each.result, Workspace)
    ]
    ids = [workspace.workspace_id for workspace in workspaces]
    of_json = filter(None, map(evidence_of_json, workspaces))
    frames = {
        **rows_of_folders(workspaces),
        "factor_ic": series_rows([each.measured for each in readings]),
        "factor_perf": perf_rows([each.measured for each in readings]),
    }
    return BatchContent(
        evidence=[*map(evidence_of_folder, workspaces), *of_json],
        sources=[Source(kind, each) for kind in ("workspace", "json") for each in ids],
        frames=frames,
        owners={
            "workspace_id": ids,
            "belongs_to": frames["strategies"]["belongs_to"].to_list(),
            "series_id": frames["factor_ic"]["series_id"].unique().to_list(),
        },
        workspace_ids=ids,
    )


def _without_fresh_times(scanned: Scan, workspace: Workspace) -> Workspace:
    """Return the workspace, without its file times when these are too fresh to be relied upon."""
    fresh = time.time() - SETTLED_SECONDS
    if any(entry.status.st_ctime > fresh for entry in scanned.entries):
        return replace(workspace, stat_digest=None)
    return workspace


def folder_outcome(reading: FolderReading, others: Sequence[Finding] = ()) -> Outcome:
    """Return what becomes of a folder; `others` are findings beside those of its reader."""
    result = reading.result
    if isinstance(result, Workspace):
        findings = (*result.findings, *others)
        return Outcome(
            workspace_id=result.workspace_id,
            status=status_by(findings),
            role=result.role,
            findings=findings,
            source_digest=result.source_digest,
        )
    # A folder that could be listed and not be read is read again by the next ingest.
    unread = result.finding.level == "error" and reading.scanned.listed
    return Outcome(
        workspace_id=result.workspace_id,
        status="skipped" if reading.scanned.listed else "failed",
        role=None,
        findings=(result.finding,),
        source_digest=None if unread else reading.source_digest,
    )
