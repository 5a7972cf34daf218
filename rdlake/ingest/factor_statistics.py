"""Measure factors at an ingest, with the prices there are and the figures the lake has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import polars as pl

from rdlake.domain.experiment import Workspace
from rdlake.errors import BadInput
from rdlake.factors.statistics import (
    FIGURE_COLUMNS,
    FigureKey,
    Figures,
    Measurement,
    PriceLabel,
)
from rdlake.ingest.factor_files import measure_folder
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.backtest.prices import PRICES, read_price_label
from rdlake.sources.workspace.parse import SkippedFolder, find_change
from rdlake.sources.workspace.scan import Scan
from rdlake.store.delta_log import last_repair
from rdlake.store.lake import Lake

KEY = ("values_sha256", "label_sha256", "start_date", "end_date")


class FactorMeasurer:
    """Measure factors, without computing again what the lake has.

    The prices are those of `--prices`, else those beside each root. With `later` nothing is read of
    prices: the next ingest finds figures without a label and completes them.
    """

    def __init__(
        self, lake: Lake, prices: str | Path | None = None, *, later: bool = False
    ) -> None:
        if prices is not None and not Path(prices).is_file():
            raise BadInput(
                "no such file of prices", where=prices, fix="name daily_pv.h5 with --prices"
            )
        self._prices_file = Path(prices).resolve() if prices is not None else None
        self._cache: dict[Path, PriceLabel] = {}
        self._later = later
        self._rows = frame_of(table("factor_perf"), []) if later else _read_figures(lake)
        self._labels = frozenset(self._rows["label_sha256"].drop_nulls().unique())
        self._without_label = frozenset(
            self._rows.filter(pl.col("label_sha256").is_null())["workspace_id"]
        )

    def can_add_labels(self, folder: Path) -> bool:
        """Return whether there is a label now for figures that were left without one."""
        return folder.name in self._without_label and self._prices(folder).label is not None

    def measure(
        self, scanned: Scan, result: Workspace | SkippedFolder
    ) -> tuple[Workspace | SkippedFolder, Measurement]:
        """Return the workspace with its factors' digests, and their statistics.

        A folder that changed meanwhile is skipped.
        """
        if isinstance(result, SkippedFolder):
            return result, Measurement()
        prices = self._prices(scanned.folder) if result.factors else PriceLabel(None)
        measured = measure_folder(result, scanned.folder, prices, self._known)
        if result.factors and (skipped := find_change(scanned)):
            return skipped, Measurement()
        self._known.update(measured.figures)
        findings = (*result.findings, *measured.findings)
        return replace(result, factors=measured.factors, findings=findings), measured

    @property
    def given_label(self) -> str | None:
        """Return the digest of the label that `--prices` gives; None when there is none."""
        prices = self._prices(self._prices_file) if self._prices_file else None
        return prices.label.digest if prices and prices.label else None

    def measure_table(self, table: Workspace, folder: Path) -> Measurement:
        """Return the statistics of a table of no workspace, with the prices of `--prices` alone."""
        prices = self._prices(folder) if self._prices_file else PriceLabel(None, "no prices")
        return measure_folder(table, folder, prices, self._known)

    def _prices(self, folder: Path) -> PriceLabel:
        if self._later:
            return PriceLabel(None, "left for the next ingest")
        path = self._prices_file or folder.parent.parent / PRICES
        if path not in self._cache:
            self._cache = {path: _read_prices(path, self._labels)}  # those of one root at a time
        return self._cache[path]

    @cached_property
    def _known(self) -> dict[FigureKey, Figures]:
        known: dict[FigureKey, Figures] = {}
        for row in self._rows.unique(KEY).select(*KEY, *FIGURE_COLUMNS).iter_rows(named=True):
            values, label, start, end = (row.pop(name) for name in KEY)
            known[values, label, start, end] = row
        return known


def _read_figures(lake: Lake) -> pl.DataFrame:
    """Return the figures in the lake; after a repair only those of which it has all days."""
    rows = lake.read("factor_perf", ["workspace_id", "series_id", *KEY, *FIGURE_COLUMNS])
    if last_repair(lake.root):
        stored = lake.read("factor_ic", ["series_id"])["series_id"].unique()
        whole = pl.col("series_id").is_null() | pl.col("series_id").is_in(stored.to_list())
        rows = rows.filter(whole)
    return rows


def _read_prices(path: Path, known: Collection[str]) -> PriceLabel:
    if not path.exists():
        return PriceLabel(None, "no prices")
    label, findings = read_price_label(path, known)
    if label is None:
        return PriceLabel(None, f"no prices ({path.name}: {findings[0].reason})")
    return PriceLabel(label, None, tuple(findings))
