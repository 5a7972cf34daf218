"""After a repair one ingest and one publication bring everything back that still lies on disk."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from rdlake.catalog.verify import verify
from rdlake.errors import DamagedLake
from rdlake.library import Library
from rdlake.operations.doctor import repair
from rdlake.store.delta_log import entry_path, last_repair
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.model.catalog_answers import answers_of
from tests.model.folders import Folder, answers

OLD = {"a": Folder("factor", (("IC", 0.1),), 0.001, ("MOM",))}
NEW = {
    "a": Folder("factor", (("IC", 0.2),), 0.002, ("MOM", "动量")),
    "b": Folder("factor", (("IC", 0.3),), 0.001, ("MOM",)),
}
NEWER = NEW | {"a": Folder("factor", (("IC", 0.4),), None, ("动量",))}
WRITTEN = ["artifacts", "factors", "equity_curves", "workspaces", "loops", "ingests"]
every_table = pytest.mark.parametrize("name", WRITTEN)


def read(lake: Lake, folders: dict[str, Folder]) -> None:
    """The folders on disk, ingested."""
    workspaces = lake.root.parent / "workspaces"
    for name, folder in folders.items():
        folder.write(workspaces / name)
    Library(lake).ingest(workspaces, charts=False)


def torn_and_repaired(lake: Lake, name: str) -> Lake:
    """The lake without the last commit of one table."""
    newest = lake.snapshot(name).version
    assert newest is not None
    entry_path(lake.folder(name), newest).write_bytes(b"")
    with pytest.raises(DamagedLake):
        open_store(lake.root)
    assert repair(lake.root)
    return open_store(lake.root)


def told(lake: Lake) -> object:
    """What the newest version says of the workspaces."""
    found, _ = answers_of(lake.root, Library(lake).publish().version.catalog_version)
    del found["ingest_report"]
    return found


@pytest.fixture
def small(tmp_path: Path) -> Lake:
    """One workspace, published; then it changed and another came."""
    lake = init_store(tmp_path / "lake")
    read(lake, OLD)
    Library(lake).publish()
    read(lake, NEW)
    return lake


@pytest.mark.guards
@every_table
def test_what_was_lost_before_it_was_published_comes_back(small: Lake, name: str) -> None:
    lake = torn_and_repaired(small, name)
    read(lake, NEW)
    assert told(lake) == answers(NEW)
    assert verify(lake, deep=True).whole


@pytest.mark.guards
@every_table
def test_what_was_lost_after_it_was_published_comes_back(small: Lake, name: str) -> None:
    Library(small).publish()
    lake = torn_and_repaired(small, name)
    read(lake, NEWER)
    assert told(lake) == answers(NEWER)
    assert verify(lake, deep=True).whole
    with closing(Library(lake).connect(2)) as connection:
        ics = connection.execute("SELECT ic FROM loop_catalog ORDER BY workspace_id").fetchall()
    assert ics == [(0.2,), (0.3,)]


@pytest.mark.guards
def test_after_the_next_ingest_everything_is_known_again(small: Lake) -> None:
    lake = torn_and_repaired(small, "loops")
    read(lake, NEW)
    report = Library(lake).ingest(small.root.parent / "workspaces", charts=False)
    assert (report.unchanged, report.batches) == (2, 0)
    assert Library(lake).publish().outcome == "published"
    assert Library(lake).publish().outcome == "nothing new"


@pytest.mark.guards
def test_lists_of_files_that_were_lost_are_made_again(small: Lake) -> None:
    Library(small).publish()
    lake = torn_and_repaired(small, "file_lists")
    assert verify(lake, deep=True).whole
    assert told(lake) == answers(NEW)


@pytest.mark.guards
def test_the_last_repair_is_told_by_the_folder_of_its_torn_files(small: Lake) -> None:
    assert last_repair(small.root) is None
    torn_and_repaired(small, "loops")
    first = last_repair(small.root)
    (small.root / "torn" / "notes on Thursday").mkdir()
    torn_and_repaired(small, "factors")
    second = last_repair(small.root)
    assert first is not None and second is not None
    assert first < second
