"""Old log entries go once a checkpoint tells the same; whoever reads or writes notices nothing."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

import rdlake
from rdlake.catalog.verify import verify
from rdlake.library import Library
from rdlake.operations.doctor import examine, repair
from rdlake.operations.maintain import maintain
from rdlake.store import log_cleanup
from rdlake.store.delta_log import (
    LAST_CHECKPOINT,
    checkpoint_path,
    data_changed_since,
    entry_path,
    log_folder,
)
from rdlake.store.lake import Lake
from rdlake.store.log_cleanup import VERSIONS_KEPT, covered_files, remove_covered
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace, write_metrics
from tests.lake_rows import listing, owners, rows

NEWEST, COVERING = 35, 19
"""With 10 versions kept, 25 is the last that may go, and 19 has the checkpoint before it."""


@pytest.fixture(scope="module")
def grown_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = init_store(tmp_path_factory.mktemp("grown") / "lake")
    for mark in range(1, NEWEST + 1):
        lake.commit({"feedback": rows("a", hypothesis=str(mark))}, owners("a"))
    return lake.root


@pytest.fixture
def grown(grown_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake of 35 commits of one row, which tells the version."""
    monkeypatch.setattr(log_cleanup, "VERSIONS_KEPT", 10)
    return open_store(shutil.copytree(grown_once, tmp_path / "grown"))


def entries(lake: Lake) -> list[int]:
    return sorted(int(path.stem) for path in log_folder(lake.folder("feedback")).glob("*.json"))


def mark_of(lake: Lake) -> str:
    return str(lake.read("feedback", ["hypothesis"]).item())


def write(lake: Lake, mark: str) -> None:
    lake.commit({"feedback": rows("a", hypothesis=mark)}, owners("a"))


def names_of(paths: Sequence[Path]) -> list[str]:
    return [path.name for path in paths]


def covered_now(lake: Lake) -> list[Path]:
    return covered_files(lake.folder("feedback"), time.time() + 1)


# --- what goes and what stays ----------------------------------------------------------------


@pytest.mark.guards
def test_a_hundred_versions_stay_and_the_checkpoint_before_them(grown: Lake) -> None:
    assert VERSIONS_KEPT == 100
    report = maintain(grown, older_than_hours=0)
    (told,) = [each for each in report.tables if each.table == "feedback"]
    log = log_folder(grown.folder("feedback"))
    assert entries(grown) == list(range(COVERING, NEWEST + 1))
    assert [path.name[18:20] for path in sorted(log.glob("*.parquet"))] == ["19", "29"]
    assert len(told.log_removed) == COVERING + 1
    assert mark_of(open_store(grown.root)) == str(NEWEST)


@pytest.mark.guards
def test_the_oldest_go_first(grown: Lake) -> None:
    found = covered_now(grown)
    assert names_of(found) == sorted(names_of(found))
    remove_covered(grown.folder("feedback"), found[:7])
    assert entries(grown) == list(range(7, NEWEST + 1))
    assert mark_of(open_store(grown.root)) == str(NEWEST)


def test_what_a_stopped_upkeep_left_is_removed_by_the_next(grown: Lake) -> None:
    remove_covered(grown.folder("feedback"), covered_now(grown)[:5])
    maintain(grown, older_than_hours=0)
    assert entries(grown) == list(range(COVERING, NEWEST + 1))


def test_nothing_goes_before_its_time(grown: Lake) -> None:
    assert not any(each.log_removed for each in maintain(grown).tables)
    for version in range(15):
        os.utime(entry_path(grown.folder("feedback"), version), (1, 1))
    os.utime(checkpoint_path(grown.folder("feedback"), 9), (1, 1))
    maintain(grown)
    assert entries(grown) == list(range(9, NEWEST + 1))


def test_a_short_log_stays(grown: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_cleanup, "VERSIONS_KEPT", NEWEST - 8)
    assert covered_now(grown) == []


def test_a_dry_run_names_the_same_and_removes_nothing(grown: Lake) -> None:
    before = listing(grown.root)
    told = maintain(grown, dry_run=True, older_than_hours=0)
    assert listing(grown.root) == before
    done = maintain(grown, older_than_hours=0)
    assert [each.log_removed for each in told.tables] == [each.log_removed for each in done.tables]
    assert 0 < told.bytes_freed <= done.bytes_freed


def test_the_second_upkeep_removes_nothing_more(grown: Lake) -> None:
    maintain(grown, older_than_hours=0)
    before = listing(grown.root)
    maintain(grown, older_than_hours=0)
    assert listing(grown.root) == before


# --- a checkpoint must prove what it says ----------------------------------------------------


def test_a_checkpoint_that_is_cut_off_covers_nothing(grown: Lake) -> None:
    checkpoint = checkpoint_path(grown.folder("feedback"), COVERING)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-20])
    assert {name[18:20] for name in names_of(covered_now(grown))} == {f"0{n}" for n in range(9)}


def test_a_checkpoint_that_cannot_be_read_covers_nothing(grown: Lake) -> None:
    checkpoint = checkpoint_path(grown.folder("feedback"), COVERING)
    content = bytearray(checkpoint.read_bytes())
    content[200:-200] = bytes(len(content) - 400)
    checkpoint.write_bytes(bytes(content))
    assert max(names_of(covered_now(grown))).startswith(f"{8:020d}")


def test_a_checkpoint_that_tells_something_else_covers_nothing(grown: Lake) -> None:
    folder = grown.folder("feedback")
    shutil.copyfile(checkpoint_path(folder, 29), checkpoint_path(folder, COVERING))
    assert max(names_of(covered_now(grown))).startswith(f"{8:020d}")


def test_a_checkpoint_whose_entries_are_gone_covers_nothing(grown: Lake) -> None:
    folder = grown.folder("feedback")
    entry_path(folder, 15).unlink()
    entry_path(folder, 5).unlink()
    assert covered_now(grown) == []


# --- whoever is at work meanwhile ------------------------------------------------------------


@pytest.mark.guards
def test_a_table_that_was_opened_long_ago_goes_on(tmp_path: Path, grown_once: Path) -> None:
    lake = init_store(tmp_path / "lake")
    write(lake, "first")
    old = open_store(lake.root)
    assert mark_of(old) == "first"
    for mark in range(VERSIONS_KEPT + 10):
        write(lake, str(mark))
    maintain(lake, older_than_hours=0)
    assert not entry_path(lake.folder("feedback"), 1).exists()
    write(old, "second")
    assert mark_of(old) == mark_of(lake) == "second"


def test_after_upkeep_it_is_written_to_as_before(grown: Lake) -> None:
    maintain(grown, older_than_hours=0)
    for number in range(12):
        write(grown, f"more {number}")
    assert mark_of(open_store(grown.root)) == "more 11"


def test_other_readers_of_delta_find_the_same_rows(grown: Lake) -> None:
    maintain(grown, older_than_hours=0)
    folder = str(grown.folder("feedback"))
    assert pl.scan_delta(folder).select("hypothesis").collect().item() == str(NEWEST)
    assert DeltaTable(folder).to_pyarrow_table(columns=["hypothesis"]).to_pydict() == {
        "hypothesis": [str(NEWEST)]
    }
    for version in range(COVERING, NEWEST + 1):
        assert DeltaTable(folder, version=version).version() == version


def test_what_was_removed_counts_as_changed(grown: Lake) -> None:
    maintain(grown, older_than_hours=0)
    assert data_changed_since(grown.folder("feedback"), 3, NEWEST)
    assert not data_changed_since(grown.folder("feedback"), NEWEST, NEWEST)


# --- a torn end afterwards -------------------------------------------------------------------


def test_a_torn_entry_still_returns_to_the_version_before(grown: Lake) -> None:
    maintain(grown, dry_run=False, older_than_hours=0)
    assert examine(grown.root).whole
    write(grown, "newest")
    entry_path(grown.folder("feedback"), NEWEST + 1).write_bytes(b"")
    assert not examine(grown.root).whole
    repair(grown.root)
    assert mark_of(open_store(grown.root)) == str(NEWEST)


def test_a_torn_checkpoint_and_pointer_still_lose_no_row(grown: Lake) -> None:
    maintain(grown, older_than_hours=0)
    checkpoint_path(grown.folder("feedback"), 29).write_bytes(b"")
    (log_folder(grown.folder("feedback")) / LAST_CHECKPOINT).write_bytes(b"{")
    assert len(repair(grown.root)) == 2
    assert mark_of(open_store(grown.root)) == str(NEWEST)


# --- published versions ----------------------------------------------------------------------


@pytest.mark.guards
def test_every_published_version_answers_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_cleanup, "VERSIONS_KEPT", 2)
    lake, workspaces = init_store(tmp_path / "lake"), tmp_path / "workspaces"
    folder = make_workspace(workspaces, "a" * 32)
    for number in range(14):
        write_metrics(folder, {"IC": number / 100})
        Library(lake).ingest(workspaces)
        Library(lake).publish()
    report = maintain(lake, older_than_hours=0)
    assert {each.table for each in report.tables if each.log_removed} >= {"loops", "catalogs"}
    for number in range(14):
        with rdlake.connect(lake.root, number + 1) as connection:
            assert connection.sql("SELECT ic FROM loop_catalog").fetchall() == [(number / 100,)]
    assert verify(lake, deep=True).whole
    assert Library(lake).publish().outcome == "nothing new"
