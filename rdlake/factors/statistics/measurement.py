"""Measure a workspace's factors: each figure is computed once for equal values, label and days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Any

from rdlake.domain.experiment import FactorColumn, Finding, Workspace
from rdlake.domain.panel import Label, Panel, PanelRows
from rdlake.factors.statistics.daily import DailyFigures, daily_figures
from rdlake.factors.statistics.figures import day_figures, value_figures
from rdlake.factors.statistics.fingerprint import fingerprint
from rdlake.factors.statistics.windows import Window, find_windows

FACTOR_TABLE = "combined_factors_df.parquet"
"""The file of a workspace that holds the values of its factors."""
LOOK_AT_CODE = "look at the code that made the factor table"
_PRICES = "name the file with --prices, and run the command again"

FigureKey = tuple[str, str | None, date, date]
"""Values, label, first and last day: what determines the figures of a window."""
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PriceLabel:
    """Hold the label that prices give, or why there is none."""

    label: Label | None
    why_not: str | None = None
    findings: tuple[Finding, ...] = ()
    """What is wrong with the prices although they could be read."""


@dataclass(frozen=True, slots=True, eq=False)
class ColumnValues:
    """Hold the values of one factor, or the reason why its column cannot be read."""

    factor: FactorColumn
    panel: Panel | None
    contradicted: int = 0
    """How many days of an instrument come more than once with other values."""
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measurement:
    """Hold what one table of factors gave.

    These are rows of `factor_perf`, the days of `factor_ic` by series, the figures that were
    computed, the factors with their digests, and findings.
    """

    rows: tuple[dict[str, Any], ...] = ()
    series: Mapping[str, DailyFigures] = field(default_factory=dict)
    figures: Mapping[FigureKey, Figures] = field(default_factory=dict)
    factors: tuple[FactorColumn, ...] | None = None
    findings: tuple[Finding, ...] = ()


def measure(
    workspace: Workspace,
    rows: PanelRows,
    columns: Iterable[ColumnValues],
    prices: PriceLabel,
    read_own_label: Callable[[], tuple[Label | None, list[Finding]]],
    known: Mapping[FigureKey, Figures],
) -> Measurement:
    """Return the statistics of every column in every window.

    `rows` are the rows of the table that the columns belong to. The workspace's own label counts in
    the test window, the label of prices in all others. Figures in `known` are not computed again.
    """
    return _TableMeasurer(workspace, rows, prices, read_own_label, known).measure(columns)


class _TableMeasurer:
    """Measure one table of factors, column by column."""

    def __init__(
        self,
        workspace: Workspace,
        rows: PanelRows,
        prices: PriceLabel,
        read_own_label: Callable[[], tuple[Label | None, list[Finding]]],
        known: Mapping[FigureKey, Figures],
    ) -> None:
        self._workspace, self._known, self._rows = workspace, known, rows
        self._findings = list(prices.findings)
        self._series: dict[str, DailyFigures] = {}
        self._computed: dict[FigureKey, Figures] = {}
        self._windows = find_windows(workspace, rows)
        self._labels = {each.name: prices.label for each in self._windows}
        if "test" in self._labels:
            own, findings = read_own_label()
            self._labels["test"] = own or prices.label
            self._findings += findings
        without = [name for name, label in self._labels.items() if label is None]
        if without:
            reason = f"{prices.why_not}: neither IC nor spread of {', '.join(without)}"
            self._warn(reason, _PRICES)

    def measure(self, columns: Iterable[ColumnValues]) -> Measurement:
        rows, factors = list[dict[str, Any]](), list[FactorColumn]()
        self._warn_of_repeated_rows()
        for column in columns:
            factor, panel, contradicted = column.factor, column.panel, column.contradicted
            if panel is None:
                reason = f"no statistics of {factor.name}: {column.reason}"
                self._findings.append(Finding("error", FACTOR_TABLE, reason, LOOK_AT_CODE))
                factors.append(factor)
                continue
            digest = panel.digest
            if contradicted:
                self._warn(
                    f"{factor.name}: {contradicted:,} days of an instrument come more than once "
                    "with other values; left out"
                )
            factors.append(
                replace(factor, values_sha256=digest, value_fingerprint=fingerprint(panel))
            )
            rows += self._build_rows(factor, panel, digest)
        self._warn_of_missing_figures(rows)
        return Measurement(
            rows=tuple(rows),
            series=self._series,
            figures=self._computed,
            factors=tuple(factors),
            findings=tuple(self._findings),
        )

    def _build_rows(self, factor: FactorColumn, panel: Panel, digest: str) -> list[dict[str, Any]]:
        days_of: dict[str, DailyFigures] = {}
        rows = []
        for window in self._windows:
            label = self._labels[window.name]
            count, days, instruments = self._rows.count_between(window.first, window.last)
            figures = self._figures(window, panel, digest, label, days_of)
            rows.append(
                {
                    "workspace_id": self._workspace.workspace_id,
                    "factor_name": factor.name,
                    "window": window.name,
                    "start_date": window.start,
                    "end_date": window.end,
                    "label_source": label.source if label else None,
                    "rows": count,
                    "coverage": figures["finite_values"] / (days * instruments) if count else None,
                    "values_sha256": digest,
                    "label_sha256": label.digest if label else None,
                    "series_id": _series_id(digest, label) if label else None,
                    "source_digest": self._workspace.source_digest,
                    **figures,
                }
            )
        return rows

    def _figures(
        self,
        window: Window,
        panel: Panel,
        digest: str,
        label: Label | None,
        days_of: dict[str, DailyFigures],
    ) -> Figures:
        """Return the figures of these values, label and days; compute them if they are not
        known."""
        key = (digest, label.digest if label else None, window.start, window.end)
        if (there := self._known.get(key) or self._computed.get(key)) is not None:
            return there
        figures = value_figures(panel.values[panel.rows_between(window.first, window.last)])
        if label:
            days = days_of.get(label.digest) or daily_figures(panel, label)
            days_of[label.digest] = self._series[_series_id(digest, label)] = days
            figures |= day_figures(days.between(window.first, window.last))
        self._computed[key] = figures
        return figures

    def _warn_of_repeated_rows(self) -> None:
        if repeated := self._rows.repeated:
            self._warn(f"{repeated:,} rows have the day and instrument of another row")

    def _warn_of_missing_figures(self, rows: list[dict[str, Any]]) -> None:
        """Warn of factors without a value, and of those with values but without an IC."""
        empty = [
            row["factor_name"]
            for row in rows
            if row["window"] == "all" and not row["finite_values"]
        ]
        if empty:
            self._warn(f"without a single finite value: {', '.join(empty)}")
        without: dict[str, list[str]] = {}
        for row in rows:
            if row["finite_values"] and row["label_source"] and not row["ic_days"]:
                without.setdefault(row["factor_name"], []).append(row["window"])
        for where, names in _group_by_windows(without).items():
            self._warn(
                f"no day of {where} has values and labels that differ between instruments, so "
                f"there is no IC of {', '.join(names)}",
                "look whether days and instruments are those of the label",
            )

    def _warn(self, reason: str, fix: str = LOOK_AT_CODE) -> None:
        self._findings.append(Finding("warning", FACTOR_TABLE, reason, fix))


def _group_by_windows(windows: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the names by the list of windows that they share."""
    groups: dict[str, list[str]] = {}
    for name, each in windows.items():
        groups.setdefault(", ".join(each), []).append(name)
    return groups


def _series_id(digest: str, label: Label) -> str:
    return sha256(f"{digest}\0{label.digest}".encode()).hexdigest()
