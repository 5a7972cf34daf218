"""Take factors, metrics and feedback out of JSON objects and repair their known damage.

An empty text, an empty list and a value of a wrong type count as unknown.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rdlake.domain.experiment import Action

LoopKey = tuple[str, int]
"""task_run_id and loop_id."""

_OWN_SOURCES = frozenset({"rd_agent", "sota", "rdagent"})
_SOURCES = frozenset(
    {
        "rdagent_generated",
        "qlib_alpha158",
        "qlib_alpha360",
        "alpha_library",
        "external_manual",
    }
)
_TEXTS = ("description_cn", "formula_hint", "expression", "region", "freq", "align", "nan_policy")
_LIBRARY = ("impl_module", "impl_version")
_STATUS = {"failed": "failed", "aborted": "failed", "skip": "skipped", "skipped": "skipped"}
"""The words that count by themselves. Success needs a result, which shows it better, and `running`
was true only when the file was written."""
_COPIES = frozenset(
    {
        "ann_return",
        "annual_return",
        "annualized_return",
        "ic",
        "ic_ir",
        "ic_mean",
        "max_drawdown",
        "mdd",
        "rank_ic",
        "rank_ic_mean",
        "sharpe",
    }
)
"""Second names that the fork gives to qlib's metrics. They hide the cost basis, and some of the
figures are wrong."""
_LONGEST = 500
_MOST_LOOPS = 1 << 31
_METRIC = re.compile(r"[\w .]+=\s*[-+.\w]*\s*", re.ASCII)


def as_object(value: object) -> Mapping[str, Any]:
    """Return the object; an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def list_objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects in a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def as_text(value: object) -> str | None:
    """Return the text without surrounding blanks; None for an empty one."""
    return (value.strip() or None) if isinstance(value, str) else None


def as_bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def parse_time(value: object) -> datetime | None:
    """Return a time in UTC without a zone; a time without a zone counts as UTC."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        return time.astimezone(UTC).replace(tzinfo=None) if time and time.tzinfo else time
    except (ValueError, OverflowError):
        return None


def parse_action(value: object) -> Action | None:
    return "factor" if value == "factor" else "model" if value == "model" else None


def parse_status(raw: str | None) -> str | None:
    """Return the catalog's word for a source's status."""
    return _STATUS.get((raw or "").lower())


def parse_loop(row: Mapping[str, Any]) -> LoopKey | None:
    """Return the loop that a row belongs to, if it names one."""
    run, number = as_text(row.get("task_run_id")), row.get("loop_id")
    if run is None or isinstance(number, bool) or not isinstance(number, int):
        return None
    return (run, number) if 0 <= number < _MOST_LOOPS else None


def repair_name(value: object) -> str | None:
    """Return a factor's name, taken out of the text of a tuple: `('feature', 'X')` is X."""
    name = as_text(value)
    if name is None or len(name) > _LONGEST:
        return None
    if not (name.startswith("(") and name.endswith(")")):
        return name
    try:
        levels = ast.literal_eval(name)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None if name.startswith(("('", '("')) else name
    match levels:
        case ("feature", str(inner)) | (str(inner), "feature"):
            return as_text(inner)
        case tuple():
            return None
        case _:
            return name


def build_factor_row(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return columns of `factors`; None for an item without a name.

    `input_schema` is not used, because the fork guesses it from the name.
    """
    name = repair_name(item.get("name"))
    if name is None:
        return None
    variables, tags = as_object(item.get("variables")), item.get("tags")
    row: dict[str, Any] = {
        "factor_name": name,
        "source": parse_source(item.get("source")),
        **{column: as_text(item.get(column)) for column in (*_TEXTS, *_LIBRARY)},
        "variables": {key: _to_text(each) for key, each in variables.items()} or None,
        "tags": _list_texts(tags) or None,
        "impl_func": repair_name(item.get("impl_func")),
        "interface_info": _dump_interface(as_object(item.get("interface_info"))),
        "created_at": parse_time(item.get("created_at_utc")),
    }
    return {column: value for column, value in row.items() if value is not None}


def parse_source(value: object) -> str | None:
    """Return where a factor comes from, in the protocol's words."""
    word = as_text(value)
    if word in _OWN_SOURCES:
        return "rdagent_generated"
    return word if word in _SOURCES else None


def repair_metrics(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite metrics under their own names.

    A misread CSV is repaired: `{"Unnamed: 0": name, "0": value}`. A second name of the same figure
    is left out.
    """
    if "Unnamed: 0" in found:
        name = as_text(found["Unnamed: 0"])
        rest = {key: each for key, each in found.items() if key not in ("Unnamed: 0", "0")}
        found = {**rest, **({name: found.get("0")} if name else {})}
    finite = {name.strip(): value for name, value in _find_finite(found) if name.strip()}
    own = {value for name, value in finite.items() if name not in _COPIES}
    return {
        name: value for name, value in finite.items() if name not in _COPIES or value not in own
    }


def build_feedback_row(found: Mapping[str, Any], texts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return columns of `feedback`; None when nothing was concluded.

    The fork sometimes puts a list of metrics in the place of a conclusion; such a list is dropped.
    """
    value_feedback = as_text(texts.get("value_feedback"))
    if value_feedback and all(map(_METRIC.fullmatch, value_feedback.strip("; ").split(";"))):
        value_feedback = None
    row = {
        "decision": as_bool(found.get("decision")),
        "hypothesis": as_text(found.get("hypothesis")),
        "summary_execution": as_text(texts.get("execution")),
        "summary_value_feedback": value_feedback,
        "summary_shape_feedback": as_text(texts.get("shape_feedback")),
    }
    if all(value is None for value in row.values()):
        return None
    lists = {name: _list_texts(texts.get(name)) for name in ("code_critic", "limitations")}
    return row | {name: each for name, each in lists.items() if each is not None}


def _find_finite(found: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in found.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                continue
            if math.isfinite(number):
                yield name, number


def _list_texts(value: object) -> list[str] | None:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    return [each for each in map(as_text, value) if each]


def _to_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _dump_interface(found: Mapping[str, Any]) -> str | None:
    interface = {
        name: found[name] for name in ("type", "standard_wrapper") if as_text(found.get(name))
    }
    return json.dumps(interface, sort_keys=True, ensure_ascii=False) if interface else None
