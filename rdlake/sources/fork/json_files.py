"""Read the JSON files that a fork of RD-Agent writes into a workspace.

They are copies of what lies elsewhere, so they count last. What the fork makes up is not used:
portfolio and preprocessing configurations, input schemas, and all of strategy_meta.json.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rdlake.domain.experiment import Finding, ForkRecord
from rdlake.sources.fork.json_repair import (
    LoopKey,
    as_object,
    as_text,
    build_factor_row,
    build_feedback_row,
    list_objects,
    parse_action,
    parse_loop,
    parse_source,
    parse_status,
    repair_metrics,
)
from rdlake.sources.formats.json_text import read_json
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import quote

_SUMMARY, _META, _MANIFEST = "experiment_summary.json", "workspace_meta.json", "manifest.json"
_FACTORS, _PERF, _FEEDBACK = "factor_meta.json", "factor_perf.json", "feedback.json"
JSON_FILES = (_META, _SUMMARY, _MANIFEST, _FACTORS, _PERF, _FEEDBACK, "model_meta.json")
_OF_FOLDER = (_META, _SUMMARY, _MANIFEST)
_FIX = "remove it, or have the tool that made it write it again"
_LOOK = "nothing to do; the other files of the workspace count first"

Files = Mapping[str, Mapping[str, Any]]


def read_json_files(
    kept: Mapping[str, bytes], workspace_id: str
) -> tuple[ForkRecord | None, list[Finding]]:
    """Return what these files say about the workspace; None when they say nothing."""
    findings: list[Finding] = []
    if kept.keys().isdisjoint(JSON_FILES):
        return None, findings
    files: Files = dict(_parse_files(kept, workspace_id, findings))
    loop, files = _choose_loop(files, findings)
    folder = [files[name] for name in _OF_FOLDER if name in files]
    status = next(filter(None, (as_text(each.get("status")) for each in folder)), None)
    words = [as_object(each.get("task_run")) for each in folder]
    feedback = files.get(_FEEDBACK, {})
    record = ForkRecord(
        loop=loop,
        action=next(filter(None, (parse_action(each.get("action")) for each in folder)), None),
        scenario_raw=next(filter(None, (as_text(each.get("scenario")) for each in words)), None),
        step_name=next(filter(None, (as_text(each.get("step_name")) for each in folder)), None),
        status=parse_status(status),
        status_raw=status,
        metrics=_read_metrics(files, [] if "qlib_res.csv" in kept else findings),
        factors=tuple(_read_factors(files.get(_FACTORS, {}), findings)),
        feedback=build_feedback_row(feedback, as_object(feedback.get("summary"))),
    )
    return (None if record == ForkRecord() else record), findings


def _parse_files(
    kept: Mapping[str, bytes], workspace_id: str, findings: list[Finding]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each file that holds an object about this workspace."""
    for name in JSON_FILES:
        if name not in kept:
            continue
        try:
            value = read_json(kept[name])
        except Unreadable as error:
            findings.append(Finding("error", name, str(error), _FIX))
            continue
        if not isinstance(value, dict):
            findings.append(
                Finding("error", name, "no JSON object: nothing in it has a name", _FIX)
            )
            continue
        other = as_text(value.get("workspace_id"))
        if other is not None and other != workspace_id:
            reason = f"it belongs to the workspace {quote(other)}; it was not used"
            findings.append(
                Finding("warning", name, reason, "remove it if it was copied by mistake")
            )
            continue
        yield name, value


def _choose_loop(files: Files, findings: list[Finding]) -> tuple[LoopKey | None, Files]:
    """Return the loop that most files name, and the files that name no other loop."""
    named = {name: loop for name, each in files.items() if (loop := parse_loop(each))}
    if not named:
        return None, files
    counts = Counter(named.values())
    loop = min(counts, key=lambda each: (-counts[each], each))
    for name, other in named.items():
        if other != loop:
            reason = (
                f"it belongs to loop {other[1]} of the run {quote(other[0])}, the other files to "
                f"loop {loop[1]} of {quote(loop[0])}; it was not used"
            )
            findings.append(Finding("warning", name, reason, _LOOK))
    return loop, {name: each for name, each in files.items() if named.get(name, loop) == loop}


def _read_metrics(files: Files, findings: list[Finding]) -> Mapping[str, float]:
    """Return the metrics of the whole back-test. When two files have a metric, the first file
    counts."""
    metrics = _choose_window(files.get(_PERF, {}))
    if any(isinstance(value, str) for name, value in metrics.items() if name.isdigit()):
        reason = "its metrics are names without values: the CSV was read wrongly"
        findings.append(Finding("warning", _PERF, reason, _LOOK))
    found = repair_metrics(metrics)
    summary = files.get(_SUMMARY, {})
    for name in ("metrics", "key_metrics"):
        found = {**repair_metrics(as_object(summary.get(name))), **found}
    return repair_metrics(found)


def _choose_window(perf: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metrics of the only window, or of the window that is called main."""
    combinations = list_objects(perf.get("combinations"))
    windows = [
        (each.get("name"), window.get("name"), as_object(window.get("metrics")))
        for each in combinations
        for window in list_objects(each.get("windows"))
    ]
    main = [metrics for *names, metrics in windows if names == ["main", "main_window"]]
    chosen = main or [metrics for *_, metrics in windows]
    return chosen[0] if len(chosen) == 1 else {}


def _read_factors(meta: Mapping[str, Any], findings: list[Finding]) -> Iterator[Mapping[str, Any]]:
    """Yield each factor once under its repaired name. When two items describe it, the first one
    counts."""
    rows: dict[str, Mapping[str, Any]] = {}
    for place, item in enumerate(list_objects(meta.get("factors"))):
        row = build_factor_row(item)
        if row is None:
            reason = f"factor {place} has no readable name; it was left out"
            findings.append(Finding("warning", _FACTORS, reason, _LOOK))
            continue
        if (word := as_text(item.get("source"))) and parse_source(word) is None:
            reason = f"{quote(word)} is no known source of the factor {quote(row['factor_name'])}"
            findings.append(Finding("warning", _FACTORS, reason, _LOOK))
        rows[row["factor_name"]] = {**row, **rows.get(row["factor_name"], {})}
    yield from rows.values()
