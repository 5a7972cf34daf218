"""Making and opening a lake: what is refused, and that the message says where and what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import rdlake
from rdlake.errors import BadInput, DamagedLake, ExitCode, NoLake, UnsupportedLake
from rdlake.library import Library
from rdlake.schema.tables import LAKE_FORMAT
from rdlake.store.delta_log import LAST_CHECKPOINT, entry_path, log_folder
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, is_lake, open_store, usable_root
from tests.builders import make_workspace
from tests.lake_rows import commit, listing, marks, owners, rows
from tests.marks import slow

STRANGE_ROOTS = ["it's two words", 'quo"te;a,b', "因子库 #5 & co", "~🦆", "-"]


def test_a_new_lake_can_be_opened(tmp_path: Path) -> None:
    made = init_store(tmp_path / "deep" / "lake")
    opened = open_store(tmp_path / "deep" / "lake")
    assert opened.lake_id == made.lake_id
    assert opened.root == tmp_path / "deep" / "lake"
    assert repr(opened).endswith("lake')")


def test_init_leaves_a_lake_that_is_there_as_it_is(lake: Lake) -> None:
    commit(lake, "a", mark=1)
    before = listing(lake.root)
    again = init_store(lake.root)
    assert again.lake_id == lake.lake_id
    assert listing(lake.root) == before


def test_a_copy_keeps_the_id_and_the_rows(lake: Lake, tmp_path: Path) -> None:
    commit(lake, "a", mark=1)
    shutil.copytree(lake.root, tmp_path / "copy")
    copy = open_store(tmp_path / "copy")
    assert (copy.lake_id, marks(copy)) == (lake.lake_id, marks(lake))


def test_where_there_is_no_lake_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NoLake) as error:
        open_store(tmp_path / "nowhere")
    assert error.value.exit_code == ExitCode.NO_LAKE
    assert error.value.where == str(tmp_path / "nowhere")
    assert error.value.fix == f"rdlake init --lake {tmp_path / 'nowhere'}"
    assert not (tmp_path / "nowhere").exists()


def test_an_init_that_was_stopped_can_be_done_again(tmp_path: Path) -> None:
    log_folder(tmp_path / "lake" / "tables" / "catalogs").mkdir(parents=True)
    assert not is_lake(tmp_path / "lake")
    with pytest.raises(NoLake):
        open_store(tmp_path / "lake")
    commit(init_store(tmp_path / "lake"), "a", mark=1)


def test_a_file_is_not_a_lake(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(BadInput, match="a lake is a folder"):
        init_store(tmp_path / "mine.txt")
    with pytest.raises(NoLake):
        open_store(tmp_path / "mine.txt")


# --- the path --------------------------------------------------------------------------------


@pytest.mark.parametrize("character", "[]%*?")
def test_a_root_that_the_engines_cannot_use_is_refused_by_its_character(
    tmp_path: Path, character: str
) -> None:
    for use in (init_store, open_store, usable_root):
        with pytest.raises(UnsupportedLake) as error:
            use(tmp_path / f"a{character}b" / "lake")
        assert repr(character) in error.value.what
        assert "[ ] % * ?" in error.value.fix
    assert not list(tmp_path.iterdir())


def test_a_relative_root_is_refused_for_the_folder_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run[1]").mkdir()
    monkeypatch.chdir(tmp_path / "run[1]")
    with pytest.raises(UnsupportedLake, match=r"'\['"):
        init_store("lake")
    assert not (tmp_path / "run[1]" / "lake").exists()


def test_a_root_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert usable_root("~/lake") == tmp_path / "lake"
    assert usable_root("lake") == Path.cwd() / "lake"
    assert usable_root(os.fspath(tmp_path)) == tmp_path


@pytest.mark.parametrize("name", [STRANGE_ROOTS[2], *slow(*STRANGE_ROOTS[:2], *STRANGE_ROOTS[3:])])
def test_any_other_root_works_for_commit_read_and_publish(tmp_path: Path, name: str) -> None:
    make_workspace(tmp_path / "workspaces")
    lake = init_store(tmp_path / name / "lake")
    Library(lake).ingest(tmp_path / "workspaces")
    Library(lake).publish()
    reopened = open_store(tmp_path / name / "lake")
    assert reopened.read("loops").height == 1
    with rdlake.connect(reopened.root) as connection:
        assert connection.execute("SELECT count(*) FROM loop_catalog").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM equity_curve").fetchone() == (20,)


# --- the format ------------------------------------------------------------------------------


def lake_of_format(root: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lake as an rdlake of that format makes it."""
    with monkeypatch.context() as other_rdlake:
        other_rdlake.setattr("rdlake.store.opening.LAKE_FORMAT", number)
        init_store(root)


@pytest.mark.parametrize(
    ("number", "what", "fix"),
    [
        (LAKE_FORMAT + 1, f"the lake has format {LAKE_FORMAT + 1}", "upgrade rdlake"),
        (LAKE_FORMAT - 1, f"the lake has format {LAKE_FORMAT - 1}", "into a new lake"),
    ],
)
def test_a_lake_of_another_format_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, what: str, fix: str
) -> None:
    lake_of_format(tmp_path / "lake", number, monkeypatch)
    for use in (open_store, init_store):
        with pytest.raises(UnsupportedLake, match=what) as error:
            use(tmp_path / "lake")
        assert fix in error.value.fix
        assert error.value.where == str(tmp_path / "lake")


@pytest.mark.parametrize("note", ["", "{}", "not json", '{"rdlake_format": null}', "[1]", "7"])
def test_a_lake_that_does_not_say_its_format_is_refused(lake: Lake, note: str) -> None:
    entry = entry_path(lake.folder("catalogs"), 0)
    text = entry.read_text(encoding="utf-8")
    quoted = f'{{\\"rdlake_format\\": {LAKE_FORMAT}}}'
    assert quoted in text
    entry.write_text(text.replace(quoted, note.replace('"', '\\"')), encoding="utf-8")
    with pytest.raises(UnsupportedLake, match="does not say") as error:
        open_store(lake.root)
    assert error.value.fix


# --- a torn end ------------------------------------------------------------------------------


def tear_entry(folder: Path, newest: int) -> Path:
    entry_path(folder, newest).write_bytes(b"")
    return entry_path(folder, newest)


def tear_checkpoint(folder: Path, newest: int) -> Path:
    (checkpoint,) = log_folder(folder).glob("*.checkpoint.parquet")
    checkpoint.write_bytes(b"")
    return checkpoint


def tear_pointer(folder: Path, newest: int) -> Path:
    (log_folder(folder) / LAST_CHECKPOINT).write_bytes(b"{")
    return log_folder(folder) / LAST_CHECKPOINT


@pytest.mark.guards
@pytest.mark.parametrize("tear", [tear_entry, tear_checkpoint, tear_pointer])
def test_a_torn_end_is_refused_by_its_file_and_with_the_remedy(
    lake: Lake, tear: Callable[[Path, int], Path]
) -> None:
    for mark in range(10):
        lake.commit({"feedback": rows("a", hypothesis=str(mark))}, owners("a"))
    torn = tear(lake.folder("feedback"), 10)
    with pytest.raises(DamagedLake) as error:
        open_store(lake.root)
    assert error.value.where == str(torn)
    assert "rdlake doctor --repair" in error.value.fix
    assert error.value.exit_code == ExitCode.VERIFICATION_FAILED


def test_every_table_is_looked_at(lake: Lake) -> None:
    for name, version in commit(lake, "a").versions.items():
        entry = entry_path(lake.folder(name), version)
        whole = entry.read_bytes()
        entry.write_bytes(b"")
        with pytest.raises(DamagedLake):
            open_store(lake.root)
        entry.write_bytes(whole)
    open_store(lake.root)
