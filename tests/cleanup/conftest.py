"""The world of the clean-up's tests."""

from tests.cleanup.world import cleaned, template

__all__ = ["cleaned", "template"]
