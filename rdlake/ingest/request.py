"""Which of the runs and folders that are there one ingest takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from rdlake.domain.registry import RegisteredRun
from rdlake.domain.trace import TracedRun
from rdlake.errors import BadInput

SHOWN = 10
"""How many runs an error names."""


@dataclass(frozen=True)
class Selection:
    """What is to be taken; as it is made, everything.

    `task_run_ids` are runs by name, `all_runs` is every run: either way folders that none of them
    names are left. `since` is a day, UTC. `max_loops` counts folders of loops that are new or
    changed. `still_for` leaves loops that have not ended, and folders in which something changed
    within so many seconds.
    """

    task_run_ids: frozenset[str] = frozenset()
    all_runs: bool = False
    since: date | None = None
    max_loops: int | None = None
    only_experiments: bool = False
    still_for: float | None = None

    @property
    def by_run(self) -> bool:
        return self.all_runs or bool(self.task_run_ids)

    @property
    def only_finished(self) -> bool:
        return self.still_for is not None

    def wants(self, *names: str | None) -> bool:
        """Whether a run that goes by these names is taken."""
        return not self.task_run_ids or not self.task_run_ids.isdisjoint(names)

    def reaches(self, moment: datetime | None) -> bool:
        """Whether something of that time is taken; of an unknown one it is."""
        return self.since is None or moment is None or moment.date() >= self.since

    def under_all_names(self, pairs: Iterable[tuple[str, str]]) -> Selection:
        """The same runs by both names, of pairs of names for one run."""
        wanted = self.task_run_ids
        others = {name for pair in pairs if not wanted.isdisjoint(pair) for name in pair}
        return replace(self, task_run_ids=wanted | others)

    def refuse_unknown(self, there: Collection[str]) -> None:
        """BadInput for a run that is nowhere: an empty success would hide the slip."""
        for name in sorted(self.task_run_ids.difference(there)):
            shown = ", ".join(sorted(there)[:SHOWN]) or "none"
            more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
            raise BadInput(
                f"no run is called {name}",
                where=f"--task-run-id {name}",
                fix=f"runs that are there: {shown}{more}; "
                "or name the folder of logs or the registry that has it",
            )


EVERYTHING = Selection()


def finished_part(run: TracedRun) -> tuple[TracedRun, frozenset[str]]:
    """The run with those loops that have ended, and the folders of the others."""
    still_open = [loop for loop in run.loops if loop.status == "running"]
    if not still_open:
        return run, frozenset()
    of_open = replace(run, loops=tuple(still_open)).workspace_ids
    ended = tuple(loop for loop in run.loops if loop.status != "running")
    told = repr([(loop.loop_id, loop.status, loop.last_message_at) for loop in ended])
    digest = f"finished loops only: {told}"
    return replace(run, loops=ended, stat_digest=None, source_digest=digest), of_open


def finished_part_of_registry(run: RegisteredRun) -> tuple[RegisteredRun, frozenset[str]]:
    """The same of a run in a registry."""
    still_open = {loop.loop_id for loop in run.loops if loop.status == "running"}
    of_open = [folder for folder in run.folders if folder.loop_id in still_open]
    loops = tuple(loop for loop in run.loops if loop.loop_id not in still_open)
    folders = tuple(folder for folder in run.folders if folder not in of_open)
    names = frozenset(folder.workspace_id for folder in of_open)
    return replace(run, loops=loops, folders=folders), names
