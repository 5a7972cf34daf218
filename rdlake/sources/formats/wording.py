"""Make untrusted text fit for a finding: short, on one line, without a machine's paths."""

from __future__ import annotations

import reprlib

_LIMIT = 120
_SHORT = reprlib.Repr()
_SHORT.maxstring = _LIMIT


def quote(text: str) -> str:
    """Return a name from a file in quotes; control characters are escaped, a long name is cut in
    the middle."""
    return _SHORT.repr(text)


def explain(error: BaseException) -> str:
    """Return why something failed in the words of the system or library: the first line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = text.strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 2 * _LIMIT else lines[0][: 2 * _LIMIT] + "…"
