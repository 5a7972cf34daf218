"""Find the runs in mlflow's file store, and choose the run that belongs to this workspace."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from rdlake.domain.experiment import Finding
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import quote
from rdlake.sources.formats.yaml_text import read_yaml

MAX_TEXT = 256 << 10
MAX_RUNS = 1_000

_PART = re.compile(r"mlruns/([^/]+)/([^/]+)/(meta\.yaml|metrics/.+|params/.+)", re.DOTALL)
_ASIDE = ("0", ".trash", "models")
_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_WORKSPACE = re.compile(r"([^/\\]+)[/\\]mlruns[/\\]")
_ID = re.compile(r"[0-9a-f]{32}")
_LATEST_MS = 4_102_444_800_000  # the year 2100
_MEND = "mend or remove it and ingest again"
_ANEW = "run the back-test again if its configuration and scores are needed"
_NEAR = 1e-9
_TIMES = ("start_time", "end_time")


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """Hold one run: its folder and the content of its text files."""

    folder: str
    mlflow_experiment_id: str
    recorder_id: str
    status: str
    is_active: bool
    started_at: datetime | None
    ended_at: datetime | None
    workspace: str | None
    metrics: Mapping[str, str]
    params: Mapping[str, str]

    def file(self, name: str) -> str:
        return f"{self.folder}/{name}"


@dataclass(frozen=True, slots=True)
class RunChoice:
    """Hold the run that belongs to this workspace; None when there is none."""

    run: RecordedRun | None
    findings: tuple[Finding, ...]


def read_runs(kept: Mapping[str, bytes]) -> tuple[list[RecordedRun], list[Finding]]:
    """Return every run with a readable meta.yaml; runs of deleted experiments are left out."""
    findings: list[Finding] = []
    parts: dict[tuple[str, str], dict[str, bytes]] = {}
    for path, data in kept.items():
        if (found := _PART.fullmatch(path)) and found[1] not in _ASIDE:
            parts.setdefault((found[1], found[2]), {})[found[3]] = data
    deleted = {group for group in {each for each, _ in parts} if _is_deleted(group, kept)}
    runs: list[RecordedRun] = []
    for (group, name), files in parts.items():
        if group in deleted or name in ("tags", "traces", "models", "datasets"):
            continue
        folder = f"mlruns/{group}/{name}"
        if "meta.yaml" not in files:
            reason = "a run without meta.yaml; it was left out"
            findings.append(Finding("warning", folder, reason, _ANEW))
        elif len(runs) < MAX_RUNS and (run := _read_run(folder, files, findings)):
            runs.append(run)
    return runs, findings


def choose_run(
    runs: Iterable[RecordedRun], workspace_id: str, expected: Mapping[str, float | None] | None
) -> RunChoice:
    """Return the finished run with the metrics of qlib_res.csv, the latest of several.

    When nothing can be compared, the latest run is chosen, with a warning if there are several. No
    run is chosen when the metrics differ, or when only the path counts and names another workspace.
    Among equal runs, one whose path names this workspace, or none, comes first.
    """
    finished = [run for run in runs if run.is_active and run.status == "FINISHED"]
    finished.sort(key=lambda run: (run.ended_at or datetime.min, run.recorder_id))
    finished.sort(key=lambda run: not any(_find_other_place(run, workspace_id)))
    if not finished:
        return _choose_none("mlruns", "no finished run in it", _ANEW)
    verdicts = [_compare(run.metrics, expected) for run in finished]
    equal = [run for run, verdict in zip(finished, verdicts, strict=True) if verdict == "equal"]
    if equal:
        return RunChoice(equal[-1], tuple(_find_other_place(equal[-1], workspace_id)))
    open_ones = [run for run, each in zip(finished, verdicts, strict=True) if each == "unknown"]
    if not open_ones:
        reason = (
            "its metrics are not those of qlib_res.csv: another back-test made it; it was not used"
        )
        elsewhere = [f"; {each.reason}" for each in _find_other_place(finished[-1], workspace_id)]
        return _choose_none(finished[-1].folder, reason + "".join(elsewhere), _ANEW)
    here = [run for run in open_ones if not any(_find_other_place(run, workspace_id))]
    if not here:
        (other,) = _find_other_place(open_ones[-1], workspace_id)
        reason = f"{other.reason}, and no metrics contradict that; it was not used"
        return _choose_none(open_ones[-1].folder, reason, "nothing to do if this folder is a copy")
    if len(here) > 1:
        reason = (
            f"{len(here)} finished runs, and no metrics to tell them apart; the latest was used"
        )
        return RunChoice(
            here[-1], (Finding("warning", "mlruns", reason, "remove those not wanted"),)
        )
    return RunChoice(here[-1], ())


def _choose_none(file: str, reason: str, fix: str) -> RunChoice:
    return RunChoice(None, (Finding("warning", file, reason, fix),))


def _find_other_place(run: RecordedRun, workspace_id: str) -> Iterable[Finding]:
    """Yield a warning when the run says that it ran in another workspace."""
    if run.workspace and run.workspace != workspace_id:
        reason = f"it says that it ran in the workspace {run.workspace}"
        yield Finding("warning", run.file("meta.yaml"), reason, "nothing to do if this is a copy")


def _compare(
    metrics: Mapping[str, str], expected: Mapping[str, float | None] | None
) -> Literal["equal", "differs", "unknown"]:
    """Return whether a run's metrics are those of qlib_res.csv, by the names that both have."""
    compared = 0
    for name, value in (expected or {}).items():
        if value is None or name not in metrics:
            continue
        own = _parse_number(metrics[name])
        if own is None or not math.isclose(own, value, rel_tol=_NEAR, abs_tol=1e-12):
            return "differs"
        compared += 1
    return "equal" if compared else "unknown"


def _parse_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_deleted(group: str, kept: Mapping[str, bytes]) -> bool:
    data = kept.get(f"mlruns/{group}/meta.yaml")
    if data is None:
        return False
    try:
        meta = read_yaml(data)
    except Unreadable:
        return False
    return isinstance(meta, dict) and meta.get("lifecycle_stage") == "deleted"


def _read_run(
    folder: str, files: Mapping[str, bytes], findings: list[Finding]
) -> RecordedRun | None:
    file = f"{folder}/meta.yaml"
    try:
        meta = read_yaml(files["meta.yaml"])
    except Unreadable as error:
        findings.append(Finding("error", file, f"cannot be read: {error}", _MEND))
        return None
    if not isinstance(meta, dict):
        findings.append(Finding("error", file, "cannot be read: no names in it", _MEND))
        return None
    _, group, name = folder.split("/")
    started, ended = (_parse_time(meta.get(each), each, file, findings) for each in _TIMES)
    if started and ended and ended < started:
        reason = f"it ended at {ended}, before it began"
        findings.append(Finding("warning", file, reason, "look at the clock of the machine"))
    status = meta.get("status")
    return RecordedRun(
        folder=folder,
        mlflow_experiment_id=group,
        recorder_id=name,
        status=_STATUS.get(status, str(status)) if isinstance(status, int) else str(status),
        is_active=meta.get("lifecycle_stage", "active") == "active",
        started_at=started,
        ended_at=ended,
        workspace=_find_workspace(meta.get("artifact_uri")),
        metrics=_read_metrics(folder, files, findings),
        params=_read_params(folder, files, findings),
    )


def _parse_time(value: object, name: str, file: str, findings: list[Finding]) -> datetime | None:
    """Return UTC of milliseconds since 1970; None with a warning for what lies outside."""
    if value is None:
        return None
    if type(value) is int and 0 < value < _LATEST_MS:
        return datetime.fromtimestamp(value / 1000, UTC).replace(tzinfo=None)
    reason = f"{name} is {quote(str(value)[:40])}, no time; counts as unknown"
    findings.append(Finding("warning", file, reason, "look at the clock of the machine"))
    return None


def _find_workspace(uri: object) -> str | None:
    """Return the workspace that a run says it wrote to; a container's path names none."""
    found = _WORKSPACE.search(uri) if isinstance(uri, str) else None
    return found[1] if found and _ID.fullmatch(found[1]) else None


def _read_metrics(
    folder: str, files: Mapping[str, bytes], findings: list[Finding]
) -> dict[str, str]:
    """Return the last value of each metric as text. Like mlflow, the highest step counts, then the
    latest time.

    Each line of a file is a time, a value and a step.
    """
    metrics: dict[str, str] = {}
    for path, data in files.items():
        if not path.startswith("metrics/"):
            continue
        text = _decode(f"{folder}/{path}", data, findings)
        values = [each for line in (text or "").splitlines() if (each := _parse_metric_line(line))]
        if values:
            metrics[path.removeprefix("metrics/").strip()] = max(values)[2]
        elif text is not None:
            reason = "no line of time, value and step in it; left out"
            findings.append(Finding("warning", f"{folder}/{path}", reason, _MEND))
    return metrics


def _parse_metric_line(line: str) -> tuple[int, int, str] | None:
    words = line.split()
    if not 2 <= len(words) <= 3:
        return None
    try:
        float(words[1])
        return (int(words[2]) if len(words) == 3 else 0, int(words[0]), words[1])
    except ValueError:
        return None


def _read_params(
    folder: str, files: Mapping[str, bytes], findings: list[Finding]
) -> dict[str, str]:
    found = {}
    for path, data in files.items():
        if path.startswith("params/"):
            text = _decode(f"{folder}/{path}", data, findings)
            if text is not None:
                found[path.removeprefix("params/")] = text
    return found


def _decode(file: str, data: bytes, findings: list[Finding]) -> str | None:
    try:
        if len(data) <= MAX_TEXT:
            return data.decode("utf-8")
        reason = f"larger than {MAX_TEXT >> 10} KiB; left out"
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 text (byte {error.start}); left out"
    findings.append(Finding("warning", file, reason, _MEND))
    return None
