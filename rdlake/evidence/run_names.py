"""Under which id a run is known that has a log and stands in a registry."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rdlake.evidence.merge import names_a_run
from rdlake.evidence.value import Evidence, Row, name_of

NOBODY = "none_"
"""How the ids of loops without a folder begin."""


def registered_names(told: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The registry's id of each run that is known by its log's folder, by (source, workspace_id) of
    all evidence: that of the registered run with which the log shares most workspaces, of several
    the first by name. A loop without a folder is shared too, where a registry names the log."""
    of_logs: dict[str, set[str]] = defaultdict(set)
    registered: dict[str, set[str]] = defaultdict(set)
    for source, workspace_id in told:
        kind, name = source.partition(":")[0], name_of(source)
        if kind == "trace":
            of_logs[name].add(workspace_id)
        elif kind == "registry" and names_a_run(name):
            registered[workspace_id].add(name)
    found: dict[str, str] = {}
    for log, workspaces in of_logs.items():
        shared = Counter(name for each in workspaces for name in registered.get(each, ()))
        if shared:
            found[log] = min(shared, key=lambda name: (-shared[name], name))
    return {log: name for log, name in found.items() if log != name}


def renamed(part: Evidence, names: Mapping[str, str]) -> Evidence:
    """What a log says, under the registry's id of its run."""
    name = names.get(part.named) if part.kind == "trace" else None
    if name is None:
        return part
    loop = None if part.loop is None else _under(part.loop, name)
    return replace(part, loop=loop, folder=_under(part.folder, name))


def _under(row: Row, name: str) -> Row:
    return {**row, "task_run_id": name} if row.get("task_run_id") is not None else row


def housed(parts: Sequence[Evidence]) -> list[Evidence]:
    """Each word on a loop without a folder goes to the folder that another source has for the loop
    of that run and number, where there is one: a log does not know where a skipped loop was, and a
    registry may lack what the log has."""
    homes: dict[tuple[str, int], set[str]] = defaultdict(set)
    for part in parts:
        if (place := _place(part)) and not part.workspace_id.startswith(NOBODY):
            homes[place].add(part.workspace_id)
    return [
        replace(part, workspace_id=next(iter(found)))
        if part.workspace_id.startswith(NOBODY)
        and (place := _place(part))
        and len(found := homes[place]) == 1
        else part
        for part in parts
    ]


def _place(part: Evidence) -> tuple[str, int] | None:
    """The run and number of the loop, by a log or a registry."""
    loop = part.loop or {}
    if part.kind not in ("trace", "registry") or loop.get("role") != "experiment":
        return None
    return part.folder["task_run_id"], part.folder["loop_id"]
