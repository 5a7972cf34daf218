"""Make labels: from the prices in daily_pv.h5, or as qlib recorded them in label.pkl."""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np
import polars as pl

from rdlake.domain.experiment import Finding, SourceFile
from rdlake.domain.panel import DEFINITIONS, Label, Matrix, Panel, PanelRows, build_matrix
from rdlake.sources.backtest.factor_values import to_epoch_days
from rdlake.sources.formats.hdf5 import read_hdf5_frame
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain
from rdlake.sources.mlruns import read_label
from rdlake.sources.workspace.hashing import open_file

PRICES = Path("factor_implementation_source_data", "daily_pv.h5")
"""The place of the prices, beside the folder of the workspaces."""
CLOSES = ("$close", "close")
_ANEW = "make the file again, or name another with --prices"


def read_price_label(path: Path, known: Collection[str] = ()) -> tuple[Label | None, list[Finding]]:
    """Return qlib's label, close[t+2] / close[t+1] − 1, by the calendar of all rows.

    An instrument without a price on one of these days has no label. None and a finding when the
    prices cannot be read. The label is identified by the file's digest. When the digest is in
    `known`, the file is read only when a value is needed.
    """
    try:
        digest = _hash_file(path)
    except OSError as error:
        return None, [Finding("error", path.name, f"cannot be read: {explain(error)}", _ANEW)]
    if digest in known:
        return Label("prices", digest, partial(_read_matrix_again, path)), []
    held, findings = _compute_label(path)
    return (None if held is None else Label("prices", digest, lambda: held)), findings


def _hash_file(path: Path) -> str:
    descriptor, _ = open_file(os.fspath(path))
    with os.fdopen(descriptor, "rb") as opened:
        return file_digest(opened, partial(sha256, DEFINITIONS)).hexdigest()


def _read_matrix_again(path: Path) -> Matrix:
    held, findings = _compute_label(path)
    if held is None:
        raise Unreadable(f"{path.name}: {findings[0].reason}")
    return held


def _compute_label(path: Path) -> tuple[Matrix | None, list[Finding]]:
    frame, findings = None, list[Finding]()
    for column in CLOSES:
        frame, found = read_hdf5_frame(path, path.name, [column])
        findings = findings or found
        if frame is not None:
            break
    else:
        return None, findings
    try:
        rows, panel, contradicted = _build_panel(frame, column)
        days, names, closes = build_matrix(panel, rows.days)
    except ValueError as error:
        return None, [Finding("error", path.name, f"no label from it: {error}", _ANEW)]
    label = np.full_like(closes, np.nan)
    with np.errstate(all="ignore"):
        label[:-2] = closes[2:] / closes[1:-1] - 1
    label[~np.isfinite(label)] = np.nan
    return (days, names, label), _report_contradictions(path.name, contradicted)


def read_recorded_label(folder: Path, file: SourceFile) -> tuple[Label | None, list[Finding]]:
    """Return the label of a back-test's test segment, as qlib recorded it; None and a finding when
    it cannot be read."""
    frame, findings = read_label(folder, file)
    if frame is None:
        return None, findings
    try:
        _, panel, contradicted = _build_panel(frame.rename({"date": "datetime"}), "label")
        label = Label.from_panel("label.pkl", panel)
    except ValueError as error:
        fix = "run the back-test again if its label is needed"
        return None, [Finding("error", file.path, f"no label from it: {error}", fix)]
    return label, findings + _report_contradictions(file.path, contradicted)


def _build_panel(frame: pl.DataFrame, column: str) -> tuple[PanelRows, Panel, int]:
    codes = frame["instrument"].rank("dense")
    names = frame["instrument"].unique().sort()
    if not frame.height:
        raise Unreadable("not a single row in it")
    rows = PanelRows.from_columns(
        to_epoch_days(frame["datetime"]), (codes - 1).cast(pl.Int32).to_numpy(), names.to_list()
    )
    return rows, *rows.column(frame[column].cast(pl.Float64).fill_null(np.nan).to_numpy())


def _report_contradictions(file: str, count: int) -> list[Finding]:
    if not count:
        return []
    reason = f"{count:,} days of an instrument come more than once with other values; left out"
    return [Finding("warning", file, reason, "check the program that made the file")]
