"""Run one ingest: exports first, then logs, registries and folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from rdlake.domain.experiment import Finding
from rdlake.domain.registry import RegisteredRun
from rdlake.errors import BadInput
from rdlake.evidence import names_a_run
from rdlake.ingest.batches import Progress, read_in_batches
from rdlake.ingest.commit import commit_derived
from rdlake.ingest.content import workspaces_without_content
from rdlake.ingest.derive import derive_rows
from rdlake.ingest.factor_pairs import compare_factors
from rdlake.ingest.factor_statistics import FactorMeasurer
from rdlake.ingest.json_catalogs import ingest_catalogs
from rdlake.ingest.outcome import Outcome, has_error
from rdlake.ingest.previous import PreviousIngest, read_previous
from rdlake.ingest.registries import (
    RegisteredRuns,
    commit_registries,
    read_registries,
    registry_outcome,
)
from rdlake.ingest.request import IngestRequest, Selection
from rdlake.ingest.traces import (
    TraceReader,
    commit_traces,
    find_log_folders,
    possible_names,
    trace_outcome,
)
from rdlake.ingest.workspaces import (
    FolderReader,
    NamedFolders,
    commit_folders,
    find_folders,
    folder_outcome,
)
from rdlake.sources.fork.json_catalogs import find_exports
from rdlake.sources.traces import RunFolder
from rdlake.sources.workspace.path_maps import PathMap, apply_maps
from rdlake.sources.workspace.roots import find_workspaces
from rdlake.store.lake import Lake


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """Tell what one ingest did, or what a dry run would do.

    Unchanged workspaces and runs are counted here and recorded nowhere. `root_findings` are
    problems of the roots themselves, which belong to no workspace. `left` counts the folders and
    runs that were not selected, by reason.
    """

    outcomes: tuple[Outcome, ...]
    unchanged: int = 0
    root_findings: tuple[Finding, ...] = ()
    batches: int = 0
    left: Mapping[str, int] = field(default_factory=dict)
    dry_run: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of workspaces and runs by status."""
        statuses = Counter(outcome.status for outcome in self.outcomes)
        return dict(statuses) | {"unchanged": self.unchanged}

    @property
    def partial(self) -> bool:
        """Return whether something that was met this time is missing from the lake."""
        return has_error(self.root_findings) or any(
            has_error(each.findings) for each in self.outcomes
        )


def ingest(lake: Lake, request: IngestRequest, on_progress: Progress | None = None) -> IngestReport:
    """Read what the request names and is new or changed into the lake.

    Idempotent: what is unchanged is not read, and a batch that changes nothing writes nothing. With
    `maps` every run is read, to know what it names. A folder that lacks content which `keep` asks
    for is read again. A dry run reads what an ingest would. BadInput when a root holds nothing to
    read, or a selected run is nowhere; a bad workspace or run costs only itself.
    """
    find_folders(request.roots)  # refuses what is no root before anything is written
    exports = find_exports(request.catalogs)
    logs, log_findings = find_log_folders(request.logs)
    alone = not (request.roots or request.logs or request.catalogs)
    registered = read_registries(request.registries, alone=alone)
    previous, measurer = read_previous(lake), FactorMeasurer(lake, request.prices)
    step = _Ingest(
        lake=lake,
        request=request,
        previous=previous,
        relied_upon=_relied_upon(lake, request, previous),
        on_progress=on_progress,
    )
    step.findings += [*log_findings, *registered.findings]
    step.settle_selection(logs, registered)
    step.take_exports(exports)
    named_roots = step.take_traces(logs)
    chosen = step.select_registered(registered)
    mapped, map_findings = _mapped_roots(named_roots | chosen.roots, request.maps)
    folders, folder_findings = find_folders([*request.roots, *mapped])
    step.findings += [*map_findings, *folder_findings]
    names = {each.name for each in folders} | previous.folders
    step.take_registered(chosen, _looked_for(chosen.runs, names, request))
    step.take_folders(folders, measurer)
    if not request.dry_run:
        commit_derived(lake, derive_rows(lake, previous.stale))
        if step.batches:
            compare_factors(lake, {folder.name: folder for folder in folders})
    return step.report()


def _relied_upon(lake: Lake, request: IngestRequest, previous: PreviousIngest) -> PreviousIngest:
    """Return what the lake has, as far as this request relies upon it."""
    if request.overwrite:
        previous = replace(previous, contents={}, stats={})
    elif request.mode == "full":
        previous = replace(previous, stats={})
    return previous.without_folders(workspaces_without_content(lake, request.keep))


@dataclass(kw_only=True)
class _Ingest:
    """Hold one ingest under way: what it relies upon, and what became of what it met.

    `named` are the folders that selected runs name, `running` those of loops that still run.
    """

    lake: Lake
    request: IngestRequest
    previous: PreviousIngest
    relied_upon: PreviousIngest
    on_progress: Progress | None
    selection: Selection = field(init=False)
    outcomes: list[Outcome] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    batches: int = 0
    named: set[str] = field(default_factory=set)
    running: set[str] = field(default_factory=set)

    def settle_selection(self, logs: Iterable[RunFolder], registered: RegisteredRuns) -> None:
        """Add the other names of the selected runs; BadInput when one of them is nowhere."""
        selection = self.selection = self.request.selection
        if not selection.task_run_ids:
            return
        pairs = [(run.task_run_id, run.log_name or run.task_run_id) for run in registered.runs]
        known = set(self.lake.read("workspaces", ["task_run_id"])["task_run_id"].drop_nulls())
        known |= set(self.lake.read("loops", ["task_run_id"])["task_run_id"])
        known |= self.previous.runs.keys() | set(self.previous.names.values())
        known |= {name for run in logs for name in possible_names(run)}
        selection.refuse_unknown(known | {name for pair in pairs for name in pair})
        self.selection = selection.under_all_names([*pairs, *self.previous.names.items()])

    def take_exports(self, exports: Sequence[Sequence[Path]]) -> None:
        """Take exported catalogs."""
        dry_run = self.request.dry_run
        report = ingest_catalogs(self.lake, self.relied_upon, exports, dry_run=dry_run)
        self.outcomes += report.outcomes
        self.unchanged += report.unchanged
        self.batches += 0 if dry_run else len(report.outcomes)

    def take_traces(self, logs: Sequence[RunFolder]) -> set[str]:
        """Take the runs of the logs; return the roots that they name for their workspaces."""
        roots = set[str]()
        key, read_all = self.request.signing_key, bool(self.request.maps)
        reader = TraceReader(self.relied_upon, key, self.selection, read_all=read_all)
        for batch in read_in_batches(logs, reader.read, self.on_progress):
            roots |= {root for each in batch.items for root in each.run.workspace_roots}
            news = [each for each in batch.items if each.is_new]
            self.unchanged += batch.unchanged + len(batch.items) - len(news)
            if news and self.request.dry_run:
                self.outcomes += map(trace_outcome, news)
            elif news:
                self.outcomes += commit_traces(self.lake, news, self.request.keep)
                self.batches += 1
        self._count_left(reader.left)
        self.named |= reader.named
        self.running |= reader.running
        return roots

    def select_registered(self, registered: RegisteredRuns) -> RegisteredRuns:
        """Return the registered runs that are selected."""
        chosen, left, running = registered.select(self.selection)
        self.left.update(left)
        self.running |= running
        self.named |= {each.workspace_id for run in chosen.runs for each in run.folders}
        return chosen

    def take_registered(self, chosen: RegisteredRuns, looked_for: Mapping[str, bool]) -> None:
        """Take the registered runs; of the unchanged ones, report the folders that are missing."""
        changed, unchanged = chosen.compare(self.relied_upon)
        if self.request.dry_run:
            self.outcomes += [registry_outcome(each, looked_for) for each in changed]
        else:
            for outcomes in commit_registries(self.lake, changed, looked_for):
                self.outcomes += outcomes
                self.batches += 1
        self.unchanged += len(unchanged)
        missing = (each.missing_folders(looked_for) for each in unchanged)
        self.findings += chain.from_iterable(missing)

    def take_folders(self, folders: Sequence[Path], measurer: FactorMeasurer) -> None:
        """Take the workspace folders."""
        reader = FolderReader(self.relied_upon, measurer, self.selection, self._named_folders())
        for batch in read_in_batches(folders, reader.read, self.on_progress):
            self.unchanged += batch.unchanged
            if batch.items and self.request.dry_run:
                self.outcomes += map(folder_outcome, batch.items)
            elif batch.items:
                self.outcomes += commit_folders(self.lake, batch.items, self.request.keep)
                self.batches += 1
        self._count_left(reader.left)

    def _named_folders(self) -> NamedFolders:
        """Return the folders that runs name, those of this ingest and those in the lake."""
        selection, ended = self.selection, set[str]()
        selected, running = self.named, self.running
        if selection.by_run:
            for name in ("workspaces", "loops"):
                rows = self.lake.read(name, ["task_run_id", "workspace_id"]).drop_nulls().rows()
                selected |= {
                    key
                    for run, key in rows
                    if selection.wants(run) and (selection.task_run_ids or names_a_run(run))
                }
        if selection.only_finished:
            rows = self.lake.read("loops", ["status", "workspace_id"]).drop_nulls().rows()
            running |= {key for status, key in rows if status == "running"}
            ended |= {key for status, key in rows if status != "running"}
        return NamedFolders(selected, ended, running)

    def _count_left(self, left: Counter[str]) -> None:
        self.left.update(left)
        self.unchanged -= left.total()  # the batches counted them as unchanged

    def report(self) -> IngestReport:
        """Return what the ingest did."""
        return IngestReport(
            outcomes=tuple(self.outcomes),
            unchanged=self.unchanged,
            root_findings=tuple(self.findings),
            batches=self.batches,
            left=dict(self.left),
            dry_run=self.request.dry_run,
        )


def _looked_for(
    chosen: Iterable[RegisteredRun], names: Collection[str], request: IngestRequest
) -> dict[str, bool]:
    """Return whether each registered folder is there.

    Without roots, and where no map places a folder, nobody said where to look for it; such a folder
    is left out.
    """
    return {
        folder.workspace_id: folder.workspace_id in names
        for run in chosen
        for folder in run.folders
        if request.roots or (folder.root and _is_mapped(folder.root, request.maps))
    }


def _is_mapped(text: str, maps: Sequence[PathMap]) -> bool:
    try:
        return apply_maps(text, maps) is not None
    except BadInput:
        return True  # it leads out of the mapped folder, which `_mapped_roots` reports


def _mapped_roots(
    named: Iterable[str], maps: Sequence[PathMap]
) -> tuple[list[Path], list[Finding]]:
    """Return the roots of workspaces that runs name, as far as the maps place them."""
    roots: list[Path] = []
    findings: list[Finding] = []
    for text in sorted(named):
        try:
            if path := apply_maps(text, maps):
                roots.append(find_workspaces(path).path)
        except BadInput as error:
            reason = f"named by a log or registry, but not read: {error.what}"
            findings.append(Finding("warning", error.where, reason, error.fix))
    return roots, findings
