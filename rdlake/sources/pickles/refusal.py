"""Name what the reader raises when it will not or cannot go on.

Refused(ValueError)   by the name of what stands in the file, and why
└── Damaged           the bytes end early or are no pickle at all
"""

from __future__ import annotations

LONGEST_NAME = 120


class Refused(ValueError):
    """Say what is never decoded, or only at a cost that nobody agreed to."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = shorten(name), reason
        super().__init__(f"{self.name}: {reason}")


class Damaged(Refused):
    """Say that the bytes are torn or malformed."""

    def __init__(self, reason: str) -> None:
        super().__init__("pickle", reason)


def type_name(value: object) -> str:
    """Return the name of a plain value's type, for a message."""
    return type(value).__name__


def shorten(name: str) -> str:
    """Return a name from the file as a terminal can take it: no control letters, no novels."""
    text = "".join(letter if letter.isprintable() else "?" for letter in name[:LONGEST_NAME])
    return text + "…" if len(name) > LONGEST_NAME else text
