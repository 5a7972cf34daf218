"""Read qlib_res.csv: a back-test's metrics, each under qlib's own name."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Sequence

from rdlake.domain.experiment import Finding
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain, quote

MAX_BYTES = 8 << 20
MAX_LINES = 10_000

Metrics = dict[str, float | None]
Row = Sequence[str]


def read_metrics(data: bytes, file: str) -> tuple[Metrics | None, list[Finding]]:
    """Return every metric by its name; None for a missing, infinite, non-numeric or contradictory
    value.

    None and an error when names and values cannot be told apart.
    """
    findings: list[Finding] = []
    try:
        text = _decode(data)
        rows = _read_rows(text)
        body, columns = _split_header(rows, file, findings)
    except Unreadable as error:
        return None, [_error(file, str(error))]
    if not body:
        return {}, [*findings, _warning(file, "it has a header and no metric")]
    if not text.endswith(("\n", "\r")):
        findings.append(_warning(file, "its last line has no end: the last value may be cut"))
    name, value = columns
    metrics = _collect_metrics(((row[name], row[value]) for row in body), file, findings)
    return metrics, findings


def _decode(data: bytes) -> str:
    if not data:
        raise Unreadable("the file is empty")
    if len(data) > MAX_BYTES:
        raise Unreadable(f"larger than {MAX_BYTES >> 20} MiB: no list of metrics")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"malformed: not UTF-8 text (byte {error.start})") from error
    if "\0" in text:
        raise Unreadable("malformed: not UTF-8 text (it holds null characters)")
    return text


def _read_rows(text: str) -> list[Row]:
    """Return the records that are not blank."""
    rows: list[Row] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            if len(rows) == MAX_LINES:
                raise Unreadable(f"more than {MAX_LINES:,} lines: no list of metrics")
            if any(map(str.strip, row)):
                rows.append(row)
    except csv.Error as error:
        raise Unreadable(f"malformed: {explain(error)}") from error
    if not rows:
        raise Unreadable("the file has no line with anything in it")
    return rows


def _split_header(
    rows: list[Row], file: str, findings: list[Finding]
) -> tuple[list[Row], tuple[int, int]]:
    """Return the records with metrics, and the columns of name and value."""
    header, *rest = rows
    if not rest:
        return _read_single_line(header, file, findings)
    width = _count_fields(header, rest)
    body = [row for row in rest if len(row) == width]
    for number, row in enumerate(rest, start=2):
        if len(row) != width:
            reason = f"record {number} has {len(row)} fields and not {width}; it was left out"
            findings.append(_error(file, reason))
    columns = _find_columns(body)
    if len(header) == width and _is_metric(header, columns):
        findings.append(_warning(file, "it has no header; the first line was read as a metric"))
        body.insert(0, header)
    return body, columns


def _read_single_line(
    row: Row, file: str, findings: list[Finding]
) -> tuple[list[Row], tuple[int, int]]:
    """Read a file of one line: a header without metrics, or a metric without a header."""
    try:
        columns = _find_columns([row])
    except Unreadable:
        return [], (0, 0)
    if not _is_metric(row, columns):
        return [], (0, 0)
    findings.append(_warning(file, "it has no header; its only line was read as a metric"))
    return [row], columns


def _count_fields(header: Row, rest: list[Row]) -> int:
    """Return how many fields a record has: as many as the header, unless no record agrees with
    it."""
    counts = Counter(map(len, rest))
    return len(header) if len(header) in counts else counts.most_common(1)[0][0]


def _find_columns(rows: list[Row]) -> tuple[int, int]:
    """Return the column of words, and the column of numbers after it."""

    def has(place: int, kind: str) -> bool:
        return any(_classify(row[place]) == kind for row in rows)

    width = len(rows[0])
    name = next((place for place in range(width) if has(place, "text")), width)
    after = range(name + 1, width)
    values = [place for place in after if has(place, "number")]
    values = values or [place for place in after if not has(place, "text")]
    if len(values) != 1 or any(has(place, "text") for place in after if place not in values):
        raise Unreadable("malformed: the columns of names and values cannot be told apart")
    return name, values[0]


def _is_metric(row: Row, columns: tuple[int, int]) -> bool:
    """Return True for a record, False for a header. (pandas writes `,0` or `,Unnamed: 0,0`.)"""
    name, value = (row[place].strip() for place in columns)
    return bool(name) and _classify(value) == "number" and value != "0"


def _collect_metrics(
    pairs: Iterable[tuple[str, str]], file: str, findings: list[Finding]
) -> Metrics:
    metrics: Metrics = {}
    torn: set[str] = set()
    for raw_name, cell in pairs:
        name = raw_name.strip()
        if not name:
            findings.append(_error(file, f"a value without a name: {quote(cell)}"))
            continue
        value = _parse_value(name, cell, file, findings)
        if name in metrics and metrics[name] != value and name not in torn:
            torn.add(name)
            reason = f"{quote(name)} has several different values; counts as unknown"
            findings.append(_warning(file, reason))
        metrics[name] = None if name in torn else value
    return metrics


def _parse_value(name: str, cell: str, file: str, findings: list[Finding]) -> float | None:
    value = _parse_number(cell)
    if value is not None and math.isfinite(value):
        return value
    if _classify(cell) != "missing":
        reason = f"{quote(name)} is {quote(cell.strip())}, not a finite number; counts as unknown"
        findings.append(_warning(file, reason))
    elif name == "IC":
        findings.append(report_missing_ic(file))
    return None


def report_missing_ic(file: str) -> Finding:
    """Return a warning that the IC is missing on every day."""
    reason = "the IC is missing on every day"
    return Finding("warning", file, reason, "look at the data qlib was given")


def _classify(cell: str) -> str:
    """Return `missing`, `number` (an infinite one too) or `text`."""
    if not cell.strip():
        return "missing"
    number = _parse_number(cell)
    if number is None:
        return "text"
    return "missing" if math.isnan(number) else "number"


def _parse_number(cell: str) -> float | None:
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        return None


def _error(file: str, reason: str) -> Finding:
    return Finding("error", file, reason, "run the back-test again, or remove the file")


def _warning(file: str, reason: str) -> Finding:
    return Finding(
        "warning", file, reason, "look at the file and, if need be, run the back-test again"
    )
