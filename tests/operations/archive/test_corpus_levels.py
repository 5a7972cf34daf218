"""The level of every real experiment, after each thing that may happen to it or its archive."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rdlake.library import Library
from rdlake.operations.archive import ArchiveRequest, archive, archiving_levels
from rdlake.store.opening import init_store, open_store
from tests.operations.archive.test_corpus import BELOW
from tests.operations.archive.test_levels import levels
from tests.operations.archive.test_restore import rot
from tests.places import CORPUS, needs_shared

pytestmark = [needs_shared, pytest.mark.slow]


def test_the_level_of_every_experiment_is_right_after_each_step(tmp_path: Path) -> None:
    workspaces, to = tmp_path / "workspaces", tmp_path / "archive"
    shutil.copytree(CORPUS / BELOW, workspaces, symlinks=True)
    lake = init_store(tmp_path / "lake")
    Library(lake).ingest(workspaces)
    every = archiving_levels(lake)
    assert len(every) > 20 and set(levels(lake).values()) == {0}
    archive(lake, to, ArchiveRequest(level=1))
    assert levels(lake) == dict.fromkeys(every, 1)
    archive(lake, to)
    assert levels(lake) == dict.fromkeys(every, 2)
    for name in every:
        (workspaces / name / "more.json").write_text("{}")
    Library(lake).ingest(workspaces)
    assert levels(lake) == dict.fromkeys(every, 0)
    archive(lake, to)
    assert levels(lake) == dict.fromkeys(every, 2)
    rot(open_store(to), min(every), "more.json")  # all of them have this content
    assert archive(lake, to, ArchiveRequest(full=True)).faults
    assert levels(lake) == dict.fromkeys(every, 1)
    archive(lake, tmp_path / "another")
    assert levels(lake) == dict.fromkeys(every, 2)
