"""Read JSON as plain values, bounded in size and depth; usual damage is repaired or refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from rdlake.sources.formats.unreadable import Unreadable

MAX_BYTES = 4 << 20
MAX_DEPTH = 40
MAX_DIGITS = 300

_MARK = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def read_json(data: bytes, most: int = MAX_BYTES) -> object:
    r"""Return the values of one document.

    A number that is not finite (`NaN`, `Infinity`, 1e999) becomes None. Half of a surrogate pair is
    spelled out as text, `\ud800`. Unreadable for a document that is empty, damaged, too large, too
    deep, or has a name twice in one object.
    """
    text = _decode(data, most)
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_build_object,
            parse_constant=_parse_constant,
            parse_float=_parse_float,
            parse_int=_parse_int,
        )
    except json.JSONDecodeError as error:
        raise Unreadable(f"no JSON: {error.msg} (line {error.lineno})") from error
    return _escape_halves(value) if _HALF.search(text) else value


def _decode(data: bytes, most: int) -> str:
    if len(data) > most:
        raise Unreadable(f"larger than {most >> 20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text (byte {error.start})") from error
    if not text.strip():
        raise Unreadable("the file is empty")
    return text


def _check_depth(text: str) -> None:
    depth = 0
    for mark in _MARK.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark[0], 0)
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels")


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(
            f"the name {twice[:80]!r} comes twice in one object; which one counts is unknown"
        )
    return found


def _parse_constant(_: str) -> None:
    return None


def _parse_float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _parse_int(text: str) -> int | float | None:
    return int(text) if len(text) < MAX_DIGITS else _parse_float(text)


def _escape_halves(value: Any) -> Any:
    """Return the value with texts that any table can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_escape_halves(each) for each in value]
    if isinstance(value, dict):
        return {_escape_halves(name): _escape_halves(each) for name, each in value.items()}
    return value
