"""Upkeep: fewer files and less disk, and every published version answers as before."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

import rdlake
from rdlake.catalog.publish import publish
from rdlake.catalog.time_travel import file_of
from rdlake.catalog.verify import verify
from rdlake.errors import DamagedLake, UnknownVersion
from rdlake.library import Library
from rdlake.operations.maintain import (
    FILES_WORTH_COMPACTING,
    MaintainReport,
    TableUpkeep,
    maintain,
)
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace, write_metrics
from tests.lake_rows import DAYS, batch, commit, listing, marks, nothing, owners, versions

HOURS = 3600


def of(report: MaintainReport, name: str) -> TableUpkeep:
    (found,) = [each for each in report.tables if each.table == name]
    return found


def files_of(lake: Lake, name: str) -> set[str]:
    return {path.name for path in lake.folder(name).glob("*.parquet")}


def needed(lake: Lake, name: str) -> set[str]:
    return {path for path, _, _ in lake.snapshot(name).files}


@pytest.fixture(scope="module")
def scattered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = init_store(tmp_path_factory.mktemp("scattered") / "lake")
    for number in reversed(range(FILES_WORTH_COMPACTING)):
        commit(lake, f"{number:032x}", mark=number)
    return lake.root


@pytest.fixture
def scattered(scattered_once: Path, tmp_path: Path) -> Lake:
    """A lake of as many files a table as are worth compacting, out of order."""
    return open_store(shutil.copytree(scattered_once, tmp_path / "scattered"))


def grown_old(path: Path, hours: float) -> Path:
    then = time.time() - hours * HOURS
    os.utime(path, (then, then))
    return path


# --- compaction ------------------------------------------------------------------------------


@pytest.mark.slow
def test_compaction_changes_no_row(scattered: Lake) -> None:
    before = {name: scattered.read(name).sort(pl.all().cast(pl.String)) for name in batch()}
    told = marks(scattered)
    report = maintain(scattered)
    for name, frame in before.items():
        assert of(report, name).compacted
        assert len(scattered.snapshot(name).files) == 1
        assert scattered.read(name).sort(pl.all().cast(pl.String)).equals(frame)
    assert marks(open_store(scattered.root)) == told


def test_compacted_rows_are_sorted_by_the_first_column_of_the_key(scattered: Lake) -> None:
    assert not scattered.read("equity_curves")["workspace_id"].is_sorted()
    maintain(scattered)
    assert scattered.read("equity_curves")["workspace_id"].is_sorted()
    assert scattered.read("ingests")["batch_id"].is_sorted()


def test_days_of_a_workspace_stay_together_and_in_order(scattered: Lake) -> None:
    maintain(scattered)
    frame = scattered.read("equity_curves", ["workspace_id", "date"])
    assert frame.equals(frame.sort("workspace_id", "date"))
    assert frame["date"].to_list()[:DAYS] == [date(2020, 1, 1) + timedelta(n) for n in range(DAYS)]


def test_few_files_are_left_alone(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    before = versions(lake)
    assert not any(each.compacted for each in maintain(lake).tables)
    assert versions(lake) == before


@pytest.mark.slow
def test_the_second_upkeep_finds_nothing_to_do(scattered: Lake) -> None:
    maintain(scattered)
    before = listing(scattered.root)
    report = maintain(scattered)
    assert not any(each.compacted or each.removed for each in report.tables)
    assert (report.bytes_freed, report.catalog_files_pruned) == (0, ())
    assert listing(scattered.root) == before


def test_a_compacted_table_is_written_to_as_before(scattered: Lake) -> None:
    maintain(scattered)
    commit(scattered, f"{3:032x}", "new", mark=77)
    found = marks(scattered)["equity_curves"]
    assert (found[f"{3:032x}"], found["new"], found[f"{4:032x}"]) == ("77", "77", "4")


def rival_adds(rival: Lake) -> None:
    commit(rival, "rival", mark=77)


def rival_replaces(rival: Lake) -> None:
    commit(rival, f"{3:032x}", mark=77)


def rival_removes(rival: Lake) -> None:
    rival.commit(nothing(), owners(f"{3:032x}"))


def rival_compacts(rival: Lake) -> None:
    assert rival.compact("feedback")


@pytest.mark.slow
@pytest.mark.parametrize("rival", [rival_adds, rival_replaces, rival_removes, rival_compacts])
def test_a_compaction_that_was_overtaken_changes_nothing(
    scattered: Lake, monkeypatch: pytest.MonkeyPatch, rival: Callable[[Lake], None]
) -> None:
    swap = Lake._swap
    told: list[dict[str, str]] = []

    def overtaken(self: Lake, *arguments: object, **changed: object) -> object:
        monkeypatch.setattr(Lake, "_swap", swap)
        rival(open_store(scattered.root))
        told.append(marks(open_store(scattered.root))["feedback"])
        return swap(self, *arguments, **changed)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "_swap", overtaken)
    assert not scattered.compact("feedback")
    assert [marks(scattered)["feedback"]] == told
    scattered.compact("feedback")
    assert [marks(scattered)["feedback"]] == told


def test_full_files_are_not_rewritten(scattered: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    told = marks(scattered)["loops"]
    size = max(size for _, size, _ in scattered.snapshot("loops").files)
    monkeypatch.setattr("rdlake.store.data_files.FULL_FILE", 1)
    assert not scattered.compact("loops")
    monkeypatch.setattr("rdlake.store.data_files.FULL_FILE", 2 * size + 1)
    assert scattered.compact("loops")
    assert 1 < len(needed(scattered, "loops")) < FILES_WORTH_COMPACTING
    assert marks(scattered)["loops"] == told


# --- removal ---------------------------------------------------------------------------------


def test_files_that_nothing_needs_are_removed_once_they_are_old(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    (old,) = needed(lake, "feedback")
    commit(lake, "a", mark=2)
    assert not of(maintain(lake), "feedback").removed
    size = (lake.folder("feedback") / old).stat().st_size
    report = of(maintain(lake, older_than_hours=0), "feedback")
    assert (report.removed, report.bytes_freed) == ((old,), size)
    assert files_of(lake, "feedback") == needed(lake, "feedback")
    assert marks(lake)["feedback"] == {"a": "2"}


def orphan(lake: Lake, name: str, hours: float) -> Path:
    """What a writer leaves that was stopped before its commit, or is still at work."""
    file = lake.folder(name) / f"part-00000-{uuid4()}-c000.snappy.parquet"
    file.write_bytes(b"half")
    return grown_old(file, hours)


def test_old_orphans_are_removed_and_fresh_ones_stay(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    old, fresh = orphan(lake, "loops", 30), orphan(lake, "loops", 2)
    report = maintain(lake)
    assert of(report, "loops").removed == (old.name,)
    assert report.bytes_freed == 4
    assert fresh.exists()
    assert not old.exists()


def test_nothing_but_data_files_of_tables_is_removed(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    kept = [
        lake.root / "notes.txt",
        lake.root / ".env",
        lake.root / "torn" / "x" / "feedback" / "00000000000000000002.json",
        lake.catalogs_folder / ".gitkeep",
    ]
    for file in kept:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("keep", encoding="utf-8")
        grown_old(file, 900)
    log = {path for path in listing(lake.root) if "_delta_log" in path}
    for path in log:
        grown_old(lake.root / path, 900)
    maintain(lake, older_than_hours=0)
    assert all(file.exists() for file in kept)
    assert log <= listing(lake.root).keys()


def test_a_dry_run_tells_the_same_and_changes_nothing(scattered: Lake) -> None:
    commit(scattered, f"{0:032x}", mark=99)
    orphan(scattered, "loops", 30)
    before = listing(scattered.root)
    told = maintain(scattered, dry_run=True, older_than_hours=0)
    assert told.dry_run
    assert listing(scattered.root) == before
    done = maintain(scattered, older_than_hours=0)
    for name in batch():
        assert of(told, name).compacted == of(done, name).compacted
        assert set(of(told, name).removed) <= set(of(done, name).removed)
    assert of(told, "loops").removed


# --- published versions ----------------------------------------------------------------------

ANSWER = "SELECT workspace_id, ic FROM loop_catalog ORDER BY ALL"


def answer(root: Path, version: int | None = None) -> list[tuple[object, ...]]:
    with rdlake.connect(root, version) as connection:
        return connection.execute(ANSWER).fetchall()


@pytest.fixture(scope="module")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    lake = init_store(folder / "lake")
    for ic, name in ((0.1, "a"), (0.2, "b"), (0.3, "c")):
        make_workspace(folder / "workspaces", name * 32)
        Library(lake).ingest(folder / "workspaces")
        write_metrics(folder / "workspaces" / ("a" * 32), {"IC": ic})
        Library(lake).ingest(folder / "workspaces")
        Library(lake).publish()
    return folder


@pytest.fixture
def workspaces(published_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published_once / "workspaces", tmp_path / "workspaces"))


@pytest.fixture
def published(published_once: Path, tmp_path: Path) -> Lake:
    """A lake of three versions; each has one workspace more and another IC of the first."""
    return open_store(shutil.copytree(published_once / "lake", tmp_path / "lake"))


def compact_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rdlake.operations.maintain.FILES_WORTH_COMPACTING", 2)


@pytest.mark.slow
def test_files_that_a_published_version_pins_stay(
    published: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact_all(monkeypatch)
    expected = {number: answer(published.root, number) for number in (1, 2, 3)}
    assert len(set(map(str, expected.values()))) == 3
    pinned = needed(published, "loops")
    report = maintain(published, older_than_hours=0)
    assert of(report, "loops").compacted
    assert len(needed(published, "loops") - pinned) == 1
    assert pinned <= files_of(published, "loops")
    for number, rows_then in expected.items():
        assert answer(published.root, number) == rows_then
    assert verify(published, deep=True).whole


@pytest.mark.slow
def test_after_compaction_nothing_is_new_and_the_catalog_stays(
    published: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact_all(monkeypatch)
    catalog = (published.root / "catalog.duckdb").read_bytes()
    assert any(each.compacted for each in maintain(published).tables)
    report = Library(published).publish()
    assert (report.outcome, report.version.catalog_version) == ("nothing new", 3)
    assert (published.root / "catalog.duckdb").read_bytes() == catalog
    assert answer(published.root)[0] == ("a" * 32, 0.3)


def told(connection: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    return sorted(map(str, connection.execute(f"FROM {view}").fetchall()))


def test_what_was_compacted_can_be_pinned_and_tells_the_same(
    published: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact_all(monkeypatch)
    views = ("loop_catalog", "equity_curve", "factor_catalog", "ingest_report", "artifact_list")
    with rdlake.connect(published.root) as connection:
        before = {view: told(connection, view) for view in views}
    maintain(published)
    assert publish(published, repin=True).version.catalog_version == 4
    with rdlake.connect(published.root, 4) as connection:
        assert {view: told(connection, view) for view in views} == before


@pytest.mark.slow
def test_publishing_goes_on_after_upkeep(
    published: Lake, workspaces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact_all(monkeypatch)
    maintain(published, older_than_hours=0)
    write_metrics(workspaces / ("a" * 32), {"IC": 0.4})
    Library(published).ingest(workspaces)
    assert Library(published).publish().version.catalog_version == 4
    told = [answer(published.root, number)[0][1] for number in (1, 2, 3, 4)]
    assert told == [0.1, 0.2, 0.3, 0.4]
    assert verify(published, deep=True).whole


def test_what_was_published_and_never_referred_to_again_is_found_by_its_list(
    published: Lake,
) -> None:
    published.commit(nothing(), owners("a" * 32, "b" * 32, "c" * 32))
    maintain(published, older_than_hours=0)
    assert not needed(published, "loops")
    assert len(answer(published.root, 2)) == 2


def test_nothing_is_removed_while_a_list_of_pinned_files_is_missing(published: Lake) -> None:
    published.commit(nothing(), owners("a" * 32, "b" * 32, "c" * 32))
    DeltaTable(str(published.folder("file_lists"))).delete("table = 'loops'")
    before = listing(published.root)
    with pytest.raises(DamagedLake, match="list of files"):
        maintain(published, older_than_hours=0)
    assert listing(published.root) == before


@pytest.mark.slow
def test_catalog_files_beyond_the_kept_number_are_pruned_and_made_again(
    published: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdlake.operations.maintain.CATALOG_FILES_KEPT", 1)
    expected = {number: answer(published.root, number) for number in (1, 2, 3)}
    report = maintain(published)
    assert report.catalog_files_pruned == ("v000001.duckdb", "v000002.duckdb")
    assert [path.name for path in published.catalogs_folder.glob("*.duckdb")] == ["v000003.duckdb"]
    for number, rows_then in expected.items():
        assert answer(published.root, number) == rows_then
    assert file_of(published, 1).is_file()
    with pytest.raises(UnknownVersion):
        file_of(published, 4)


def test_drafts_that_a_stopped_publisher_left_are_pruned_once_they_are_old(lake: Lake) -> None:
    names = [f".{uuid4().hex}.duckdb", f".{uuid4().hex}.duckdb.wal"]
    old = [lake.root / names[0], *(lake.catalogs_folder / name for name in names)]
    fresh = lake.catalogs_folder / f".{uuid4().hex}.duckdb"
    for path in (*old, fresh):
        path.write_bytes(b"half")
        grown_old(path, 1 if path == fresh else 30)
    report = maintain(lake)
    assert sorted(report.catalog_files_pruned) == sorted(path.name for path in old)
    assert fresh.exists()
    assert not any(path.exists() for path in old)


def test_an_empty_lake_needs_no_upkeep(lake: Lake) -> None:
    before = listing(lake.root)
    report = maintain(lake)
    assert [each.table for each in report.tables] == ["catalogs"]
    assert listing(lake.root) == before


def test_what_delta_rs_was_writing_when_it_was_stopped_is_removed_in_time(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    folder = lake.folder("loops")
    old, fresh = folder / "part-0.parquet#1", folder / "part-1.parquet#1"
    for file in (old, fresh):
        file.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert "part-0.parquet#1" in of(maintain(lake), "loops").removed
    assert not old.exists()
    assert fresh.exists()
