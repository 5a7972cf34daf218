"""A lake from before views had a settings file: its rows hold their SQL in the old form."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from rdlake.catalog.contract import VIEW_FILES
from rdlake.catalog.materialize.schedule import find_lost_views
from rdlake.catalog.publish import publish, rollback
from rdlake.catalog.time_travel import file_of
from rdlake.catalog.verify import verify
from rdlake.catalog.version import find_version, history
from rdlake.operations.doctor import repair
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.builders import make_workspace
from tests.catalog.published import NEW
from tests.catalog.views import rows_in, rows_of
from tests.ingesting import ingest
from tests.places import DATA

ARCHIVE = DATA / "lake_before_rooms.tar.xz"


@pytest.fixture
def old_lake(tmp_path: Path) -> Lake:
    """A copy of the lake with its two versions."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return open_store(tmp_path / "lake")


def test_it_is_what_was_published(old_lake: Lake) -> None:
    assert [version.contract.is_old for version in history(old_lake)] == [True, True]
    assert verify(old_lake, deep=True).whole


@pytest.mark.slow
def test_a_version_without_its_file_is_rendered_as_it_was(old_lake: Lake) -> None:
    views = sorted(find_version(old_lake, 1).contract.views)
    file = old_lake.catalogs_folder / "v000001.duckdb"
    before = rows_in(file, old_lake.root, views)
    file.unlink()
    assert rows_in(file_of(old_lake, 1), old_lake.root, views) == before
    assert any(before.values())


@pytest.mark.slow
def test_lost_files_of_views_are_built_again(old_lake: Lake) -> None:
    folder = old_lake.root / VIEW_FILES
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for path in before:
        path.unlink()
    for number in (1, 2):
        assert find_lost_views(old_lake, find_version(old_lake, number))
        file_of(old_lake, number)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert verify(old_lake, deep=True).whole


@pytest.mark.slow
def test_lost_lists_of_files_are_found_again(old_lake: Lake) -> None:
    for path in (old_lake.folder("file_lists")).rglob("*.parquet"):
        path.unlink()
    repair(old_lake.root)
    assert verify(open_store(old_lake.root), deep=True).whole


def test_one_more_experiment_is_published_over_it(old_lake: Lake, tmp_path: Path) -> None:
    before = rows_of(old_lake, 2, ["loop_catalog"])["loop_catalog"]
    make_workspace(tmp_path / "workspaces", NEW)
    ingest(old_lake, [tmp_path / "workspaces"])
    report = publish(old_lake)
    assert (report.outcome, report.version.contract.is_old) == ("published", False)
    after = rows_of(old_lake, 3, ["loop_catalog"])["loop_catalog"]
    assert len(after) == len(before) + 1 and set(map(str, before)) < set(map(str, after))
    assert publish(old_lake).outcome == "nothing new"
    assert rollback(old_lake, 1).version.contract.is_old
    for number in (1, 2, 3, 4):
        (old_lake.catalogs_folder / f"v{number:06d}.duckdb").unlink()
        file_of(old_lake, number)
    assert verify(old_lake, deep=True).whole
