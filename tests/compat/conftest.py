"""The lakes that every engine reads."""

from __future__ import annotations

import pytest

from rdlake.store.lake import Lake
from tests.compat import lakes


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Everything that some engine might read in its own way."""
    return lakes.full_lake(tmp_path_factory.mktemp("compat"))


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Published without a row."""
    return lakes.empty_lake(tmp_path_factory.mktemp("compat"))
