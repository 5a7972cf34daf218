"""Say what one ingest reads, and which of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from rdlake.domain.registry import RegisteredRun
from rdlake.domain.trace import TracedRun
from rdlake.errors import BadInput
from rdlake.ingest.content import Keep
from rdlake.sources.workspace.path_maps import PathMap

SHOWN = 10
"""The largest number of runs that an error names."""

Mode = Literal["incremental", "full"]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Say which runs and folders are taken; by default all of them.

    `task_run_ids` are runs by name, `all_runs` is every run: with either one, folders that none of
    these runs names are left. `since` is a day, UTC. `max_loops` limits the folders of loops that
    are new or changed. `still_for` leaves loops that have not ended, and folders in which something
    changed within so many seconds.
    """

    task_run_ids: frozenset[str] = frozenset()
    all_runs: bool = False
    since: date | None = None
    max_loops: int | None = None
    only_experiments: bool = False
    still_for: float | None = None

    @property
    def by_run(self) -> bool:
        """Return whether folders are selected by the runs that name them."""
        return self.all_runs or bool(self.task_run_ids)

    @property
    def only_finished(self) -> bool:
        """Return whether loops that have not ended are left."""
        return self.still_for is not None

    def wants(self, *names: str | None) -> bool:
        """Return whether a run that goes by these names is taken."""
        return not self.task_run_ids or not self.task_run_ids.isdisjoint(names)

    def reaches(self, moment: datetime | None) -> bool:
        """Return whether something of that time is taken; of an unknown time it is."""
        return self.since is None or moment is None or moment.date() >= self.since

    def under_all_names(self, pairs: Iterable[tuple[str, str]]) -> Selection:
        """Return the selection with both names of each run, from pairs of names for one run."""
        wanted = self.task_run_ids
        others = {name for pair in pairs if not wanted.isdisjoint(pair) for name in pair}
        return replace(self, task_run_ids=wanted | others)

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Raise BadInput for a run that is nowhere: an empty success would hide the slip."""
        for name in sorted(self.task_run_ids.difference(known)):
            shown = ", ".join(sorted(known)[:SHOWN]) or "none"
            more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
            raise BadInput(
                f"no run is called {name}",
                where=f"--task-run-id {name}",
                fix=f"runs that are there: {shown}{more}; "
                "or name the folder of logs or the registry that has it",
            )


EVERYTHING = Selection()


@dataclass(frozen=True, kw_only=True)
class IngestRequest:
    """Say what one ingest reads, and how.

    `roots` are folders of workspaces, `logs` folders of logs, `registries` SQLite files, `catalogs`
    folders or files of exported JSON catalogs. With `signing_key` the signatures of RD-Agent's
    messages are checked. `maps` place the folders that logs and registries name; these are roots,
    too. `prices` is the daily_pv.h5 against which factors are measured, else the one beside each
    root. Mode `full` reads every file and compares content alone; `overwrite` makes all rows anew;
    a dry run writes nothing. `keep` says of which files the content is stored, `charts` whether new
    curves are drawn afterwards.
    """

    roots: Sequence[str | Path] = ()
    logs: Sequence[str | Path] = ()
    registries: Sequence[str | Path] = ()
    catalogs: Sequence[str | Path] = ()
    signing_key: bytes | None = None
    maps: Sequence[PathMap] = ()
    prices: str | Path | None = None
    selection: Selection = EVERYTHING
    mode: Mode = "incremental"
    overwrite: bool = False
    dry_run: bool = False
    keep: Keep = "essential"
    charts: bool = True


def finished_part(run: TracedRun) -> tuple[TracedRun, frozenset[str]]:
    """Return the run with the loops that have ended, and the folders of the others."""
    still_open = [loop for loop in run.loops if loop.status == "running"]
    if not still_open:
        return run, frozenset()
    of_open = replace(run, loops=tuple(still_open)).workspace_ids
    ended = tuple(loop for loop in run.loops if loop.status != "running")
    content = repr([(loop.loop_id, loop.status, loop.last_message_at) for loop in ended])
    # No digest of the whole run: a plain ingest afterwards must see that there is more.
    digest = f"finished loops only: {content}"
    return replace(run, loops=ended, stat_digest=None, source_digest=digest), of_open


def finished_part_of_registry(run: RegisteredRun) -> tuple[RegisteredRun, frozenset[str]]:
    """Return the registered run with the loops that have ended, and the folders of the others."""
    still_open = {loop.loop_id for loop in run.loops if loop.status == "running"}
    of_open = [folder for folder in run.folders if folder.loop_id in still_open]
    loops = tuple(loop for loop in run.loops if loop.loop_id not in still_open)
    folders = tuple(folder for folder in run.folders if folder not in of_open)
    names = frozenset(folder.workspace_id for folder in of_open)
    return replace(run, loops=loops, folders=folders), names
