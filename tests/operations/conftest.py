"""Worlds that are made once in a process, and copies of them for tests to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operations.archive.world import World, copied, make_world


@pytest.fixture(scope="session")
def template_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def template_archived(template_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = copied(template_world, tmp_path_factory.mktemp("archived"))
    made.archive()
    return made


@pytest.fixture
def world(template_world: World, tmp_path: Path) -> World:
    """Return a copy of the world, not yet archived, for the test to change."""
    return copied(template_world, tmp_path)


@pytest.fixture
def archived(template_archived: World, tmp_path: Path) -> World:
    """Return a copy of the world and its whole archive, for the test to change."""
    return copied(template_archived, tmp_path)
