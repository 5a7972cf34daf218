"""A Delta log as files: what a commit wrote, what changed since, whether its end is whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from rdlake.schema.tables import table
from rdlake.store.delta_log import (
    LAST_CHECKPOINT,
    commit_entry,
    data_changed_since,
    entry_path,
    has_log,
    log_folder,
    torn_files,
)
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.lake_rows import commit, curve, owners, rows

NEWEST = 11


@pytest.fixture(scope="module")
def folder_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = init_store(tmp_path_factory.mktemp("log") / "lake")
    for mark in range(NEWEST):
        lake.commit({"feedback": rows("a", hypothesis=str(mark))}, owners("a"))
    return lake.folder("feedback")


@pytest.fixture
def folder(folder_once: Path, tmp_path: Path) -> Path:
    """A table with a checkpoint at 9 and two commits after it."""
    return Path(shutil.copytree(folder_once, tmp_path / "feedback"))


def checkpoint(folder: Path) -> Path:
    return log_folder(folder) / f"{9:020d}.checkpoint.parquet"


def pointer(folder: Path) -> Path:
    return log_folder(folder) / LAST_CHECKPOINT


def newest_file(folder: Path) -> Path:
    ((path, _, _),) = commit_entry(folder, NEWEST).added
    return folder / path


def cut(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def test_a_commit_names_the_files_it_added(lake: Lake) -> None:
    lake.commit({"equity_curves": curve("a", "b", nav=1.0)}, owners("a", "b"))
    entry = commit_entry(lake.folder("equity_curves"), 1)
    assert (entry.version, entry.data_change) == (1, True)
    assert entry.added == lake.snapshot("equity_curves").files
    assert [count for _, _, count in entry.added] == [6]


def test_an_entry_that_does_not_exist_is_an_os_error(folder: Path) -> None:
    with pytest.raises(OSError, match=r"99\.json"):
        commit_entry(folder, 99)


def test_rows_changed_since_an_earlier_version_but_not_since_the_newest(folder: Path) -> None:
    assert data_changed_since(folder, NEWEST - 1, NEWEST)
    assert not data_changed_since(folder, NEWEST, NEWEST)


def test_compaction_changes_no_row(lake: Lake) -> None:
    commit(lake, "a")
    commit(lake, "b")
    before = lake.snapshot("loops").version or 0
    assert lake.compact("loops")
    after = lake.snapshot("loops").version or 0
    assert after == before + 1
    assert not data_changed_since(lake.folder("loops"), before, after)
    commit(lake, "c")
    assert data_changed_since(lake.folder("loops"), before, after + 1)


def test_new_columns_count_as_a_change(lake: Lake) -> None:
    folder = lake.folder("feedback")
    kept = [each for each in table("feedback").schema if each.name != "hypothesis"]
    DeltaTable.create(str(folder), pa.schema(kept))
    lake.commit({"feedback": rows("a", decision=True)}, owners("a"))
    assert data_changed_since(folder, 0, 1)


def test_a_log_entry_that_is_gone_counts_as_a_change(folder: Path) -> None:
    entry_path(folder, 5).unlink()
    assert data_changed_since(folder, 4, NEWEST)


def test_a_log_begins_with_its_first_entry(lake: Lake, tmp_path: Path) -> None:
    assert not has_log(tmp_path / "nowhere")
    log_folder(tmp_path / "begun").mkdir(parents=True)
    assert not has_log(tmp_path / "begun")
    commit(lake, "a")
    assert has_log(lake.folder("loops"))


def test_a_whole_log_has_no_torn_file(folder: Path) -> None:
    assert checkpoint(folder).is_file()
    assert pointer(folder).is_file()
    assert torn_files(folder) == []


def reasons(folder: Path) -> dict[str, str]:
    return {torn.path.name: torn.reason for torn in torn_files(folder)}


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 900, b"\xff\xfe{}"])
def test_a_last_entry_of_nothing_is_torn(folder: Path, content: bytes) -> None:
    entry_path(folder, NEWEST).write_bytes(content)
    (reason,) = reasons(folder).values()
    assert reason in ("the last log entry is empty", "the last log entry is not whole")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_last_entry_that_was_cut_off_is_torn(folder: Path, keep: float) -> None:
    cut(entry_path(folder, NEWEST), keep)
    assert reasons(folder) == {f"{NEWEST:020d}.json": "the last log entry is not whole"}


def test_a_last_entry_whose_data_file_is_missing_is_torn(folder: Path) -> None:
    file = newest_file(folder)
    file.unlink()
    (reason,) = reasons(folder).values()
    assert reason == f"the last log entry names {file.name}, which does not exist"


def test_a_last_entry_whose_data_file_was_cut_off_is_torn(folder: Path) -> None:
    cut(newest_file(folder), 0.5)
    (reason,) = reasons(folder).values()
    assert reason.endswith("which is not whole")


@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_checkpoint_that_was_cut_off_is_torn(folder: Path, keep: float) -> None:
    cut(checkpoint(folder), keep)
    assert reasons(folder) == {checkpoint(folder).name: "the last checkpoint is not whole"}


@pytest.mark.parametrize("content", [b"", b'{"version":', b"[]", b'{"version":"x"}', b"null"])
def test_a_pointer_that_says_nothing_is_torn(folder: Path, content: bytes) -> None:
    pointer(folder).write_bytes(content)
    assert reasons(folder) == {LAST_CHECKPOINT: "the pointer to the last checkpoint is not whole"}


def test_a_pointer_to_nothing_is_torn(folder: Path) -> None:
    pointer(folder).write_text(json.dumps({"version": 7, "size": 9}), encoding="utf-8")
    assert reasons(folder) == {LAST_CHECKPOINT: "it points to checkpoint 7, which does not exist"}


def test_a_checkpoint_without_its_entry_is_torn(folder: Path) -> None:
    for version in (9, 10, 11):
        entry_path(folder, version).unlink()
    assert reasons(folder) == {
        checkpoint(folder).name: "the last checkpoint is of a log entry that does not exist"
    }
