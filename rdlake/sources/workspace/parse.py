"""Turn one workspace folder into a value, in three steps that can be stopped after each.

`scan_folder` takes names and times, `hash_files` contents, `parse_workspace` figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rdlake.domain.experiment import (
    Code,
    FactorColumn,
    Finding,
    Level,
    SourceFile,
    Workspace,
)
from rdlake.domain.recording import Recording
from rdlake.sources.backtest.curve import read_curve, read_pickled_curve
from rdlake.sources.backtest.factor_table import read_factor_columns
from rdlake.sources.backtest.metrics import Metrics, read_metrics
from rdlake.sources.fork.json_files import JSON_FILES, read_json_files
from rdlake.sources.formats.hdf5 import read_factor_header
from rdlake.sources.mlruns import RecordedFolder, read_recording
from rdlake.sources.workspace.hashing import PARSED_FILES, HashedFiles, hash_files
from rdlake.sources.workspace.roles import classify
from rdlake.sources.workspace.scan import Scan, scan_folder

MAX_FINDINGS = 100

_METRICS, _CURVE, _PICKLE = "qlib_res.csv", "ret.parquet", "ret.pkl"
_FACTORS, _VALUES = "combined_factors_df.parquet", "result.h5"
_CODES = ("factor.py", "model.py")
_AGAIN = "run the back-test again if its figures are needed"
_ANEW = "remove it, or have the tool that made it write it again"
_COPY = "put the file itself in the link's place"
_NO_WORKSPACE = Finding(
    "warning",
    None,
    "no workspace: nothing in it is a file that RD-Agent writes",
    "nothing to do; keep such folders elsewhere to avoid this note",
)
_STILL_WRITTEN = Finding(
    "error",
    None,
    "still being written: files changed while they were read",
    "ingest again when the run has finished",
)


@dataclass(frozen=True, slots=True)
class SkippedFolder:
    """Report a folder that is not used this time, and why."""

    workspace_id: str
    root_name: str
    finding: Finding


def read_workspace(folder: Path) -> Workspace | SkippedFolder:
    """Run all three steps."""
    scanned = scan_folder(folder)
    return parse_workspace(scanned, hash_files(scanned))


def parse_workspace(scanned: Scan, hashed: HashedFiles) -> Workspace | SkippedFolder:
    """Return the workspace that was scanned and hashed, with its figures.

    Return a SkippedFolder when it cannot be listed, is no workspace, or changed since it was
    scanned.
    """
    folder = scanned.folder
    if not scanned.listed:
        return SkippedFolder(folder.name, folder.parent.name, scanned.findings[0])
    role, action = classify([file.path for file in hashed.files])
    if role is None:
        return SkippedFolder(folder.name, folder.parent.name, _NO_WORKSPACE)
    findings = [*scanned.findings, *hashed.findings]
    present = {file.path: file for file in hashed.files}
    findings += _find_misplaced(scanned, present)
    metrics, curve = _read_figures(hashed, findings)
    factors = _read_factors(folder, present, findings)
    codes = tuple(_read_codes(hashed, present, findings))
    fork_record, found = read_json_files(hashed.contents, folder.name)
    findings += found
    recording, values = None, None
    if role == "sub" and action == "factor" and _is_readable(present, _VALUES):
        values, found = read_factor_header(folder / _VALUES, _VALUES)
        findings += found
    if role in ("experiment", "baseline"):
        recording = _read_recording(
            RecordedFolder(
                path=folder,
                files=present,
                contents=hashed.contents,
                metrics=metrics,
                factors=factors,
            ),
            findings,
        )
        findings += _find_missing(present, findings)
    if skipped := find_change(scanned):
        return skipped
    return Workspace(
        workspace_id=folder.name,
        root_name=folder.parent.name,
        role=role,
        action=action,
        files=hashed.files,
        source_digest=hashed.source_digest,
        stat_digest=scanned.stat_digest,
        metrics=metrics,
        curve=curve,
        factors=factors,
        recording=recording,
        codes=codes,
        values=values,
        fork_record=fork_record,
        findings=cap_findings(findings),
    )


def find_change(scanned: Scan) -> SkippedFolder | None:
    """Return the folder as skipped when it changed since it was scanned."""
    folder = scanned.folder
    if scan_folder(folder).stat_digest == scanned.stat_digest:
        return None
    return SkippedFolder(folder.name, folder.parent.name, _STILL_WRITTEN)


def _read_figures(
    hashed: HashedFiles, findings: list[Finding]
) -> tuple[Metrics | None, pl.DataFrame | None]:
    """Return the metrics and the curve from the bytes that were hashed."""
    metrics, curve = None, None
    if _METRICS in hashed.contents:
        metrics, found = read_metrics(hashed.contents[_METRICS], _METRICS)
        findings += found
    if _CURVE in hashed.contents:
        curve, found = read_curve(hashed.contents[_CURVE], _CURVE)
        findings += found
    elif _PICKLE in hashed.contents and not any(file.path == _CURVE for file in hashed.files):
        curve, found = read_pickled_curve(hashed.contents[_PICKLE], _PICKLE)
        findings += found
    return metrics, curve


def _read_recording(folder: RecordedFolder, findings: list[Finding]) -> Recording | None:
    recording, found = read_recording(folder)
    findings += found
    return recording


def _read_codes(
    hashed: HashedFiles, present: Mapping[str, SourceFile], findings: list[Finding]
) -> Iterator[Code]:
    for name in _CODES:
        if name in hashed.contents:
            try:
                text = hashed.contents[name].decode("utf-8-sig")
            except UnicodeDecodeError as error:
                reason = f"not UTF-8 text (byte {error.start}); its text was not used"
                findings.append(Finding("error", name, reason, "save it as UTF-8"))
            else:
                yield Code(name, text, present[name].sha256 or "")


def _read_factors(
    folder: Path, present: Mapping[str, SourceFile], findings: list[Finding]
) -> tuple[FactorColumn, ...] | None:
    if not _is_readable(present, _FACTORS):
        return None
    factors, found = read_factor_columns(folder / _FACTORS, _FACTORS)
    findings += found
    return factors


def _is_readable(present: Mapping[str, SourceFile], name: str) -> bool:
    """Return whether this name is a file that could be read."""
    file = present.get(name)
    return file is not None and file.sha256 is not None


def _find_misplaced(scanned: Scan, present: Mapping[str, SourceFile]) -> Iterator[Finding]:
    """Yield a finding for each link, folder or oversized file that has the name of a file that is
    read here."""
    for name in (_METRICS, _CURVE, _PICKLE, _FACTORS, *_CODES, *JSON_FILES):
        if name == _PICKLE and (_CURVE in present or _CURVE in scanned.subfolders):
            continue
        file, fix = present.get(name), _ANEW if name in JSON_FILES else _AGAIN
        if name in scanned.subfolders:
            yield Finding("error", name, "a folder, where a file was expected", fix)
        elif file and file.kind == "link":
            yield Finding("error", name, "a link; links are never followed", _COPY)
        elif file and file.sha256 and (file.size or 0) > PARSED_FILES.get(name, math.inf):
            yield Finding(
                "error", name, f"larger than {PARSED_FILES[name] >> 20} MiB; not read", fix
            )


def _find_missing(present: Mapping[str, SourceFile], findings: list[Finding]) -> Iterator[Finding]:
    """Yield a warning for each file that an experiment should have left."""
    named = {finding.file for finding in findings}
    if _METRICS not in present and _METRICS not in named:
        yield Finding("warning", _METRICS, "missing: the back-test left no metrics", _AGAIN)
    if not {_CURVE, _PICKLE} & (present.keys() | named):
        yield Finding("warning", _CURVE, "missing: the back-test left no daily report", _AGAIN)


def cap_findings(
    findings: Sequence[Finding], most: int = MAX_FINDINGS, where: str = "folder"
) -> tuple[Finding, ...]:
    """Return the findings of one folder; when there are too many, the first ones and a summary."""
    if len(findings) <= most:
        return tuple(findings)
    rest = findings[most:]
    level: Level = "error" if any(finding.level == "error" for finding in rest) else "warning"
    reason = f"{len(rest)} more problems of this {where} are not listed"
    return (*findings[:most], Finding(level, None, reason, "mend those listed first"))
