"""RD-Agent's own hand: one loop into the lake as it ends, by the way that an ingest goes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from rdlake.domain.experiment import Action, Experiment, Finding, Workspace
from rdlake.domain.registry import RegisteredRun
from rdlake.errors import BadInput
from rdlake.evidence import Evidence, said_by_registry
from rdlake.ingest import workspaces
from rdlake.ingest.content import Keep
from rdlake.ingest.derive import derive
from rdlake.ingest.factor_statistics import Measurer
from rdlake.ingest.outcome import Outcome, Status, ingest_rows
from rdlake.ingest.pipeline import READER_VERSION, IngestReport
from rdlake.ingest.previous import Known, last_digests
from rdlake.ingest.registries import task_run_row as row_of_run
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.registry import build_runs
from rdlake.store.lake import Lake

TOLD_BY = "write_loop_artifacts"
GONE = "not there, or a link: what was said of the loop is in the lake, the folder's files are not"


def write_loop_artifacts(  # noqa: PLR0913 - RD-Agent names each of them
    lake: Lake,
    *,
    task_run_row: Mapping[str, object] | None,
    loop_row: Mapping[str, object] | None,
    workspace_path: str | Path | None,
    action: Action | None,
    has_result: bool,
    keep: Keep = "essential",
) -> IngestReport:
    """Take one loop, as it ends, with its folder into the lake.

    The rows are those of a registry, with as many of its columns as are known: `task_run_id` and
    `loop_id` at least, when one is given. Calling it again with the same changes nothing. A file
    that cannot be read, or words that contradict the files, are findings of the report and in
    `ingests`; the rest is written. What needs prices, the factors' own statistics, is left for the
    next ingest. What the lake itself cannot do is an RdlakeError.
    """
    folder = None if workspace_path is None else Path(workspace_path).absolute()
    run, found = _run(task_run_row, loop_row, folder, action)
    said = _said(run)
    workspace_id = said.workspace_id if said else folder.name if folder else None
    if workspace_id is None:
        raise BadInput(
            "neither a loop nor a folder is given",
            where=TOLD_BY,
            fix="give loop_row with task_run_id and loop_id, or workspace_path",
        )
    known = last_digests(lake, workspace_id, READER_VERSION)
    read = _read(lake, folder, known)
    findings = [*found, *(run.findings if run else ())]
    if folder and not _is_folder(folder):
        fix = "rdlake ingest --workspaces with the folder it lies in"
        findings.append(Finding("warning", folder.name, GONE, fix))
    if read and isinstance(read.result, Workspace):
        findings += _contradicted(read.result, has_result=has_result)
    is_news = said is not None and known.contents.get(said.source) != said.digest
    if not is_news and read is None:
        return IngestReport((), 1, (), 0)
    beside = _beside(lake, run, said) if is_news and run and said else workspaces.Beside()
    beside = replace(beside, findings=findings)
    outcomes = workspaces.commit_folders(lake, [read] if read else [], READER_VERSION, keep, beside)
    if not read:
        outcomes = [_derived(lake, workspace_id, known, findings)]
    return IngestReport(tuple(outcomes), 0, (), 1)


def _run(
    task_run_row: Mapping[str, object] | None,
    loop_row: Mapping[str, object] | None,
    folder: Path | None,
    action: Action | None,
) -> tuple[RegisteredRun | None, tuple[Finding, ...]]:
    """What the rows say, read as a registry's are."""
    given = [_plain(row) for row in (task_run_row, loop_row) if row]
    names: dict[str, object] = {}
    for row in given:
        names |= {key: row[key] for key in ("task_run_id", "loop_id") if key in row}
    runs = [names | given[0]] if task_run_row else []
    loops = [{"action": action} | names | given[-1]] if loop_row else []
    told = {"workspace_role": "experiment_workspace", "experiment_type": action}
    rows: dict[str, list[dict[str, object]]] = {"task_runs": runs, "loops": loops}
    rows["workspaces"] = (
        [{**names, **told, "workspace_id": folder.name, "workspace_path": str(folder)}]
        if folder and names
        else []
    )
    registry = build_runs(rows, TOLD_BY)
    return (registry.runs[0] if registry.runs else None), registry.findings


def _plain(row: Mapping[str, object]) -> dict[str, object]:
    """Values as SQLite would hold them."""
    return {
        name: value.isoformat()
        if isinstance(value, datetime)
        else json.dumps(value)
        if isinstance(value, Mapping)
        else value
        for name, value in row.items()
    }


def _said(run: RegisteredRun | None) -> Evidence | None:
    """The word on this loop; kept apart from a registry's on the same run, whose other loops have
    nothing to do with it."""
    if run is None:
        return None
    said = said_by_registry(run)
    numbers = [*(loop.loop_id for loop in run.loops), *(each.loop_id for each in run.folders)]
    if not said or numbers[0] is None:
        return None
    return replace(said[0], source=f"registry:{run.task_run_id}/{numbers[0]}")


def _read(lake: Lake, folder: Path | None, known: Known) -> workspaces.ReadFolder | None:
    if folder is None or not _is_folder(folder):
        return None
    return workspaces.FolderReader(known, Measurer(lake, later=True)).read(folder)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _contradicted(workspace: Workspace, *, has_result: bool) -> list[Finding]:
    there = Experiment(
        workspace_id=workspace.workspace_id,
        task_run_id="",
        loop_id=0,
        role="experiment",
        action=None,
        source_digest="",
        metrics=workspace.metrics,
    ).has_result
    if there == has_result:
        return []
    reason = f"has_result is {has_result}, but the metrics in the folder say {there}; these count"
    return [Finding("warning", "qlib_res.csv", reason, "nothing to do in the lake")]


def _beside(lake: Lake, run: RegisteredRun, said: Evidence) -> workspaces.Beside:
    """The word on the loop; the run's row only while no log or registry has it."""
    fuller = [f"{kind}:{run.task_run_id}" for kind in ("trace", "registry")]
    if not lake.read("evidence", ["source"], pl.col("source").is_in(fuller)).is_empty():
        return workspaces.Beside([said])
    rows = frame_of(table("task_runs"), [row_of_run(run, said.digest)])
    return workspaces.Beside([said], {"task_runs": rows}, {"task_run_id": [run.task_run_id]})


def _derived(lake: Lake, workspace_id: str, known: Known, findings: list[Finding]) -> Outcome:
    """The rows anew of a loop whose folder has nothing new, or is not there."""
    outcomes: list[Outcome] = []

    def report(found: Mapping[str, tuple[Finding, ...]]) -> pl.DataFrame:
        every = (*findings, *found.get(workspace_id, ()))
        status: Status = "partial" if any(each.level == "error" for each in every) else "ok"
        digest = known.contents.get(f"workspace:{workspace_id}")
        outcomes.append(Outcome(workspace_id, status, "experiment", every, digest))
        return ingest_rows(outcomes, READER_VERSION)

    derive(lake, [workspace_id], report)
    return outcomes[0]
