"""A group of several strategies with a control is archived whole, and compared from there alone."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

import rdlake
from rdlake.library import Library
from rdlake.operations.archive import ArchiveRequest, archive
from rdlake.operations.groups import Person, add, mark
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.operations.archive.world import IDS, World

ANN = Person("ann", "to see")


def compared(lake: Lake) -> list[str]:
    """The view, of the group that a person made; figures to ten digits."""
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        found = connection.execute(
            "FROM group_comparison WHERE name = 'strategies' ORDER BY workspace_id"
        ).fetchall()
    return [
        repr([f"{each:.10g}" if isinstance(each, float) else each for each in row]) for row in found
    ]


@pytest.mark.guards
def test_a_group_is_compared_from_the_archive_alone(world: World, tmp_path: Path) -> None:
    add(world.lake, "strategies", IDS, ANN)
    mark(world.lake, "strategies", IDS[0], "control", ANN)
    Library(world.lake).publish()
    here = compared(world.lake)
    assert len(here) == 3 and all(workspace_id in "".join(here) for workspace_id in IDS)
    archive(world.lake, tmp_path / "part", ArchiveRequest(experiments=IDS))
    world.archive()
    shutil.rmtree(world.lake.root)
    shutil.rmtree(world.workspaces)
    for place in (world.to, tmp_path / "part"):
        shutil.move(place, tmp_path / "moved")
        assert compared(open_store(tmp_path / "moved")) == here
        shutil.rmtree(tmp_path / "moved")
