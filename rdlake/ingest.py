"""From folders to committed rows: scan, skip what is unchanged, read, extract, commit, report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import polars as pl

from rdlake.batches import Progress, batches
from rdlake.derive import derive
from rdlake.errors import BadInput
from rdlake.evidence import evidence_rows, said_by_json, said_by_workspace
from rdlake.experiment import Finding, Workspace
from rdlake.extract import lying_there
from rdlake.history import ingest_history
from rdlake.known import Known, what_is_known
from rdlake.lake import Lake
from rdlake.measuring import Measurer
from rdlake.outcome import Outcome, Status, ingest_rows
from rdlake.pairs import judge
from rdlake.registered import RegisteredRun
from rdlake.registries import commit_registered, read_registries
from rdlake.runs import RunReader, commit_runs, find_all
from rdlake.sources.catalogs import find_exports
from rdlake.sources.contents import hash_files
from rdlake.sources.files import Scan, scan
from rdlake.sources.places import Map, placed
from rdlake.sources.roots import workspace_folders
from rdlake.sources.workspace import Skipped, parse_workspace
from rdlake.statistics import Measured, perf_rows, series_rows

__all__ = ["IngestReport", "Outcome", "ingest"]

READER_VERSION = 7
"""Raised when the readers take more out of the same files: they are then read again."""

SETTLED_SECONDS = 2.0
"""A file that changed this recently may change again within one tick of its clock."""


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


@dataclass(frozen=True, slots=True)
class _Read:
    """One folder that was new or changed, as it was read."""

    scanned: Scan
    source_digest: str
    result: Workspace | Skipped
    measured: Measured


def ingest(  # noqa: PLR0913 - the front door; what it takes is named at every call
    lake: Lake,
    roots: Sequence[str | Path],
    logs: Sequence[str | Path] = (),
    *,
    registries: Sequence[str | Path] = (),
    signing_key: bytes | None = None,
    maps: Sequence[Map] = (),
    catalogs: Sequence[str | Path] = (),
    prices: str | Path | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> IngestReport:
    """Read every run below the log roots and in the registries, and every workspace folder below
    the roots, that is new or changed into the lake. Folders that the runs name and that `maps`
    place are roots too.

    Idempotent: what is unchanged is not read, and a batch that changes nothing writes nothing.
    (With `maps` the runs are read, to know what they name.)
    BadInput when a root holds nothing to read; a bad workspace or run costs only itself.
    """
    _folders(roots)  # refuses what is no root before anything is written
    exports = find_exports(catalogs)
    runs, of_logs = find_all(logs)
    known, measurer = what_is_known(lake, READER_VERSION), Measurer(lake, prices)
    told = replace(known, contents={}, stats={}) if overwrite else known
    registered = read_registries(registries, alone=not (roots or logs or catalogs))
    history = ingest_history(lake, told, exports, READER_VERSION)
    outcomes = list(history.outcomes)
    unchanged, committed = history.unchanged, len(history.outcomes)
    named = registered.roots
    reader = RunReader(told, signing_key, read_all=bool(maps))
    for of_runs in batches(runs, reader.read, on_progress):
        named |= {root for each in of_runs.read for root in each.run.workspace_roots}
        news = [each for each in of_runs.read if each.is_new]
        unchanged += of_runs.unchanged + len(of_runs.read) - len(news)
        if news:
            outcomes += commit_runs(lake, news, READER_VERSION)
            committed += 1
    mapped, of_maps = _mapped(named, maps)
    folders, beside = _folders([*roots, *mapped])
    there = {each.name for each in folders} | known.folders
    new, same = registered.compared(told)
    looked_for = _looked_for(registered.runs, there, roots, maps)
    for of_registries in commit_registered(lake, new, looked_for, READER_VERSION):
        outcomes += of_registries
        committed += 1
    unchanged += len(same)
    beside += chain.from_iterable(each.gone(looked_for) for each in same)
    for of_folders in batches(folders, partial(_read, told, measurer), on_progress):
        unchanged += of_folders.unchanged
        if of_folders.read:
            outcomes += _commit(lake, of_folders.read)
            committed += 1
    derive(lake, known.stale)
    if committed:
        judge(lake, {folder.name: folder for folder in folders})
    return IngestReport(
        tuple(outcomes), unchanged, (*of_logs, *registered.findings, *of_maps, *beside), committed
    )


def _looked_for(
    runs: Iterable[RegisteredRun],
    there: Collection[str],
    roots: Sequence[str | Path],
    maps: Sequence[Map],
) -> dict[str, bool]:
    """Whether each registered folder is there; without those that nobody said where to look for."""
    return {
        folder.workspace_id: folder.workspace_id in there
        for run in runs
        for folder in run.folders
        if roots or (folder.root and _is_mapped(folder.root, maps))
    }


def _is_mapped(text: str, maps: Sequence[Map]) -> bool:
    try:
        return placed(text, maps) is not None
    except BadInput:
        return True  # it leads out of where it may be looked for, and that is told


def _mapped(named: Iterable[str], maps: Sequence[Map]) -> tuple[list[Path], list[Finding]]:
    """The roots of workspaces among the folders that runs name, where the maps place them."""
    found: list[Path] = []
    beside: list[Finding] = []
    for text in sorted(named):
        try:
            if path := placed(text, maps):
                found.append(workspace_folders(path).path)
        except BadInput as error:
            reason = f"named by a log or registry, but not read: {error.what}"
            beside.append(Finding("warning", error.where, reason, error.fix))
    return found, beside


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


def _read(known: Known, measurer: Measurer, folder: Path) -> _Read | None:
    """The folder's content; None when it is what the lake already has."""
    scanned, more = scan(folder), measurer.could_more(folder)
    if not more and known.stats.get(f"workspace:{folder.name}") == scanned.stat_digest:
        return None
    hashed = hash_files(scanned)
    if not more and known.contents.get(f"workspace:{folder.name}") == hashed.source_digest:
        return None
    result, measured = measurer.measured(scanned, parse_workspace(scanned, hashed))
    return _Read(scanned, hashed.source_digest, result, measured)


def _commit(lake: Lake, read: Sequence[_Read]) -> list[Outcome]:
    """One batch: rows of the workspaces that could be read, and what became of all of them."""
    workspaces = [_settled(each) for each in read if isinstance(each.result, Workspace)]
    ids = [workspace.workspace_id for workspace in workspaces]
    said = [said_by_workspace(workspace) for workspace in workspaces]
    said += filter(None, map(said_by_json, workspaces))
    there = lying_there(workspaces)
    series = series_rows([each.measured for each in read])
    perf = perf_rows([each.measured for each in read])
    lake.commit(
        {"evidence": evidence_rows(said), **there, "factor_ic": series, "factor_perf": perf},
        {
            "source": [f"{kind}:{each}" for kind in ("workspace", "json") for each in ids],
            "workspace_id": ids,
            "belongs_to": there["strategies"]["belongs_to"].to_list(),
            "series_id": series["series_id"].unique().to_list(),
        },
    )
    outcomes: list[Outcome] = []

    def report(found: Mapping[str, tuple[Finding, ...]]) -> pl.DataFrame:
        outcomes.extend(_outcome(each, found.get(each.result.workspace_id, ())) for each in read)
        return ingest_rows(outcomes, READER_VERSION)

    derive(lake, ids, report)
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
