"""The doctor: what is torn is named, moved aside and never deleted; the version before opens."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable

from rdlake.errors import DamagedLake, NoLake
from rdlake.library import Library
from rdlake.operations.doctor import examine, repair
from rdlake.store.delta_log import LAST_CHECKPOINT, commit_entry, entry_path, log_folder
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.lake_rows import commit, listing, marks, owners, rows

Damage = Callable[[Path, int], Path]
Marked = Callable[[int], Lake]


def empty_entry(folder: Path, newest: int) -> Path:
    entry_path(folder, newest).write_bytes(b"")
    return entry_path(folder, newest)


def half_entry(folder: Path, newest: int) -> Path:
    entry = entry_path(folder, newest)
    entry.write_bytes(entry.read_bytes()[:-40])
    return entry


def newest_file(folder: Path, newest: int) -> Path:
    ((path, _, _),) = commit_entry(folder, newest).added
    return folder / path


def missing_file(folder: Path, newest: int) -> Path:
    newest_file(folder, newest).unlink()
    return entry_path(folder, newest)


def half_file(folder: Path, newest: int) -> Path:
    file = newest_file(folder, newest)
    file.write_bytes(file.read_bytes()[:-40])
    return entry_path(folder, newest)


def older_entry(folder: Path, newest: int) -> Path:
    shutil.copy(entry_path(folder, newest - 1), entry_path(folder, newest))
    return entry_path(folder, newest)


def empty_checkpoint(folder: Path, newest: int) -> Path:
    checkpoint = max(log_folder(folder).glob("*.checkpoint.parquet"))
    checkpoint.write_bytes(b"")
    return checkpoint


def half_checkpoint(folder: Path, newest: int) -> Path:
    checkpoint = max(log_folder(folder).glob("*.checkpoint.parquet"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:-40])
    return checkpoint


def checkpoint_of_hole(folder: Path, newest: int) -> Path:
    """Both ends are there, the middle is not."""
    checkpoint = max(log_folder(folder).glob("*.checkpoint.parquet"))
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[:4] + bytes(len(content) - 12) + content[-8:])
    return checkpoint


def older_checkpoint(folder: Path, newest: int) -> Path:
    """That of an older version lies under the newest number."""
    checkpoint = max(log_folder(folder).glob("*.checkpoint.parquet"))
    pointer = (log_folder(folder) / LAST_CHECKPOINT).read_bytes()
    DeltaTable(str(folder), version=3).create_checkpoint()
    checkpoint_path(folder, 3).replace(checkpoint)
    (log_folder(folder) / LAST_CHECKPOINT).write_bytes(pointer)
    return checkpoint


def swapped_checkpoints(folder: Path, newest: int) -> Path:
    DeltaTable(str(folder), version=3).create_checkpoint()
    newer, older = (
        max(log_folder(folder).glob("*.checkpoint.parquet")),
        checkpoint_path(folder, 3),
    )
    (log_folder(folder) / LAST_CHECKPOINT).unlink()
    swap(newer, older)
    return newer


def missing_checkpoint(folder: Path, newest: int) -> Path:
    max(log_folder(folder).glob("*.checkpoint.parquet")).unlink()
    return log_folder(folder) / LAST_CHECKPOINT


def checkpoint_path(folder: Path, version: int) -> Path:
    return log_folder(folder) / f"{version:020d}.checkpoint.parquet"


def swap(one: Path, other: Path) -> None:
    passing = one.with_name("passing")
    one.rename(passing)
    other.rename(one)
    passing.rename(other)


def empty_pointer(folder: Path, newest: int) -> Path:
    (log_folder(folder) / LAST_CHECKPOINT).write_bytes(b"")
    return log_folder(folder) / LAST_CHECKPOINT


def broken_pointer(folder: Path, newest: int) -> Path:
    (log_folder(folder) / LAST_CHECKPOINT).write_bytes(b'{"version":')
    return log_folder(folder) / LAST_CHECKPOINT


LAST_COMMIT_IS_LOST: list[Damage] = [
    empty_entry,
    half_entry,
    older_entry,
    missing_file,
    half_file,
]
NOTHING_IS_LOST: list[Damage] = [
    empty_checkpoint,
    half_checkpoint,
    checkpoint_of_hole,
    older_checkpoint,
    swapped_checkpoints,
    missing_checkpoint,
    empty_pointer,
    broken_pointer,
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Lakes of so many commits to `feedback`, which tell their version, and one to `loops`."""
    lake = init_store(tmp_path_factory.mktemp("made") / "lake")
    lake.commit({"loops": rows("other", task_run_id="run", loop_id=0)}, owners("other"))
    found = {}
    for mark in range(1, 13):
        lake.commit({"feedback": rows("a", hypothesis=str(mark))}, owners("a"))
        if mark in (1, 2, 9, 10, 12):
            found[mark] = lake.root.with_name(str(mark))
            shutil.copytree(lake.root, found[mark])
    return found


@pytest.fixture
def marked(made: dict[int, Path], tmp_path: Path) -> Marked:
    """A lake of so many commits of its own."""
    return lambda newest: open_store(shutil.copytree(made[newest], tmp_path / "marked"))


def newest_mark(lake: Lake) -> str:
    lake = open_store(lake.root)
    return str(lake.read("feedback", ["hypothesis"]).item())


def contents(root: Path) -> Counter[str]:
    return Counter(listing(root).values())


@pytest.mark.parametrize("newest", [1, 9, 10, 12])
@pytest.mark.parametrize("damage", LAST_COMMIT_IS_LOST)
def test_a_torn_commit_is_moved_aside_and_the_version_before_opens(
    marked: Marked, damage: Damage, newest: int
) -> None:
    lake = marked(newest)
    torn = damage(lake.folder("feedback"), newest)
    before = contents(lake.root)
    with pytest.raises(DamagedLake) as error:
        open_store(lake.root)
    assert error.value.where == str(torn)
    moved = repair(lake.root)
    assert torn.name in {Path(path).name for path in moved}
    assert contents(lake.root) == before
    assert not torn.exists()
    lake = open_store(lake.root)
    before_that = [(str(newest - 1),)] if newest > 1 else []
    assert lake.read("feedback", ["hypothesis"]).rows() == before_that
    assert lake.read("loops").height == 1


@pytest.mark.parametrize("newest", [9, 12])
@pytest.mark.parametrize("damage", NOTHING_IS_LOST)
def test_a_torn_checkpoint_is_moved_aside_and_no_row_is_lost(
    marked: Marked, damage: Damage, newest: int
) -> None:
    lake = marked(newest)
    torn = damage(lake.folder("feedback"), newest)
    before = contents(lake.root)
    with pytest.raises(DamagedLake) as error:
        open_store(lake.root)
    assert error.value.where == str(torn)
    repair(lake.root)
    assert contents(lake.root) == before
    assert newest_mark(lake) == str(newest)


@pytest.mark.parametrize("older", [7, 8, 9, 10, 11])
def test_of_entries_that_changed_places_the_log_goes_back_before_the_first(
    marked: Marked, older: int
) -> None:
    folder = marked(12).folder("feedback")
    swap(entry_path(folder, older), entry_path(folder, older + 1))
    covered = older < 8  # by the checkpoint: nobody reads that entry
    before = contents(folder.parent.parent)
    assert examine(folder.parent.parent).whole is covered
    repair(folder.parent.parent)
    assert contents(folder.parent.parent) == before
    assert newest_mark(open_store(folder.parent.parent)) == str(12 if covered else older - 1)


@pytest.mark.parametrize("lost", [10, 11])
def test_after_a_missing_entry_the_log_ends(marked: Marked, lost: int) -> None:
    lake = marked(12)
    entry_path(lake.folder("feedback"), lost).unlink()
    with pytest.raises(DamagedLake, match=f"log entry {lost} before it is missing"):
        open_store(lake.root)
    repair(lake.root)
    assert newest_mark(lake) == str(lost - 1)


def test_a_damaged_entry_in_the_middle_is_found_by_the_doctor(marked: Marked) -> None:
    lake = marked(12)
    torn = empty_entry(lake.folder("feedback"), 11)
    assert examine(lake.root).faults[0].file == str(torn)
    repair(lake.root)
    assert newest_mark(lake) == "10"


@pytest.mark.parametrize("pointer", [None, b'{"version":3,"size":4}'])
def test_a_pointer_that_is_gone_or_older_harms_nobody(
    marked: Marked, pointer: bytes | None
) -> None:
    lake = marked(12)
    path = log_folder(lake.folder("feedback")) / LAST_CHECKPOINT
    DeltaTable(str(lake.folder("feedback")), version=3).create_checkpoint()
    path.unlink()
    if pointer:
        path.write_bytes(pointer)
    assert examine(lake.root).whole
    assert newest_mark(lake) == "12"


def test_a_log_that_leads_nowhere_without_its_checkpoint_is_refused(marked: Marked) -> None:
    lake = marked(12)
    folder = lake.folder("feedback")
    for version in range(9):
        entry_path(folder, version).unlink()
    assert newest_mark(lake) == "12"
    torn = empty_checkpoint(folder, 12)
    before = listing(lake.root)
    with pytest.raises(DamagedLake, match="not whole") as error:
        repair(lake.root)
    assert error.value.where == str(torn)
    assert "from a copy of the lake" in error.value.fix
    assert listing(lake.root) == before
    assert [fault.fix for fault in examine(lake.root).faults] == [error.value.fix]


@pytest.mark.parametrize("newest", [1, 9])
def test_a_repaired_lake_takes_the_batch_again(marked: Marked, newest: int) -> None:
    lake = marked(newest)
    half_file(lake.folder("feedback"), newest)
    repair(lake.root)
    lake = open_store(lake.root)
    for mark in range(newest, newest + 3):
        lake.commit({"feedback": rows("a", hypothesis=str(mark))}, owners("a"))
        assert newest_mark(lake) == str(mark)


def test_a_table_whose_first_entry_is_torn_is_as_if_it_was_never_made(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    entry_path(lake.folder("feedback"), 1).unlink()
    empty_entry(lake.folder("feedback"), 0)
    repair(lake.root)
    lake = open_store(lake.root)
    assert lake.read("feedback").is_empty()
    commit(lake, "a", mark=2)
    assert marks(open_store(lake.root))["feedback"] == {"a": "2"}


def test_a_lake_whose_making_was_torn_is_no_lake_and_can_be_made(lake: Lake) -> None:
    empty_entry(lake.folder("catalogs"), 0)
    repair(lake.root)
    with pytest.raises(NoLake):
        open_store(lake.root)
    commit(init_store(lake.root), "a", mark=1)


def test_several_torn_tables_are_all_mended_at_once(lake: Lake) -> None:
    for mark in (1, 2):
        commit(lake, "a", mark=mark)
    for name in ("feedback", "equity_curves", "loops"):
        empty_entry(lake.folder(name), 2)
    assert len(examine(lake.root).faults) == 3
    assert len(repair(lake.root)) == 3
    assert examine(lake.root).whole
    assert {found["a"] for found in marks(open_store(lake.root)).values()} == {"1"}


def test_what_is_moved_aside_lies_by_table_under_torn(marked: Marked) -> None:
    lake = marked(2)
    half_entry(lake.folder("feedback"), 2)
    ((moved),) = repair(lake.root)
    assert Path(moved).is_file()
    assert Path(moved).relative_to(lake.root).parts[0] == "torn"
    assert Path(moved).parent.name == "feedback"


def test_a_whole_lake_is_left_as_it_is(marked: Marked) -> None:
    lake = marked(10)
    before = listing(lake.root)
    assert repair(lake.root) == []
    assert listing(lake.root) == before


@pytest.mark.slow
def test_a_whole_lake_shows_its_id_tables_and_newest_version(lake: Lake, workspaces: Path) -> None:
    health = examine(lake.root)
    assert (health.whole, health.tables, health.catalog_version) == (True, 1, None)
    assert "nothing published" in health.summary
    lake = open_store(lake.root)
    Library(lake).ingest(workspaces)
    Library(lake).publish()
    health = examine(lake.root)
    assert (health.lake_id, health.catalog_version) == (lake.lake_id, 1)
    assert "version 1 published" in health.summary


@pytest.mark.parametrize("damage", [*LAST_COMMIT_IS_LOST, *NOTHING_IS_LOST])
def test_a_torn_lake_shows_each_file_with_reason_and_fix(marked: Marked, damage: Damage) -> None:
    lake = marked(10)
    torn = damage(lake.folder("feedback"), 10)
    health = examine(lake.root)
    (fault,) = health.faults
    assert fault.file == str(torn)
    assert fault.reason
    assert "rdlake doctor --repair" in fault.fix
    assert not health.whole
    assert "1 file" in health.summary


def test_where_there_is_no_lake_the_doctor_says_so(tmp_path: Path) -> None:
    for look in (examine, repair):
        with pytest.raises(NoLake):
            look(tmp_path)
