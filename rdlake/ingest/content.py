"""Which files' content the lake keeps, and bringing it there before rows refer to it."""

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
from rdlake.store.blobs import Content, Unread, store, stored
from rdlake.store.lake import Lake

Keep = Literal["essential", "all", "none"]
KEEPS: tuple[Keep, ...] = ("essential", "all", "none")
MOST_ESSENTIAL = 32 << 20
"""A file of more bytes is no essential one, whatever it is for."""

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
"""digest -> where the content lies: workspace_id and file."""


def is_worth_keeping(keep: Keep, path: str, artifact_type: str | None, size: int | None) -> bool:
    """Whether the content of such a file is stored. Essential are metrics, curves, configuration,
    code, JSON, charts and weights; factor values, scores and labels are not."""
    if keep != "essential":
        return keep == "all"
    if size is None or size > MOST_ESSENTIAL:
        return False
    return artifact_type in _ESSENTIAL_TYPES or _ESSENTIAL_PATHS.fullmatch(path) is not None


def without_content(lake: Lake, keep: Keep) -> frozenset[str]:
    """The workspaces with a file that is worth keeping and whose content is not in the lake: less
    was kept when they were read, or it could not be had."""
    if keep == "none":
        return frozenset()
    there = pl.col("sha256").is_not_null() & (pl.col("state") == "present")
    columns = ["workspace_id", "path", "artifact_type", "size", "sha256"]
    files = lake.read("artifacts", columns, there)
    lacking = files.filter(~pl.col("sha256").is_in(list(stored(lake))))
    return frozenset(
        workspace_id
        for workspace_id, path, word, size, _ in lacking.iter_rows()
        if is_worth_keeping(keep, path, word, size)
    )


def keep_files(
    lake: Lake, keep: Keep, folders: Sequence[tuple[Scan, Workspace]]
) -> Mapping[str, tuple[Finding, ...]]:
    """Store the content of every file worth keeping, as it was when the workspace was read; each
    content once, wherever it lies. By workspace, the files whose content could not be had."""
    sizes: dict[str, int] = {}
    places: _Places = {}
    for scanned, workspace in folders:
        entries = {entry.path: entry for entry in scanned.entries}
        for file in workspace.files:
            if file.sha256 and is_worth_keeping(keep, file.path, file.artifact_type, file.size):
                sizes[file.sha256] = file.size or 0
                place = (workspace.workspace_id, entries[file.path])
                places.setdefault(file.sha256, []).append(place)
    there = stored(lake, places) if places else frozenset()
    rest = {digest: found for digest, found in places.items() if digest not in there}
    return _findings(_stored_from(lake, rest, sizes), places)


def keep_code(lake: Lake, keep: Keep, tasks: Iterable[Task]) -> None:
    """Store the code that a log has of these, whether its folder is still there or not."""
    texts = {
        task.code_sha256: content
        for task in tasks
        for content in (each.encode() for each in task.code.values())
        if task.code_sha256 == sha256(content).hexdigest()
    }
    kept = {
        digest: text
        for digest, text in texts.items()
        if digest and is_worth_keeping(keep, "", "code", len(text))
    }
    there = stored(lake, kept) if kept else frozenset()
    store(
        lake,
        (
            Content(digest, len(text), partial(iter, [text]))
            for digest, text in kept.items()
            if digest not in there
        ),
    )


def _stored_from(lake: Lake, places: _Places, sizes: Mapping[str, int]) -> dict[str, str]:
    """Store each content from the first place that still has it; why none of them does."""
    lost: dict[str, str] = {}
    turn = 0
    while rest := {digest: found[turn] for digest, found in places.items() if len(found) > turn}:
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
        raise Unread(f"it could not be read: {explain(error)}") from error


def _findings(lost: Mapping[str, str], places: _Places) -> dict[str, tuple[Finding, ...]]:
    found: dict[str, list[Finding]] = {}
    for digest, why in lost.items():
        for workspace_id, entry in places[digest]:
            reason = f"its content is not kept: {why}"
            fix = "ingest again when nothing writes to it; until then only its digest is known"
            found.setdefault(workspace_id, []).append(Finding("error", entry.path, reason, fix))
    return {key: cap_findings(each) for key, each in found.items()}
