"""Shared libraries: accepted factors' real code and strategies as Python, for other programs."""

from rdlake.libs.implementations import Left
from rdlake.libs.sync import Synced, sync

__all__ = ["Left", "Synced", "sync"]
