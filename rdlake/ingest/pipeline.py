"""From what RD-Agent left to committed rows: exports, then runs, registries, folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Literal

from rdlake.domain.experiment import Finding
from rdlake.domain.registry import RegisteredRun
from rdlake.errors import BadInput
from rdlake.evidence import names_a_run
from rdlake.ingest import registries, traces, workspaces
from rdlake.ingest.batches import Progress, batches
from rdlake.ingest.content import Keep, without_content
from rdlake.ingest.derive import derive
from rdlake.ingest.factor_pairs import judge
from rdlake.ingest.factor_statistics import Measurer
from rdlake.ingest.json_catalogs import ingest_history
from rdlake.ingest.outcome import Outcome
from rdlake.ingest.previous import Known, what_is_known
from rdlake.ingest.registries import ReadRegistries, read_registries
from rdlake.ingest.request import EVERYTHING, Selection
from rdlake.ingest.traces import RunReader, find_all, names_of
from rdlake.sources.fork.json_catalogs import find_exports
from rdlake.sources.traces import RunFolder
from rdlake.sources.workspace.path_maps import PathMap, apply_maps
from rdlake.sources.workspace.roots import find_workspaces
from rdlake.store.lake import Lake

READER_VERSION = 10
"""Raised when the readers take more out of the same files: they are then read again."""

Mode = Literal["incremental", "full"]


@dataclass(frozen=True)
class IngestReport:
    """What one ingest did, or a dry run would do. Unchanged workspaces are counted here and
    recorded nowhere."""

    outcomes: tuple[Outcome, ...]
    unchanged: int
    beside: tuple[Finding, ...]
    """Problems of the roots themselves, which belong to no workspace."""
    batches: int
    left: Mapping[str, int] = field(default_factory=dict)
    """Folders and runs that were not asked for, by reason."""
    dry_run: bool = False

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


def ingest(  # noqa: PLR0913 - the front door; what it takes is named at every call
    lake: Lake,
    roots: Sequence[str | Path],
    logs: Sequence[str | Path] = (),
    *,
    registries: Sequence[str | Path] = (),
    signing_key: bytes | None = None,
    maps: Sequence[PathMap] = (),
    catalogs: Sequence[str | Path] = (),
    prices: str | Path | None = None,
    selection: Selection = EVERYTHING,
    mode: Mode = "incremental",
    overwrite: bool = False,
    dry_run: bool = False,
    keep: Keep = "essential",
    on_progress: Progress | None = None,
) -> IngestReport:
    """Read every run below the log roots and in the registries, and every workspace folder below
    the roots, that is asked for and is new or changed into the lake. Folders that the runs name and
    that `maps` place are roots too.

    Idempotent: what is unchanged is not read, and a batch that changes nothing writes nothing.
    `full` reads every file and goes by its content alone; `overwrite` makes all rows anew.
    (With `maps` the runs are read, to know what they name.) `keep` says of which files the content
    is stored; a folder that lacks some of it is read again. A dry run reads what an ingest would
    and writes nothing. BadInput when a root holds nothing to read, or a run that is asked for is
    nowhere; a bad workspace or run costs only itself.
    """
    workspaces.find_folders(roots)  # refuses what is no root before anything is written
    exports = find_exports(catalogs)
    of_logs, beside = find_all(logs)
    registered = read_registries(registries, alone=not (roots or logs or catalogs))
    known, measurer = what_is_known(lake, READER_VERSION), Measurer(lake, prices)
    told = _told(known, mode, overwrite=overwrite).without(without_content(lake, keep))
    step = _Ingest(lake, known, told, keep, dry_run, on_progress)
    step.beside += [*beside, *registered.findings]
    step.choose(selection, of_logs, registered)
    step.take_exports(exports)
    named_roots = step.take_runs(of_logs, signing_key, read_all=bool(maps))
    chosen = step.choose_registered(registered)
    mapped, of_maps = _mapped(named_roots | chosen.roots, maps)
    step.beside += of_maps
    there, of_roots = workspaces.find_folders([*roots, *mapped])
    step.beside += of_roots
    names = {each.name for each in there} | known.folders
    step.take_registered(chosen, _looked_for(chosen.runs, names, roots, maps))
    step.take_folders(there, measurer)
    if not dry_run:
        derive(lake, known.stale)
        if step.committed:
            judge(lake, {folder.name: folder for folder in there})
    return step.report()


def _told(known: Known, mode: Mode, *, overwrite: bool) -> Known:
    """What is known, as far as it is relied upon."""
    if overwrite:
        return replace(known, contents={}, stats={})
    return replace(known, stats={}) if mode == "full" else known


@dataclass
class _Ingest:
    """One ingest under way: what it goes by, and what became of what it met."""

    lake: Lake
    known: Known
    told: Known
    keep: Keep
    dry_run: bool
    on_progress: Progress | None
    selection: Selection = EVERYTHING
    outcomes: list[Outcome] = field(default_factory=list)
    beside: list[Finding] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    committed: int = 0
    named: set[str] = field(default_factory=set)
    running: set[str] = field(default_factory=set)

    def choose(
        self, selection: Selection, logs: Iterable[RunFolder], registered: ReadRegistries
    ) -> None:
        """Settle by which names the chosen runs go; BadInput when one of them is nowhere."""
        self.selection = selection
        if not selection.task_run_ids:
            return
        pairs = [(run.task_run_id, run.log_name or run.task_run_id) for run in registered.runs]
        in_lake = set(self.lake.read("workspaces", ["task_run_id"])["task_run_id"].drop_nulls())
        in_lake |= set(self.lake.read("loops", ["task_run_id"])["task_run_id"])
        in_lake |= self.known.runs.keys() | set(self.known.names.values())
        of_logs = {name for run in logs for name in names_of(run)}
        selection.refuse_unknown(in_lake | of_logs | {name for pair in pairs for name in pair})
        self.selection = selection.under_all_names([*pairs, *self.known.names.items()])

    def take_exports(self, exports: Sequence[Sequence[Path]]) -> None:
        history = ingest_history(
            self.lake, self.told, exports, READER_VERSION, dry_run=self.dry_run
        )
        self.outcomes += history.outcomes
        self.unchanged += history.unchanged
        self.committed += 0 if self.dry_run else len(history.outcomes)

    def take_runs(
        self, logs: Sequence[RunFolder], signing_key: bytes | None, *, read_all: bool
    ) -> set[str]:
        """The runs of the logs; the folders in which they say that their workspaces lie."""
        roots = set[str]()
        reader = RunReader(self.told, signing_key, self.selection, read_all=read_all)
        for batch in batches(logs, reader.read, self.on_progress):
            roots |= {root for each in batch.read for root in each.run.workspace_roots}
            news = [each for each in batch.read if each.is_new]
            self.unchanged += batch.unchanged + len(batch.read) - len(news)
            if news and self.dry_run:
                self.outcomes += map(traces.planned, news)
            elif news:
                self.outcomes += traces.commit_runs(self.lake, news, READER_VERSION, self.keep)
                self.committed += 1
        self._leave(reader.left)
        self.named |= reader.named
        self.running |= reader.running
        return roots

    def choose_registered(self, registered: ReadRegistries) -> ReadRegistries:
        chosen, left, running = registered.chosen(self.selection)
        self.left.update(left)
        self.running |= running
        self.named |= {each.workspace_id for run in chosen.runs for each in run.folders}
        return chosen

    def take_registered(self, chosen: ReadRegistries, looked_for: Mapping[str, bool]) -> None:
        """The runs of the registries; of those that are unchanged, what is gone meanwhile."""
        new, same = chosen.compared(self.told)
        if self.dry_run:
            self.outcomes += [registries.planned(each, looked_for) for each in new]
        else:
            commits = registries.commit_registered(self.lake, new, looked_for, READER_VERSION)
            for outcomes in commits:
                self.outcomes += outcomes
                self.committed += 1
        self.unchanged += len(same)
        self.beside += chain.from_iterable(each.gone(looked_for) for each in same)

    def take_folders(self, there: Sequence[Path], measurer: Measurer) -> None:
        reader = workspaces.FolderReader(self.told, measurer, self.selection, self._named())
        for batch in batches(there, reader.read, self.on_progress):
            self.unchanged += batch.unchanged
            if batch.read and self.dry_run:
                self.outcomes += map(workspaces.planned, batch.read)
            elif batch.read:
                self.outcomes += workspaces.commit_folders(
                    self.lake, batch.read, READER_VERSION, self.keep
                )
                self.committed += 1
        self._leave(reader.left)

    def _named(self) -> workspaces.Named:
        """Folders as the runs name them, those of this ingest and those in the lake."""
        chosen = self.selection
        asked_for, ended, running = self.named, set[str](), self.running
        if chosen.by_run:
            for name in ("workspaces", "loops"):
                rows = self.lake.read(name, ["task_run_id", "workspace_id"]).drop_nulls().rows()
                asked_for |= {
                    key
                    for run, key in rows
                    if chosen.wants(run) and (chosen.task_run_ids or names_a_run(run))
                }
        if chosen.only_finished:
            rows = self.lake.read("loops", ["status", "workspace_id"]).drop_nulls().rows()
            running |= {key for status, key in rows if status == "running"}
            ended |= {key for status, key in rows if status != "running"}
        return workspaces.Named(asked_for, ended, running)

    def _leave(self, left: Counter[str]) -> None:
        self.left.update(left)
        self.unchanged -= left.total()

    def report(self) -> IngestReport:
        return IngestReport(
            tuple(self.outcomes),
            self.unchanged,
            tuple(self.beside),
            self.committed,
            dict(self.left),
            self.dry_run,
        )


def _looked_for(
    chosen: Iterable[RegisteredRun],
    there: Collection[str],
    roots: Sequence[str | Path],
    maps: Sequence[PathMap],
) -> dict[str, bool]:
    """Whether each registered folder is there; without those that nobody said where to look for."""
    return {
        folder.workspace_id: folder.workspace_id in there
        for run in chosen
        for folder in run.folders
        if roots or (folder.root and _is_mapped(folder.root, maps))
    }


def _is_mapped(text: str, maps: Sequence[PathMap]) -> bool:
    try:
        return apply_maps(text, maps) is not None
    except BadInput:
        return True  # it leads out of where it may be looked for, and that is told


def _mapped(named: Iterable[str], maps: Sequence[PathMap]) -> tuple[list[Path], list[Finding]]:
    """The roots of workspaces among the folders that runs name, where the maps place them."""
    found: list[Path] = []
    beside: list[Finding] = []
    for text in sorted(named):
        try:
            if path := apply_maps(text, maps):
                found.append(find_workspaces(path).path)
        except BadInput as error:
            reason = f"named by a log or registry, but not read: {error.what}"
            beside.append(Finding("warning", error.where, reason, error.fix))
    return found, beside
