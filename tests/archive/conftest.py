"""The world of the archive's tests."""

from tests.archive.world import world

__all__ = ["world"]
