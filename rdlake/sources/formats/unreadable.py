"""Name the one reason for which the readers of this room give up on a file."""

from __future__ import annotations


class Unreadable(ValueError):
    """Say why a file cannot be used. A reader's caller turns it into a finding."""
