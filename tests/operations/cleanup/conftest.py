"""The world of the clean-up's tests: made once in a process, copied for tests to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operations.archive import world as archives
from tests.operations.cleanup.world import Cleaned, copied, make_cleaned


@pytest.fixture(scope="session")
def template(
    template_archived: archives.World, tmp_path_factory: pytest.TempPathFactory
) -> Cleaned:
    return make_cleaned(archives.copied(template_archived, tmp_path_factory.mktemp("cleaned")))


@pytest.fixture
def cleaned(template: Cleaned, tmp_path: Path) -> Cleaned:
    """Return a copy for the test to change."""
    return copied(template, tmp_path / "world")
