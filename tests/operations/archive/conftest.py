"""Offer the world of the archive's tests to every module here."""

from tests.operations.archive.world import world  # noqa: F401 - a fixture
