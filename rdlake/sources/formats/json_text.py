"""JSON as plain values: bounded in size and depth, its usual damage repaired or refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_BYTES = 4 << 20
MAX_DEPTH = 40
LONGEST_NUMBER = 300

_MARK = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


class NotJson(ValueError):
    """Why a text gives no values."""


def read_json(data: bytes, most: int = MAX_BYTES) -> object:
    """The values of one document. A number that is none or not finite (`NaN`, `Infinity`, 1e999) is
    null; half of a surrogate pair is written out as `\\ud800`.

    NotJson for a document that is empty, damaged, too large, too deep, or has a name twice.
    """
    text = _decoded(data, most)
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_named,
            parse_constant=_unknown,
            parse_float=_real,
            parse_int=_whole,
        )
    except json.JSONDecodeError as error:
        raise NotJson(f"no JSON: {error.msg} (line {error.lineno})") from error
    return _spelled(value) if _HALF.search(text) else value


def _decoded(data: bytes, most: int) -> str:
    if len(data) > most:
        raise NotJson(f"larger than {most >> 20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 text (byte {error.start})") from error
    if not text.strip():
        raise NotJson("the file is empty")
    return text


def _check_depth(text: str) -> None:
    depth = 0
    for mark in _MARK.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark[0], 0)
        if depth > MAX_DEPTH:
            raise NotJson(f"nested deeper than {MAX_DEPTH} levels")


def _named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotJson(
            f"the name {twice[:80]!r} stands twice in one object; which counts is unknown"
        )
    return found


def _unknown(_: str) -> None:
    return None


def _real(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _whole(text: str) -> int | float | None:
    return int(text) if len(text) < LONGEST_NUMBER else _real(text)


def _spelled(value: Any) -> Any:
    """The value with texts that any table can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_spelled(each) for each in value]
    if isinstance(value, dict):
        return {_spelled(name): _spelled(each) for name, each in value.items()}
    return value
