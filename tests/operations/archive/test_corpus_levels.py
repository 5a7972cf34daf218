"""The level of every real experiment, after each thing that may happen to it or its archive."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import rdlake
from rdlake.operations.archive import Asked, archive, archiving_levels
from tests.operations.archive.test_corpus import BELOW
from tests.operations.archive.test_levels import levels
from tests.operations.archive.test_restore import rot
from tests.places import CORPUS, needs_shared

pytestmark = [needs_shared, pytest.mark.slow]


def test_the_level_of_every_experiment_is_right_after_each_step(tmp_path: Path) -> None:
    workspaces, to = tmp_path / "workspaces", tmp_path / "archive"
    shutil.copytree(CORPUS / BELOW, workspaces, symlinks=True)
    lake = rdlake.init_lake(tmp_path / "lake")
    lake.ingest(workspaces)
    every = archiving_levels(lake)
    assert len(every) > 20 and set(levels(lake).values()) == {0}
    archive(lake, to, Asked(level=1))
    assert levels(lake) == dict.fromkeys(every, 1)
    archive(lake, to)
    assert levels(lake) == dict.fromkeys(every, 2)
    for name in every:
        (workspaces / name / "more.json").write_text("{}")
    lake.ingest(workspaces)
    assert levels(lake) == dict.fromkeys(every, 0)
    archive(lake, to)
    assert levels(lake) == dict.fromkeys(every, 2)
    rot(rdlake.open_lake(to), min(every), "more.json")  # all of them have this content
    assert archive(lake, to, Asked(full=True)).faults
    assert levels(lake) == dict.fromkeys(every, 1)
    archive(lake, tmp_path / "another")
    assert levels(lake) == dict.fromkeys(every, 2)
