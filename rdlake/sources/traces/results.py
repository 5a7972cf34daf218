"""Read what a back-test left in a loop: metrics, curve, and the owner of each chart."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.domain.trace import Metrics
from rdlake.sources.backtest.curve import COLUMNS, read_curve_table
from rdlake.sources.backtest.metrics import report_missing_ic
from rdlake.sources.formats.wording import quote
from rdlake.sources.pickles import Record, Refused, as_frame, as_series, attributes
from rdlake.sources.traces.fields import ObjectFields, to_text
from rdlake.sources.traces.messages import LogMessage, RunReading, read_message

_CONFIG = re.compile(r"\bconf[\w-]*\.ya?ml\b")
_AGAIN = "run the back-test again if its figures are needed"
_INDEX = ("datetime", "index")
_UNKNOWN_OWNER = "nothing to do; ingest again if the run goes on"


@dataclass(frozen=True, slots=True)
class LoopCharts:
    """Hold the chart of a loop's own back-test, and the chart of its baseline."""

    own: LogMessage | None = None
    baseline: LogMessage | None = None


def read_result_metrics(experiment: ObjectFields) -> Metrics | None:
    """Return an experiment's metrics by their stripped names; None for a value that is no finite
    number.

    None when it has no result, or when the result is no series of numbers.
    """
    found, result = _find_result(experiment)
    if not found:
        experiment.warn(f"{experiment.kind}: the result is missing; counts as unknown")
    if result is None:
        return None
    try:
        series = as_series(result)
    except Refused as error:
        experiment.warn(f"{experiment.kind}: the result cannot be read: {error}")
        return None
    names, values = series.index[0], series.values
    if len(series.index) != 1 or names.dtype != pl.String or not values.dtype.is_numeric():
        experiment.warn(f"{experiment.kind}: the result is no list of named numbers; left out")
        return None
    return _name_metrics(experiment, names.to_list(), values.cast(pl.Float64).to_list())


def _find_result(experiment: ObjectFields) -> tuple[bool, object]:
    """Return whether the experiment has a place for its result, and what stands there."""
    info = experiment.values.get("running_info")
    if type(info) is Record:
        try:
            values = attributes(info)
        except Refused:
            return False, None
        if "result" in values:
            return True, values["result"]
    return "result" in experiment.values, experiment.values.get("result")


def _name_metrics(
    experiment: ObjectFields, names: Sequence[str | None], values: Sequence[float | None]
) -> Metrics:
    metrics: dict[str, float | None] = {}
    torn: set[str] = set()
    for raw, value in zip(names, values, strict=True):
        name = (to_text(raw) or "").strip()
        if not name:
            experiment.warn(f"{experiment.kind}: a metric without a name was left out")
            continue
        known = value if value is not None and math.isfinite(value) else None
        if value is not None and math.isinf(value):
            experiment.warn(f"{quote(name)} is infinite; counts as unknown")
        elif known is None and name == "IC":
            _warn_once(experiment, report_missing_ic(experiment.file))
        if name in metrics and metrics[name] != known:
            torn.add(name)
        metrics[name] = known
    for name in sorted(torn):
        experiment.warn(f"{quote(name)} has several different values; counts as unknown")
        metrics[name] = None
    return metrics


def _warn_once(experiment: ObjectFields, finding: Finding) -> None:
    """Add the finding unless it is there: a baseline's metrics are read twice."""
    if finding not in experiment.reading.findings:
        experiment.reading.findings.append(finding)


def read_chart_curve(reading: RunReading, chart: LogMessage | None) -> pl.DataFrame | None:
    """Return the days of a chart; None when it cannot be read or is no daily report."""
    content = read_message(reading, chart) if chart else None
    if chart is None or content is None:
        return None
    try:
        table = as_frame(content.value).table()
    except Refused as error:
        reading.find("error", chart.path, f"no daily report: {error}", _AGAIN)
        return None
    wanted = [name for name in table.columns if name in _INDEX or name in COLUMNS]
    curve, findings = read_curve_table(table.select(wanted).to_arrow(), chart.path)
    reading.findings += findings
    return curve


def assign_charts(
    reading: RunReading,
    charts: Sequence[LogMessage],
    logs: Sequence[LogMessage],
    result: LogMessage | None,
    has_baseline: bool,
) -> LoopCharts:
    """Return the loop's own chart and its baseline's chart.

    The last chart before the runner's result is the loop's own, if Qlib ran in the loop at all. The
    first of several is the baseline's. (Early releases kept no log of Qlib.)
    """
    if result is None:
        for chart in charts:
            reason = "a chart without a runner result: its owner is unknown; left out"
            reading.find("warning", chart.path, reason, _UNKNOWN_OWNER)
        return LoopCharts()
    before = [chart for chart in charts if _not_later(chart, result)]
    ran = [log for log in logs if _not_later(log, result)]
    own = before[-1] if before and (ran or result.old) else None
    if before and own is None:
        reason = "a chart, but Qlib did not run in this loop: its owner is unknown; left out"
        reading.find("warning", before[-1].path, reason, _UNKNOWN_OWNER)
        return LoopCharts()
    if own and ran and not _not_later(ran[-1], own):
        reason = "Qlib ran once more after this chart: the loop's own chart is missing"
        reading.find("warning", own.path, reason, _AGAIN)
        own = None
    several = len(before) > 1 or own is None
    return LoopCharts(own, before[0] if has_baseline and before and several else None)


def _not_later(message: LogMessage, other: LogMessage) -> bool:
    if message.time is None or other.time is None:
        return True
    return message.time <= other.time


def read_config_name(reading: RunReading, log: LogMessage | None) -> str | None:
    """Return the configuration that Qlib's log names; None when it names none or several."""
    content = read_message(reading, log) if log else None
    if log is None or content is None:
        return None
    if not isinstance(content.value, str):
        reading.find("error", log.path, "not a message of this tag: it holds no text", _AGAIN)
        return None
    names = set(_CONFIG.findall(content.value))
    return names.pop() if len(names) == 1 else None
