"""Publishing: all or nothing, numbered without gaps, nothing when nothing is new."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from rdlake.catalog import publish as publishing
from rdlake.catalog.checks import Broken, EarlierProof, run_checks
from rdlake.catalog.contract import CONTRACT_VERSION, current_checks
from rdlake.catalog.diff import diff
from rdlake.catalog.pinning import Pinned, pin_tables
from rdlake.catalog.publish import publish, release, rollback
from rdlake.catalog.verify import verify
from rdlake.catalog.version import Version, history, newest
from rdlake.errors import (
    BadInput,
    CheckFailed,
    DamagedLake,
    ExitCode,
    StorageFailed,
    UnknownVersion,
)
from rdlake.schema.tables import TABLES, table
from rdlake.store.delta import create_table
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.builders import make_workspace, write_metrics
from tests.catalog.published import (
    IDS,
    NEW,
    Published,
    batches_of,
    copied,
    replace_rows,
    rows_in_table,
)
from tests.catalog.views import CONTENT, rows_in, rows_of
from tests.marks import slow

A, B, C = IDS


def state(lake: Lake) -> dict[str, tuple[int, int]]:
    """Every file of the lake with its size and time, but for rows of views that were worked out for
    a publication that was refused: the next one uses them, or upkeep removes them."""
    return {
        str(path.relative_to(lake.root)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in lake.root.rglob("*")
        if path.is_file() and path.parent.name != "data"
    }


def current(lake: Lake) -> int:
    """The version that catalog.duckdb shows."""
    (row,) = rows_in(lake.root / "catalog.duckdb", lake.root, ["catalog_info"])["catalog_info"]
    return int(row[2])


def numbers(lake: Lake) -> list[int]:
    return [version.catalog_version for version in history(lake)]


def drafts(lake: Lake) -> list[Path]:
    return [path for path in lake.root.rglob(".*") if path.is_file()]


def spoil(lake: Lake) -> None:
    """A row that breaks a promise."""
    first, *rest = rows_in_table(lake, "equity_curves", A)
    replace_rows(lake, "equity_curves", A, {**first, "drawdown": 0.5}, *rest)


# --- one version after another -----------------------------------------------------------


def test_the_first_version_shows_what_was_ingested(template: Published) -> None:
    (version,) = history(template.lake)
    rows = rows_of(template.lake, 1)
    assert (version.catalog_version, version.previous_digest) == (1, None)
    assert version.contract_version == CONTRACT_VERSION
    assert version.lake_id == template.lake.lake_id
    assert abs(datetime.now(UTC).replace(tzinfo=None) - version.published_at) < timedelta(hours=1)
    assert {row[2] for row in rows["loop_catalog"]} == {A, B, C}
    assert len(rows["equity_curve"]) == 40
    assert len(rows["catalog_versions"]) == 1
    assert current(template.lake) == 1


def test_every_table_is_pinned_but_those_about_versions(template: Published) -> None:
    names = [pin.name for pin in newest(template.lake).tables]
    assert names == [entry.name for entry in TABLES if entry.pinned]


def test_an_empty_lake_can_be_published(lake: Lake) -> None:
    assert publish(lake).outcome == "published"
    assert publish(lake).outcome == "nothing new"
    assert rows_of(lake, 1, CONTENT) == {view: [] for view in CONTENT}


def test_nothing_new_writes_nothing(published: Published) -> None:
    published.publish()
    before = state(published.lake)
    report = publish(published.lake, note="again")
    assert (report.outcome, report.version.catalog_version) == ("nothing new", 1)
    published.ingest()
    assert publish(open_store(published.lake.root)).outcome == "nothing new"
    assert state(published.lake) == before


def test_a_table_made_without_rows_is_nothing_new(published: Published) -> None:
    create_table(table("feedback"), published.lake.folder("feedback"), "made by somebody")
    assert published.lake.snapshot("feedback").version == 0
    assert publish(published.lake).outcome == "nothing new"


@pytest.mark.slow
def test_a_change_is_a_new_version(published: Published) -> None:
    published.add(NEW)
    report = publish(published.lake)
    assert (report.outcome, report.version.catalog_version) == ("published", 2)
    assert report.file == published.lake.catalogs_folder / "v000002.duckdb"
    assert report.catalog == published.lake.root / "catalog.duckdb"
    assert current(published.lake) == 2
    assert len(rows_of(published.lake, 2)["loop_catalog"]) == 4
    assert len(rows_of(published.lake, 1)["loop_catalog"]) == 3


def test_versions_follow_each_other_by_digest(template_of_two: Published) -> None:
    first, second = history(template_of_two.lake)
    assert second.previous_digest == first.digest == first.computed_digest()
    assert second.published_at > first.published_at


def test_a_table_that_did_not_move_keeps_its_pin(published: Published) -> None:
    replace_rows(published.lake, "artifacts", "new", {"workspace_id": "new", "path": "a"})
    published.publish()
    first, second = history(published.lake)
    moved = {name for name in first.pins if first.pins[name] != second.pins[name]}
    assert moved == {"artifacts"}


def test_time_goes_on_when_the_clock_went_back(published: Published) -> None:
    first = newest(published.lake)
    ahead = replace(
        first,
        catalog_version=2,
        published_at=datetime(2199, 1, 1),
        previous_digest=first.digest,
    ).with_digest()
    seat = published.lake.snapshot("catalogs").version
    assert seat is not None
    assert published.lake.append_at("catalogs", ahead.frame(), seat)
    third = publish(published.lake, repin=True).version
    assert third.published_at == ahead.published_at + timedelta(microseconds=1)
    assert verify(published.lake).whole


def test_a_note_comes_back_as_it_was_given(published: Published) -> None:
    note = 'it\'s "quoted" -- /* */ ; {{x}}\ntwo\tlines 十一月的实验 ✓ \\ % $1 ?'
    publish(published.lake, note=note, repin=True)
    assert newest(published.lake).note == note
    assert [row[2] for row in rows_of(published.lake, 2)["catalog_versions"]] == [None, note]
    assert verify(published.lake).whole


def test_an_empty_note_is_none(published: Published) -> None:
    assert publish(published.lake, note="", repin=True).version.note is None


def test_a_note_that_is_no_text_is_refused(published: Published) -> None:
    with pytest.raises(BadInput, match="not UTF-8"):
        publish(published.lake, note="caf\udce9", repin=True)
    assert numbers(published.lake) == [1]


# --- catalog.duckdb ----------------------------------------------------------------------


def test_a_deleted_catalog_file_is_made_again(published: Published) -> None:
    (published.lake.root / "catalog.duckdb").unlink()
    (published.lake.catalogs_folder / "v000001.duckdb").unlink()
    assert publish(published.lake).outcome == "nothing new"
    assert current(published.lake) == 1


def test_a_stale_catalog_file_is_replaced(two_versions: Published) -> None:
    lake = two_versions.lake
    shutil.copyfile(lake.catalogs_folder / "v000001.duckdb", lake.root / "catalog.duckdb")
    assert current(lake) == 1
    assert publish(lake).outcome == "nothing new"
    assert current(lake) == 2


@pytest.mark.parametrize("content", [b"", b"mine", b"\0" * 12_288])
def test_a_foreign_catalog_file_is_replaced(published: Published, content: bytes) -> None:
    (published.lake.root / "catalog.duckdb").write_bytes(content)
    assert publish(published.lake).outcome == "nothing new"
    assert current(published.lake) == 1


def test_a_log_that_somebody_left_beside_it_is_not_replayed(
    published: Published, tmp_path: Path
) -> None:
    """Whoever opens the file for writing and dies leaves a log that DuckDB would replay."""
    published.publish()
    leave_a_log(published.lake.root / "catalog.duckdb")
    assert publish(published.lake).outcome == "nothing new"
    assert rows_in(published.lake.root / "catalog.duckdb", published.lake.root) == rows_of(
        published.lake, 1
    )


def leave_a_log(file: Path) -> None:
    program = f"""
import duckdb, os
connection = duckdb.connect({str(file)!r})
connection.execute("SET wal_autocheckpoint = '1GB'")
connection.execute("CREATE OR REPLACE VIEW loop_catalog AS SELECT 42 AS mine")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert file.with_name(file.name + ".wal").exists()


def test_a_folder_in_its_place_is_told(published: Published) -> None:
    (published.lake.root / "catalog.duckdb").unlink()
    (published.lake.root / "catalog.duckdb").mkdir()
    with pytest.raises(StorageFailed, match=r"catalog\.duckdb"):
        publish(published.lake)
    assert not drafts(published.lake)


def test_nothing_is_committed_where_the_file_cannot_be_made(published: Published) -> None:
    shutil.rmtree(published.lake.catalogs_folder)
    published.lake.catalogs_folder.write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageFailed):
        publish(published.lake, repin=True)
    assert numbers(published.lake) == [1]


# --- checks ------------------------------------------------------------------------------


def test_a_broken_promise_blocks(published: Published) -> None:
    spoil(published.lake)
    before = state(published.lake)
    with pytest.raises(CheckFailed) as failed:
        publish(published.lake)
    assert failed.value.exit_code == ExitCode.VERIFICATION_FAILED
    assert "drawdowns" in failed.value.what
    assert A in failed.value.what and "2020-01-01" in failed.value.what
    assert "--allow drawdowns" in failed.value.fix
    assert state(published.lake) == before
    assert current(published.lake) == 1


@pytest.mark.slow
def test_what_is_allowed_by_name_is_published_and_recorded(published: Published) -> None:
    spoil(published.lake)
    version = publish(published.lake, allow=["drawdowns", "drawdowns"]).version
    assert version.allowed_checks == ("drawdowns",)
    last = rows_of(published.lake, 2)["catalog_versions"][-1]
    assert last[6] == ["drawdowns"]
    assert verify(published.lake).whole


def test_allowing_another_check_does_not_help(published: Published) -> None:
    spoil(published.lake)
    with pytest.raises(CheckFailed):
        publish(published.lake, allow=["unique_keys"])


def test_an_unknown_check_is_refused(published: Published) -> None:
    with pytest.raises(BadInput) as refused:
        publish(published.lake, allow=["drawdown", "unique_keys"])
    assert "drawdown" in refused.value.what
    assert all(each.name in refused.value.fix for each in current_checks())


# --- half-done batches -------------------------------------------------------------------


def change(published: Published) -> None:
    """Other metrics, another curve, other factors in workspace A."""
    folder = published.workspaces / A
    shutil.rmtree(folder)
    make_workspace(published.workspaces, A, level=0.005, factors=("OTHER",))


@pytest.mark.slow
@pytest.mark.parametrize("stopped_before", ["loops", *slow("factors", "workspaces")])
def test_a_half_done_batch_blocks_until_it_is_ingested_again(
    published: Published, monkeypatch: pytest.MonkeyPatch, stopped_before: str
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE_SECONDS", 0.1)
    change(published)
    order = [entry.name for entry in TABLES]
    with batches_of(*order[: order.index(stopped_before)]):
        published.ingest()
    with pytest.raises(CheckFailed) as failed:
        publish(published.lake)
    assert "rdlake ingest again" in failed.value.fix
    assert A in failed.value.what
    assert current(published.lake) == 1
    published.ingest()
    assert publish(published.lake).outcome == "published"
    assert [row[-1] for row in rows_of(published.lake, 2)["factor_catalog"]]


@pytest.mark.slow
def test_a_half_done_removal_blocks_with_the_same_word(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE_SECONDS", 0.1)
    (published.workspaces / A / "ret.parquet").unlink()
    order = [entry.name for entry in TABLES]
    with batches_of(*order[: order.index("loops")]):
        published.ingest()
    with pytest.raises(CheckFailed, match="curves_present") as failed:
        publish(published.lake)
    assert "rdlake ingest again" in failed.value.fix


@pytest.mark.slow
def test_a_batch_that_is_completed_meanwhile_is_waited_for(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(published)
    with batches_of("artifacts", "factors", "equity_curves"):
        published.ingest()
    real, looked = run_checks, []

    def then_complete(
        connection: duckdb.DuckDBPyConnection, proof: EarlierProof | None
    ) -> list[Broken]:
        found = real(connection, proof)
        looked.append(len(found))
        if len(looked) == 1:
            published.ingest()
        return found

    monkeypatch.setattr(publishing, "run_checks", then_complete)
    assert publish(published.lake).outcome == "published"
    assert looked == [1, 0]


@pytest.mark.slow
def test_a_slow_batch_is_waited_for_while_it_goes_on(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE_SECONDS", 0.4)
    change(published)
    with batches_of("artifacts", "factors"):
        published.ingest()
    real, looked = run_checks, []

    def then_go_on(
        connection: duckdb.DuckDBPyConnection, proof: EarlierProof | None
    ) -> list[Broken]:
        looked.append(connection)
        time.sleep(0.25)
        other = f"more {len(looked)}"
        replace_rows(published.lake, "artifacts", other, {"workspace_id": other, "path": "a"})
        if len(looked) == 4:
            published.ingest()
        return real(connection, proof)

    monkeypatch.setattr(publishing, "run_checks", then_go_on)
    assert publish(published.lake).outcome == "published"
    assert len(looked) == 5


# --- rollback ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template_rolled_back(
    template: Published, tmp_path_factory: pytest.TempPathFactory
) -> Published:
    """Version 2 changed, added and removed something; version 3 is version 1 again."""
    made = copied(template, tmp_path_factory.mktemp("rolled_back"))
    change(made)
    (made.workspaces / B / "ret.parquet").unlink()
    made.add(NEW)
    assert made.publish() == 2
    report = rollback(made.lake, 1)
    assert (report.outcome, report.version.catalog_version) == ("published", 3)
    return made


@pytest.fixture
def rolled_back(template_rolled_back: Published, tmp_path: Path) -> Published:
    return copied(template_rolled_back, tmp_path)


def test_a_rollback_gives_every_row_of_every_view_back(template_rolled_back: Published) -> None:
    lake = template_rolled_back.lake
    assert rows_of(lake, 2, CONTENT) != rows_of(lake, 1, CONTENT)
    assert rows_of(lake, 3, CONTENT) == rows_of(lake, 1, CONTENT)
    assert current(lake) == 3
    assert {view.view for view in diff(lake, 1, 3)} == {"ingest_report"}


def test_operations_are_not_rolled_back(template_rolled_back: Published) -> None:
    lake = template_rolled_back.lake
    assert rows_of(lake, 3)["ingest_report"] == rows_of(lake, 2)["ingest_report"]
    assert [row[0] for row in rows_of(lake, 3)["catalog_versions"]] == [1, 2, 3]
    assert rows_of(lake, 3)["catalog_info"][0][-1] == 1


def test_a_rollback_holds_publishing(rolled_back: Published) -> None:
    rolled_back.add("e" * 32)
    before = state(rolled_back.lake)
    for repin in (False, True):
        report = publish(rolled_back.lake, repin=repin)
        assert (report.outcome, report.version.catalog_version) == ("held", 3)
    assert state(rolled_back.lake) == before


def test_rolling_back_again_writes_nothing(rolled_back: Published) -> None:
    before = state(rolled_back.lake)
    report = rollback(rolled_back.lake, 1)
    assert (report.outcome, report.version.catalog_version) == ("nothing new", 3)
    assert state(rolled_back.lake) == before
    assert rollback(rolled_back.lake, 2).version.catalog_version == 4


@pytest.mark.slow
def test_a_release_publishes_the_newest_rows(rolled_back: Published) -> None:
    lake = rolled_back.lake
    report = release(lake)
    assert (report.outcome, report.version.note) == ("published", "released")
    assert rows_of(lake, 4, CONTENT) == rows_of(lake, 2, CONTENT)
    assert publish(lake).outcome == "nothing new"
    assert verify(lake, deep=True).whole


@pytest.mark.slow
def test_a_release_ends_a_hold_at_the_newest_rows_too(published: Published) -> None:
    rollback(published.lake, 1)
    assert publish(published.lake).outcome == "held"
    assert release(published.lake, note="enough").version.note == "enough"
    published.add(NEW)
    assert publish(published.lake).outcome == "published"


@pytest.mark.slow
def test_a_release_without_a_hold_is_a_publish(published: Published) -> None:
    assert release(published.lake).outcome == "nothing new"
    published.add(NEW)
    assert release(published.lake).version.note is None


def test_a_rollback_tells_what_had_been_allowed(published: Published) -> None:
    spoil(published.lake)
    publish(published.lake, allow=["drawdowns"])
    version = rollback(published.lake, 2, note="as it was").version
    assert (version.allowed_checks, version.note) == (("drawdowns",), "as it was")


def test_an_unknown_version_cannot_be_rolled_back_to(published: Published) -> None:
    for number in (0, 2, -1):
        with pytest.raises(UnknownVersion):
            rollback(published.lake, number)
    assert numbers(published.lake) == [1]


# --- compaction --------------------------------------------------------------------------


def test_compaction_is_nothing_new(two_versions: Published) -> None:
    lake = two_versions.lake
    files = lake.snapshot("equity_curves").files
    assert [lake.compact(name) for name in ("equity_curves", "loops")] == [True, True]
    assert len(files) > len(lake.snapshot("equity_curves").files) == 1
    assert publish(lake).outcome == "nothing new"
    assert numbers(lake) == [1, 2]


def test_repin_publishes_the_compacted_files(two_versions: Published) -> None:
    lake = two_versions.lake
    lake.compact("equity_curves")
    version = publish(lake, repin=True).version
    before = history(lake)[1].pins["equity_curves"]
    assert version.pins["equity_curves"].file_list != before.file_list
    assert rows_of(lake, 3, CONTENT) == rows_of(lake, 2, CONTENT)
    assert verify(lake, deep=True).whole


@pytest.mark.slow
def test_a_change_after_compaction_is_new(published: Published) -> None:
    published.lake.compact("loops")
    published.add(NEW)
    assert publish(published.lake).outcome == "published"
    assert {view.view for view in diff(published.lake, 1, 2)} >= {"loop_catalog"}


# --- damage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("gone", "pins a file that is gone"),
        ("cut", "pins a file that is not whole"),
        ("overwritten", "cannot be read"),
    ],
)
def test_a_damaged_data_file_is_named_and_nothing_published(
    published: Published, damage: str, reason: str
) -> None:
    file = next(published.lake.folder("equity_curves").glob("*.parquet"))
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-9] if damage == "cut" else b"\0" * len(content))
    with pytest.raises(DamagedLake, match=reason) as damaged:
        publish(published.lake, repin=True)
    assert file.name in str(damaged.value)
    assert "verify" in damaged.value.fix
    assert numbers(published.lake) == [1]
    assert not drafts(published.lake)


# --- many at once ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_publisher_that_loses_the_race_tries_again(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looked = run_checks, []

    def overtaken(
        connection: duckdb.DuckDBPyConnection, proof: EarlierProof | None
    ) -> list[Broken]:
        looked.append(connection)
        if len(looked) == 1:
            publish(open_store(published.lake.root), note="faster", repin=True)
        return real(connection, proof)

    monkeypatch.setattr(publishing, "run_checks", overtaken)
    report = publish(published.lake, note="slower", repin=True)
    assert report.version.catalog_version == 3
    assert [version.note for version in history(published.lake)] == [None, "faster", "slower"]
    assert current(published.lake) == 3
    assert verify(published.lake).whole
    assert not drafts(published.lake)


def test_a_rollback_that_loses_the_race_tries_again(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = pin_tables, []

    def overtaken(lake: Lake, last: Version | None) -> Pinned:
        pinned = real(lake, last)
        asked.append(lake)
        if len(asked) == 1:
            publish(open_store(published.lake.root), repin=True)
        return pinned

    monkeypatch.setattr(publishing, "pin_tables", overtaken)
    assert rollback(published.lake, 1).version.catalog_version == 3
    assert numbers(published.lake) == [1, 2, 3]


def publish_often(root: Path, times: int) -> list[int]:
    """Run in a process of its own: the numbers that it published."""
    lake = open_store(root)
    reports = [publish(lake, repin=True) for _ in range(times)]
    assert {report.outcome for report in reports} == {"published"}
    return [report.version.catalog_version for report in reports]


def ingest_until_done(made: Published, work: Sequence[Future[list[int]]]) -> int:
    """One changed and one added workspace after the other, as long as others publish."""
    changes = 0
    while not all(each.done() for each in work):
        write_metrics(made.workspaces / A, {"IC": changes / 1000 + 0.5})
        made.add(f"{changes:032x}")
        changes += 1
        time.sleep(0.3)
    return changes


def publish_at_once(made: Published, publishers: int, times: int) -> None:
    """Publishers and one writer at work together leave a chain without gap or doubled number."""
    root, context = made.lake.root, multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(publishers, mp_context=context) as pool:
        work = [pool.submit(publish_often, root, times) for _ in range(publishers)]
        changes = ingest_until_done(made, work)
        given = sorted(number for each in work for number in each.result())
    lake = open_store(root)
    assert given == list(range(2, publishers * times + 2))
    assert numbers(lake) == [1, *given]
    assert current(lake) == max(given)
    assert verify(lake).whole
    assert not drafts(lake)
    publish(lake)
    assert len(rows_of(lake, newest(lake).catalog_version)["loop_catalog"]) == 3 + changes
    assert current(lake) == newest(lake).catalog_version


@pytest.mark.slow
def test_publishers_at_once_leave_no_gap(published: Published) -> None:
    publish_at_once(published, publishers=2, times=1)


@pytest.mark.guards
def test_many_publishers_at_once_leave_no_gap(published: Published) -> None:
    publish_at_once(published, publishers=8, times=5)
