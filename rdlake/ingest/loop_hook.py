"""Take one loop into the lake when it ends. This is the hook that RD-Agent calls.

What RD-Agent says of the loop counts as a registry's word on this loop alone, so loops that end at
the same time keep out of each other's way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from rdlake.domain.experiment import Action, Experiment, Finding, Workspace
from rdlake.domain.registry import RegisteredRun
from rdlake.errors import BadInput
from rdlake.evidence import Evidence, Source, evidence_of_registry
from rdlake.ingest.commit import BatchContent, commit_batch
from rdlake.ingest.content import Keep
from rdlake.ingest.derive import FindingsById
from rdlake.ingest.factor_statistics import FactorMeasurer
from rdlake.ingest.outcome import Outcome, status_by
from rdlake.ingest.pipeline import IngestReport
from rdlake.ingest.previous import PreviousIngest, read_previous_of
from rdlake.ingest.registries import task_run_row
from rdlake.ingest.workspaces import (
    FolderReader,
    FolderReading,
    folder_content,
    folder_outcome,
    keep_content,
)
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.registry import build_runs
from rdlake.store.lake import Lake

CALLER = "write_loop_artifacts"
GONE = "not there, or a link: what was said of the loop is in the lake, the folder's files are not"


@dataclass(frozen=True, kw_only=True)
class EndedLoop:
    """Hold what RD-Agent says of a loop that ended.

    The rows are those of a registry, with as many of its columns as are known.
    """

    task_run_row: Mapping[str, object] | None
    loop_row: Mapping[str, object] | None
    workspace_path: str | Path | None
    action: Action | None
    has_result: bool

    @property
    def folder(self) -> Path | None:
        """Return the absolute path of the loop's folder."""
        return None if self.workspace_path is None else Path(self.workspace_path).absolute()


def commit_ended_loop(lake: Lake, loop: EndedLoop, keep: Keep = "essential") -> IngestReport:
    """Commit one loop that ended, with its folder; nothing when the lake has all of it."""
    folder = loop.folder
    run, row_findings = _read_rows(loop)
    part = _evidence_on_loop(run)
    workspace_id = part.workspace_id if part else folder.name if folder else None
    if workspace_id is None:
        raise BadInput(
            "neither a loop nor a folder is given",
            where=CALLER,
            fix="give loop_row with task_run_id and loop_id, or workspace_path",
        )
    previous = read_previous_of(lake, workspace_id)
    reading = _read_folder(lake, folder, previous)
    is_news = part is not None and previous.content_digest(part.source) != part.digest
    if not is_news and reading is None:
        return IngestReport(outcomes=(), unchanged=1)
    findings = [*row_findings, *_folder_findings(loop, reading)]
    readings = [reading] if reading else []
    lost = keep_content(lake, readings, keep)
    content = folder_content(readings)
    if is_news and run and part:
        content = _add_loop(lake, content, run, part)

    def outcomes_of(of_rows: FindingsById) -> list[Outcome]:
        if reading:
            name = reading.result.workspace_id
            others = (*lost.get(name, ()), *findings, *of_rows.get(name, ()))
            return [folder_outcome(reading, others)]
        every = (*findings, *of_rows.get(workspace_id, ()))
        return [_loop_outcome(workspace_id, previous, every)]

    outcomes = commit_batch(lake, content, outcomes_of)
    return IngestReport(outcomes=tuple(outcomes), batches=1)


def _read_rows(loop: EndedLoop) -> tuple[RegisteredRun | None, list[Finding]]:
    """Return what the rows say, read as a registry's are, and what is wrong with them."""
    folder = loop.folder
    present = [_plain_row(row) for row in (loop.task_run_row, loop.loop_row) if row]
    names: dict[str, object] = {}
    for row in present:
        names |= {key: row[key] for key in ("task_run_id", "loop_id") if key in row}
    runs = [names | present[0]] if loop.task_run_row else []
    loops = [{"action": loop.action} | names | present[-1]] if loop.loop_row else []
    rows: dict[str, list[dict[str, object]]] = {"task_runs": runs, "loops": loops}
    of_folder = {"workspace_role": "experiment_workspace", "experiment_type": loop.action}
    rows["workspaces"] = (
        [{**names, **of_folder, "workspace_id": folder.name, "workspace_path": str(folder)}]
        if folder and names
        else []
    )
    registry = build_runs(rows, CALLER)
    run = registry.runs[0] if registry.runs else None
    return run, [*registry.findings, *(run.findings if run else ())]


def _plain_row(row: Mapping[str, object]) -> dict[str, object]:
    """Return the row with its values as SQLite would hold them."""
    return {
        name: value.isoformat()
        if isinstance(value, datetime)
        else json.dumps(value)
        if isinstance(value, Mapping)
        else value
        for name, value in row.items()
    }


def _evidence_on_loop(run: RegisteredRun | None) -> Evidence | None:
    """Return the evidence on this loop under a source of its own.

    A registry's evidence on the same run is about other loops as well.
    """
    if run is None:
        return None
    parts = evidence_of_registry(run)
    numbers = [*(loop.loop_id for loop in run.loops), *(each.loop_id for each in run.folders)]
    if not parts or numbers[0] is None:
        return None
    return replace(parts[0], source=Source("registry", run.task_run_id, numbers[0]))


def _read_folder(lake: Lake, folder: Path | None, previous: PreviousIngest) -> FolderReading | None:
    if folder is None or not _is_folder(folder):
        return None
    return FolderReader(previous, FactorMeasurer(lake, later=True)).read(folder)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _folder_findings(loop: EndedLoop, reading: FolderReading | None) -> list[Finding]:
    """Return a warning for a folder that is not there, or that contradicts `has_result`."""
    if (folder := loop.folder) and not _is_folder(folder):
        fix = "rdlake ingest --workspaces with the folder it lies in"
        return [Finding("warning", folder.name, GONE, fix)]
    if reading is None or not isinstance(reading.result, Workspace):
        return []
    has_result = _has_result(reading.result)
    if has_result == loop.has_result:
        return []
    reason = (
        f"has_result is {loop.has_result}, but the metrics in the folder say {has_result}; "
        "these count"
    )
    return [Finding("warning", "qlib_res.csv", reason, "nothing to do in the lake")]


def _has_result(workspace: Workspace) -> bool:
    experiment = Experiment(
        workspace_id=workspace.workspace_id,
        task_run_id="",
        loop_id=0,
        role="experiment",
        action=None,
        source_digest="",
        metrics=workspace.metrics,
    )
    return experiment.has_result


def _add_loop(
    lake: Lake, content: BatchContent, run: RegisteredRun, part: Evidence
) -> BatchContent:
    """Return the batch with the evidence on the loop.

    The run's row is added only while no log and no registry gave one.
    """
    content = replace(
        content,
        evidence=[*content.evidence, part],
        sources=[*content.sources, part.source],
    )
    fuller = [str(Source(kind, run.task_run_id)) for kind in ("trace", "registry")]
    if not lake.read("evidence", ["source"], pl.col("source").is_in(fuller)).is_empty():
        return content
    rows = frame_of(table("task_runs"), [task_run_row(run, part.digest)])
    return replace(
        content,
        frames={**content.frames, "task_runs": rows},
        owners={**content.owners, "task_run_id": [run.task_run_id]},
    )


def _loop_outcome(
    workspace_id: str, previous: PreviousIngest, findings: Sequence[Finding]
) -> Outcome:
    """Return what becomes of a loop whose folder has nothing new, or is not there."""
    return Outcome(
        workspace_id=workspace_id,
        status=status_by(findings),
        role="experiment",
        findings=tuple(findings),
        source_digest=previous.content_digest(Source("workspace", workspace_id)),
    )
