"""Find the log folders of runs: what was ingested of them, and what the reader never takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rdlake.evidence import Source, is_of_kind
from rdlake.ingest.traces import possible_names
from rdlake.operations.cleanup.disk import DiskEntry
from rdlake.operations.cleanup.plan import PlannedFile
from rdlake.sources.traces import RunFolder, find_runs, read_run, scan_run
from rdlake.store.lake import Lake

AGAIN = "rdlake ingest with the same key, then rdlake archive run"


@dataclass(frozen=True, kw_only=True)
class LogFolder:
    """Describe a run's folder, its name in the lake, and the workspaces it mentions."""

    run: RunFolder
    root: Path
    folder: str
    name: str
    source_digest: str | None
    workspace_ids: frozenset[str]
    messages: frozenset[str]
    reasons: tuple[str, ...]

    def file(self, each: DiskEntry) -> PlannedFile:
        """Return a file with its proof: a message is kept as rows; of `log_noise` nothing was ever
        taken."""
        proof = "rows" if each.path in self.messages else "log_noise"
        return PlannedFile(
            path=each.path,
            kind=each.kind,
            size=each.size,
            sha256=each.sha256,
            target=each.target,
            proof=proof,
        )


def find_log_folders(lake: Lake, logs: Sequence[Path]) -> list[LogFolder]:
    """Return every run below the log roots, as the lake knows it."""
    runs = lake.read(
        "task_runs",
        ["task_run_id", "log_path", "created_at", "source_digest"],
        pl.col("loops").is_not_null(),
    )
    digests = dict(runs.select("task_run_id", "source_digest").rows())
    paths = dict(runs.select("task_run_id", "log_path").rows())
    told: dict[str, set[str]] = {}
    logged = lake.read("evidence", ["source", "workspace_id"], is_of_kind("trace"))
    for source, workspace_id in logged.rows():
        told.setdefault(Source.parse(source).name, set()).add(workspace_id)
    found: list[LogFolder] = []
    seen = set[Path]()
    for root in logs:
        for run in find_runs(root).runs:
            if run.path not in seen:
                seen.add(run.path)
                found.append(_log_folder(lake, run, _name_of(run, paths), digests, told))
    return found


def _name_of(run: RunFolder, paths: dict[str, str | None]) -> str | None:
    """Return the name that the lake has a run under; of two, the one with the same place."""
    known = [each for each in possible_names(run) if each in paths]
    return next((each for each in known if paths[each] == run.relative), (*known, None)[0])


def _log_folder(
    lake: Lake,
    run: RunFolder,
    known: str | None,
    digests: dict[str, str],
    told: dict[str, set[str]],
) -> LogFolder:
    reasons = () if known else ("the lake knows no such run: rdlake ingest reads it",)
    name = known or run.path.name
    messages = frozenset(entry.path for entry in scan_run(run.path).entries) if known else ()
    folders = told.get(name, set())
    mine = pl.col("workspace_id").is_in(list(folders))
    rows = [lake.read(each, ["workspace_id"], mine) for each in ("loops", "workspaces")]
    there = {key for frame in rows for key in frame["workspace_id"]}
    return LogFolder(
        run=run,
        root=run.root,
        folder=run.relative,
        name=name,
        source_digest=digests.get(name),
        workspace_ids=frozenset(there),
        messages=frozenset(messages),
        reasons=reasons,
    )


def find_log_change(log: LogFolder, signing_key: bytes | None) -> str | None:
    """Return why the folder is not what was ingested; None when every message is the same."""
    run = read_run(log.run, scan_run(log.run.path), key=signing_key)
    if run.source_digest == log.source_digest:
        return None
    return f"its messages are not those that were ingested, or the key is another: {AGAIN}"
