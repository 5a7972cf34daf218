"""Turn a registry's rows into values.

Any value may stand in any column. A value of a wrong type is left out with a warning. A row without
the names that it needs is left out with an error.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rdlake.domain.experiment import Finding, Level
from rdlake.domain.ids import EXTERNAL, NO_FOLDER
from rdlake.domain.registry import RegisteredFolder, RegisteredLoop, RegisteredRun, Registry
from rdlake.sources.formats.wording import explain, quote
from rdlake.sources.registry.sqlite_rows import read_registry_rows
from rdlake.sources.workspace.path_maps import split_folder

MAX_FINDINGS = 200
MAX_NAME = 200
MAX_METRICS = 10_000
_RESERVED = (NO_FOLDER, EXTERNAL, ".")
_NUMBERED = re.compile(r"\s*(Unnamed:.*|\d*)\s*$", re.DOTALL)
"""Numbers of columns, which stand in place of names when a table was misread as names and
values."""
_LOOK = "look at this row with sqlite3; everything else in the registry was used"

Row = Mapping[str, object]


def read_registry(path: Path, wait: float = 10.0) -> Registry:
    """Return every run that the registry names, by id. BadInput when the registry cannot be
    read."""
    return build_runs(read_registry_rows(path, wait), path.name)


def build_runs(rows: Mapping[str, Sequence[Row]], file: str) -> Registry:
    """Return every run that these rows of `task_runs`, `loops` and `workspaces` name."""
    unassigned = _FindingList(file)
    problems: dict[str, _FindingList] = {}
    grouped: dict[str, dict[str, list[Row]]] = {}
    for name, of_table in rows.items():
        for row in sorted(of_table, key=_sort_key):
            run = _parse_name(row.get("task_run_id"))
            if run is None:
                unassigned.say("error", f"a row of {name} names no run with a valid id")
                continue
            grouped.setdefault(run, {table: [] for table in rows})[name].append(row)
            problems.setdefault(run, _FindingList(file))
    runs = tuple(_build_run(run, grouped[run], problems[run]) for run in sorted(grouped))
    return Registry(runs, tuple(unassigned.findings))


def _sort_key(row: Row) -> tuple[str, str]:
    """Return the key that sorts rows by age. Of two rows with one id, the later counts."""
    return str(row.get("updated_at_utc") or ""), repr(sorted(row.items(), key=repr))


@dataclass(slots=True)
class _FindingList:
    """Collect what is wrong with the rows of one run."""

    file: str
    findings: list[Finding] = field(default_factory=list)

    def say(self, level: Level, reason: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(level, self.file, reason, _LOOK))
        elif len(self.findings) == MAX_FINDINGS:
            reason = "more findings of this run are not listed"
            self.findings.append(Finding(level, self.file, reason, _LOOK))


@dataclass(frozen=True, slots=True)
class _Cells:
    """Read the values of one row by type. A value of another type becomes None and a warning."""

    row: Row
    where: str
    problems: _FindingList

    def text(self, column: str) -> str | None:
        value = self.row.get(column)
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong(column, "is no text that can be read")
            return None
        return value.strip() or None

    def time(self, column: str) -> datetime | None:
        text = self.text(column)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                moment = moment.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            self._wrong(column, "is no time")
            return None
        return moment

    def count(self, column: str) -> int | None:
        value = self.row.get(column)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            value = int(value.strip()[:20])
        if not isinstance(value, int) or not 0 <= value < 1 << 53:
            self._wrong(column, "is no number of a loop")
            return None
        return value

    def metrics(self, column: str) -> dict[str, float | None] | None:
        """Return names and figures. A figure that is not finite becomes None; anything else is left
        out."""
        text = self.text(column)
        if text is None:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            self._wrong(column, f"is no JSON: {explain(error)}")
            return None
        if not isinstance(found, dict) or len(found) > MAX_METRICS:
            self._wrong(column, "is no JSON object of names and numbers")
            return None
        figures = {
            name.strip(): figure[0]
            for name, value in found.items()
            if (figure := _parse_figure(value)) and not _NUMBERED.match(name)
        }
        if len(figures) < len(found):
            self._wrong(column, "has entries that are no metrics; they were left out")
        return figures or None

    def _wrong(self, column: str, what: str) -> None:
        shown = quote(str(self.row.get(column)))
        self.problems.say("warning", f"{column} of {self.where} {what}: {shown}")


def _parse_figure(value: object) -> tuple[float | None] | None:
    """Return a number as a tuple of one, which holds None when it is not finite; None for anything
    else."""
    if value is None:
        return (None,)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        figure = float(value)
    except OverflowError:
        return (None,)
    return (figure,) if math.isfinite(figure) else (None,)


def _parse_name(value: object) -> str | None:
    """Return a name that can be an id of the lake; None for any other."""
    text = value.strip() if isinstance(value, str) else ""
    known = 0 < len(text) <= MAX_NAME and text.isprintable() and not {"/", "\\"} & set(text)
    return text if known and not text.startswith(_RESERVED) else None


def _build_run(
    task_run_id: str, rows: Mapping[str, list[Row]], problems: _FindingList
) -> RegisteredRun:
    cells = _Cells(rows["task_runs"][-1] if rows["task_runs"] else {}, "the run", problems)
    folders: dict[str, RegisteredFolder] = {}
    ids: dict[str, str] = {}
    for row in sorted(rows["workspaces"], key=_is_named_by_folder):
        if folder := _build_folder(row, problems):
            folders[folder.workspace_id] = folder
            ids[str(row.get("workspace_id")).strip()] = folder.workspace_id
    loops: dict[int, RegisteredLoop] = {}
    for row in rows["loops"]:
        if loop := _build_loop(row, ids, problems):
            loops[loop.loop_id] = loop
    log = cells.text("log_trace_path")
    return RegisteredRun(
        task_run_id=task_run_id,
        scenario=cells.text("scenario"),
        status=cells.text("status"),
        rdagent_version=cells.text("rdagent_version"),
        log_name=_last_name(log) if log else None,
        created_at=cells.time("created_at_utc"),
        updated_at=_find_last_change(rows),
        loops=tuple(loops[key] for key in sorted(loops)),
        folders=tuple(folders[key] for key in sorted(folders)),
        findings=tuple(problems.findings),
    )


def _find_last_change(rows: Mapping[str, list[Row]]) -> datetime | None:
    """Return when a row of the run was last written. Bad times get their finding elsewhere."""
    silent = _FindingList("")
    cells = (_Cells(row, "", silent) for table in rows.values() for row in table)
    return max(filter(None, (each.time("updated_at_utc") for each in cells)), default=None)


def _is_named_by_folder(row: Row) -> bool:
    """Return whether the row's id is the name of its folder.

    Of two rows on one folder, such a row comes last and so counts: tools of the fork gave ids of
    their own.
    """
    text = row.get("workspace_path")
    return isinstance(text, str) and _last_name(text) == row.get("workspace_id")


def _last_name(path: str) -> str | None:
    found = split_folder(path)
    return _parse_name(found[0]) if found else None


def _build_folder(row: Row, problems: _FindingList) -> RegisteredFolder | None:
    own = _parse_name(row.get("workspace_id"))
    cells = _Cells(row, f"the workspace {quote(own or str(row.get('workspace_id')))}", problems)
    path = cells.text("workspace_path")
    place = split_folder(path) if path else None
    name = (_parse_name(place[0]) if place else None) or own
    if name is None:
        problems.say("error", f"{cells.where} has no id and no path that names a folder")
        return None
    return RegisteredFolder(
        workspace_id=name,
        loop_id=cells.count("loop_id"),
        role=cells.text("workspace_role"),
        kind=cells.text("experiment_type"),
        step_name=cells.text("step_name"),
        status=cells.text("status"),
        root=place[1] if place else None,
        created_at=cells.time("created_at_utc"),
    )


def _build_loop(row: Row, ids: Mapping[str, str], problems: _FindingList) -> RegisteredLoop | None:
    cells = _Cells(row, f"the loop {quote(str(row.get('loop_id')))}", problems)
    loop_id = cells.count("loop_id")
    if loop_id is None:
        problems.say("error", f"{cells.where} has no number, it was not used")
        return None
    best = cells.text("best_workspace_id")
    return RegisteredLoop(
        loop_id=loop_id,
        action=cells.text("action"),
        status=cells.text("status"),
        best=None if best is None else ids.get(best) or _last_name(best),
        metrics=cells.metrics("metrics_json"),
        started_at=cells.time("started_at_utc"),
        ended_at=cells.time("ended_at_utc"),
        error_type=cells.text("error_type"),
        error_message=cells.text("error_message"),
    )
