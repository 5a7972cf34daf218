"""Make untrusted text fit for a finding: short, on one line, without a machine's paths."""

from __future__ import annotations

import os
import reprlib

_LIMIT = 120
_SHORT = reprlib.Repr()
_SHORT.maxstring = _LIMIT


def quote(text: str) -> str:
    """Return a name from a file in quotes; control characters are escaped, a long name is cut in
    the middle."""
    return _SHORT.repr(text)


def is_utf8(name: str) -> bool:
    """Return whether a file's name is UTF-8, as an id must be."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def escape_name(name: str) -> str:
    """Return a file's name as text that any table can hold; other bytes become `\\x…`."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def explain(error: BaseException) -> str:
    """Return why something failed in the words of the system or library: the first line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = text.strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 2 * _LIMIT else lines[0][: 2 * _LIMIT] + "…"
