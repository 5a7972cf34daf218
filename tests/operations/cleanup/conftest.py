"""Offer the world of the clean-up's tests to every module here."""

from tests.operations.cleanup.world import cleaned, template  # noqa: F401 - fixtures
