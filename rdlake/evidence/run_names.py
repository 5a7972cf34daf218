"""Match logs with registered runs, and loops without a folder with their folders."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rdlake.domain.ids import has_folder
from rdlake.evidence.merge import names_a_run
from rdlake.evidence.source import Source
from rdlake.evidence.value import Evidence, Row


def match_registered_names(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the registry's id of each run that is known by its log's folder, too.

    `pairs` are source and workspace_id of all evidence of logs and registries. A log is the
    registered run with which it shares most workspaces; of several the first by name. A loop
    without a folder is shared too, where the registry names the log.
    """
    of_logs: dict[str, set[str]] = defaultdict(set)
    registered: dict[str, set[str]] = defaultdict(set)
    for text, workspace_id in pairs:
        source = Source.parse(text)
        if source.kind == "trace":
            of_logs[source.name].add(workspace_id)
        elif names_a_run(source.name):
            registered[workspace_id].add(source.name)
    names: dict[str, str] = {}
    for log, workspaces in of_logs.items():
        shared = Counter(name for each in workspaces for name in registered.get(each, ()))
        if shared:
            names[log] = min(shared, key=lambda name: (-shared[name], name))
    return {log: name for log, name in names.items() if log != name}


def rename_run(part: Evidence, names: Mapping[str, str]) -> Evidence:
    """Return the evidence of a log under the registry's id of its run, where it has one."""
    name = names.get(part.source.name) if part.kind == "trace" else None
    if name is None:
        return part
    loop = None if part.loop is None else _with_run(part.loop, name)
    return replace(part, loop=loop, folder=_with_run(part.folder, name))


def _with_run(row: Row, name: str) -> Row:
    return {**row, "task_run_id": name} if row.get("task_run_id") is not None else row


def move_to_folders(parts: Sequence[Evidence]) -> list[Evidence]:
    """Move evidence on a loop without a folder to the folder that another source has for it.

    That source names the same run and the same number. A log does not know where a skipped loop
    was, and a registry may lack what the log has.
    """
    folders: dict[tuple[str, int], set[str]] = defaultdict(set)
    for part in parts:
        if (place := _place(part)) and has_folder(part.workspace_id):
            folders[place].add(part.workspace_id)
    return [
        replace(part, workspace_id=next(iter(ids)))
        if not has_folder(part.workspace_id)
        and (place := _place(part))
        and len(ids := folders[place]) == 1
        else part
        for part in parts
    ]


def _place(part: Evidence) -> tuple[str, int] | None:
    """Return the run and number of the loop, where a log or a registry names them."""
    loop = part.loop or {}
    if part.kind not in ("trace", "registry") or loop.get("role") != "experiment":
        return None
    return part.folder["task_run_id"], part.folder["loop_id"]
