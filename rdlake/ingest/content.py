"""Store the content of the files worth keeping, before any row refers to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Literal

import polars as pl

from rdlake.domain.experiment import Finding, Workspace
from rdlake.domain.trace import Task
from rdlake.sources.formats.wording import explain
from rdlake.sources.workspace.hashing import read_pieces
from rdlake.sources.workspace.parse import cap_findings
from rdlake.sources.workspace.scan import FolderEntry, Scan
from rdlake.store.blobs import Content, UnreadableContent, store, stored_digests
from rdlake.store.lake import Lake

Keep = Literal["essential", "all", "none"]
KEEPS: tuple[Keep, ...] = ("essential", "all", "none")
MAX_ESSENTIAL_BYTES = 32 << 20
"""The largest size of an essential file."""

_ESSENTIAL_TYPES = frozenset(
    {
        "backtest_curve",
        "backtest_curve_image",
        "backtest_metrics",
        "code",
        "config_snapshot",
        "factor_meta",
        "factor_perf",
        "feedback",
        "model",
        "model_meta",
        "report",
        "ret_schema",
        "strategy_meta",
    }
)
_ESSENTIAL_PATHS = re.compile(
    r".+\.(json|png|ya?ml)|mlruns/[^/]+/[^/]+/(metrics/.+|params/.+|artifacts/(task|config"
    r"|sig_analysis/r?ic\.pkl|portfolio_analysis/(port_analysis|report_normal)_[^/]+\.pkl))",
    re.DOTALL,
)

_Places = dict[str, list[tuple[str, FolderEntry]]]
"""By digest, where the content lies: workspace_id and file."""


def is_worth_keeping(keep: Keep, path: str, artifact_type: str | None, size: int | None) -> bool:
    """Return whether the content of such a file is stored.

    Essential are metrics, curves, configuration, code, JSON, charts and weights; factor values,
    scores and labels are not.
    """
    if keep != "essential":
        return keep == "all"
    if size is None or size > MAX_ESSENTIAL_BYTES:
        return False
    return artifact_type in _ESSENTIAL_TYPES or _ESSENTIAL_PATHS.fullmatch(path) is not None


def workspaces_without_content(lake: Lake, keep: Keep) -> frozenset[str]:
    """Return the workspaces with a file worth keeping whose content the lake does not have.

    Less was kept when they were read, or the content could not be read.
    """
    if keep == "none":
        return frozenset()
    present = pl.col("sha256").is_not_null() & (pl.col("state") == "present")
    columns = ["workspace_id", "path", "artifact_type", "size", "sha256"]
    files = lake.read("artifacts", columns, present)
    missing = files.filter(~pl.col("sha256").is_in(list(stored_digests(lake))))
    return frozenset(
        workspace_id
        for workspace_id, path, artifact_type, size, _ in missing.iter_rows()
        if is_worth_keeping(keep, path, artifact_type, size)
    )


def keep_files(
    lake: Lake, keep: Keep, folders: Sequence[tuple[Scan, Workspace]]
) -> Mapping[str, tuple[Finding, ...]]:
    """Store the content of every file worth keeping, each content once.

    It is stored as it was when the workspace was read. Return, by workspace, the files whose
    content could not be stored.
    """
    sizes: dict[str, int] = {}
    places: _Places = {}
    for scanned, workspace in folders:
        entries = {entry.path: entry for entry in scanned.entries}
        for file in workspace.files:
            if file.sha256 and is_worth_keeping(keep, file.path, file.artifact_type, file.size):
                sizes[file.sha256] = file.size or 0
                place = (workspace.workspace_id, entries[file.path])
                places.setdefault(file.sha256, []).append(place)
    known = stored_digests(lake, places) if places else frozenset()
    missing = {digest: each for digest, each in places.items() if digest not in known}
    return _lost_files(_store_from(lake, missing, sizes), places)


def keep_code(lake: Lake, keep: Keep, tasks: Iterable[Task]) -> None:
    """Store the code that a log has of these tasks, whether its folder is still there or not."""
    texts = {
        task.code_sha256: content
        for task in tasks
        for content in (each.encode() for each in task.code.values())
        if task.code_sha256 == sha256(content).hexdigest()
    }
    worth = {
        digest: text
        for digest, text in texts.items()
        if digest and is_worth_keeping(keep, "", "code", len(text))
    }
    known = stored_digests(lake, worth) if worth else frozenset()
    store(
        lake,
        (
            Content(digest, len(text), partial(iter, [text]))
            for digest, text in worth.items()
            if digest not in known
        ),
    )


def _store_from(lake: Lake, places: _Places, sizes: Mapping[str, int]) -> dict[str, str]:
    """Store each content from the first place that still has it.

    Return the digests that no place has, with the reason.
    """
    lost: dict[str, str] = {}
    turn = 0
    while rest := {digest: each[turn] for digest, each in places.items() if len(each) > turn}:
        failed = store(
            lake,
            (
                Content(digest, sizes[digest], partial(_chunks, entry))
                for digest, (_, entry) in rest.items()
            ),
        )
        lost |= failed
        for digest in rest.keys() - failed.keys():
            lost.pop(digest, None)
        places = {digest: places[digest] for digest in failed}
        turn += 1
    return lost


def _chunks(entry: FolderEntry) -> Iterator[bytes]:
    try:
        yield from read_pieces(entry)
    except OSError as error:
        raise UnreadableContent(f"it could not be read: {explain(error)}") from error


def _lost_files(lost: Mapping[str, str], places: _Places) -> dict[str, tuple[Finding, ...]]:
    findings: dict[str, list[Finding]] = {}
    for digest, why in lost.items():
        for workspace_id, entry in places[digest]:
            reason = f"its content is not kept: {why}"
            fix = "ingest again when nothing writes to it; until then only its digest is known"
            findings.setdefault(workspace_id, []).append(Finding("error", entry.path, reason, fix))
    return {key: cap_findings(each) for key, each in findings.items()}
