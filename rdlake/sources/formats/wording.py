"""Untrusted text as it may stand in a finding: short, on one line, without a machine's paths."""

from __future__ import annotations

import reprlib

_LIMIT = 120
_SHORT = reprlib.Repr()
_SHORT.maxstring = _LIMIT


def quote(text: str) -> str:
    """A name from a file, in quotes, control characters escaped, cut in the middle when long."""
    return _SHORT.repr(text)


def explain(error: BaseException) -> str:
    """Why something failed, in the words of the system or library: its first line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = text.strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 2 * _LIMIT else lines[0][: 2 * _LIMIT] + "…"
