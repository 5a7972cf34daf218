"""Read a workspace's table of factors and its recorded label, and measure the factors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from rdlake.domain.experiment import FactorColumn, Finding, Workspace
from rdlake.domain.panel import Label
from rdlake.factors.statistics import (
    FACTOR_TABLE,
    LOOK_AT_CODE,
    ColumnValues,
    FigureKey,
    Figures,
    Measurement,
    PriceLabel,
    measure,
)
from rdlake.sources.backtest.factor_values import FactorTable, open_factor_table
from rdlake.sources.backtest.prices import read_recorded_label
from rdlake.sources.formats.unreadable import Unreadable


def measure_folder(
    workspace: Workspace, folder: Path, prices: PriceLabel, known: Mapping[FigureKey, Figures]
) -> Measurement:
    """Return the statistics of every factor in the workspace's table.

    Figures in `known` are not computed again. A table that cannot be read gives a finding.
    """
    factors = workspace.factors
    if not factors or workspace.role not in ("experiment", "baseline"):
        return Measurement(factors=factors)
    try:
        with open_factor_table(folder / FACTOR_TABLE) as table:
            columns = _read_columns(table, factors)
            own_label = partial(_read_own_label, workspace, folder)
            return measure(workspace, table.rows, columns, prices, own_label, known)
    except Unreadable as error:
        finding = Finding("error", FACTOR_TABLE, f"no statistics: {error}", LOOK_AT_CODE)
        return Measurement(factors=factors, findings=(finding,))


def _read_columns(table: FactorTable, factors: tuple[FactorColumn, ...]) -> Iterator[ColumnValues]:
    """Yield one column after the other, so that more columns need no more memory."""
    for factor in factors:
        try:
            panel, contradicted = table.column(factor.column)
        except Unreadable as error:
            yield ColumnValues(factor, None, reason=str(error))
        else:
            yield ColumnValues(factor, panel, contradicted)


def _read_own_label(workspace: Workspace, folder: Path) -> tuple[Label | None, list[Finding]]:
    """Return the label that qlib recorded for the test segment, and what is wrong with it."""
    recording = workspace.recording
    files = {file.path: file for file in workspace.files}
    file = files.get(recording.label_file or "") if recording else None
    return read_recorded_label(folder, file) if file else (None, [])
