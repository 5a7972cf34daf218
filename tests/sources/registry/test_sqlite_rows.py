"""Check that a registry is opened without a write beside it, and that anything else is refused."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from rdlake.errors import BadInput
from rdlake.sources.registry import read_registry
from tests.builders_registry import RUN, SCHEMA, folder_row, loop_row, run_row, write_registry
from tests.lake_rows import listing

NAME = "a" * 32
WRITER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("PRAGMA wal_autocheckpoint = 100")
number, until = 100, time.monotonic() + float(sys.argv[2])
print("begun", flush=True)
while time.monotonic() < until:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO loops (task_run_id, loop_id) VALUES ('w', ?)", (number,))
    row = (f"{number:032x}", number, f"/w/{number:032x}")
    text = "INSERT INTO workspaces (workspace_id, task_run_id, loop_id, workspace_path)"
    connection.execute(text + " VALUES (?, 'w', ?, ?)", row)
    connection.execute("COMMIT")
    number += 1
    time.sleep(0.005)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [run_row()], [loop_row()], [folder_row(NAME)]
    return write_registry(tmp_path / "db" / "registry.sqlite", *rows)


def in_wal(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").close()
    return connection


def refused(file: Path, wait: float = 0.2) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read_registry(file, wait)
    assert caught.value.fix and str(file) in caught.value.where
    return caught.value


def test_what_stands_in_it_is_read_and_nothing_is_written(file: Path) -> None:
    before = listing(file.parent)
    (run,) = read_registry(file).runs
    assert (run.task_run_id, run.scenario, run.status) == (RUN, "QuantRDLoop", "success")
    assert [loop.loop_id for loop in run.loops] == [0]
    assert [folder.workspace_id for folder in run.folders] == [NAME]
    assert listing(file.parent) == before


def test_what_stands_only_in_the_log_of_changes_is_read_too(file: Path) -> None:
    with closing(in_wal(file)) as writer:
        writer.execute("UPDATE loops SET status = 'failed'").close()
        before = listing(file.parent)
        assert len(before) == 3
        assert read_registry(file).runs[0].loops[0].status == "failed"
        assert listing(file.parent) == before


@pytest.mark.parametrize("beside", ["nothing", "its log"])
def test_a_file_in_a_folder_that_cannot_be_written_to_is_read(file: Path, beside: str) -> None:
    with closing(in_wal(file)) as writer:
        writer.execute("UPDATE loops SET status = 'failed'").close()
        shutil.copytree(file.parent, file.parent.parent / "copy")
    copy = (file if beside == "nothing" else file.parent.parent / "copy" / file.name).parent
    (copy / "registry.sqlite-shm").unlink(missing_ok=True)
    copy.chmod(0o500)
    try:
        before = listing(copy)
        assert read_registry(copy / file.name).runs[0].loops[0].status == "failed"
        assert listing(copy) == before
    finally:
        copy.chmod(0o700)


@pytest.mark.slow
def test_each_look_is_of_one_moment_while_another_process_writes(file: Path) -> None:
    in_wal(file).close()
    command = [sys.executable, "-c", WRITER, str(file), "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        seen = []
        while writer.poll() is None:
            for run in read_registry(file, 30).runs[1:]:
                loops = [loop.loop_id for loop in run.loops]
                assert loops == [folder.loop_id for folder in run.folders]
                seen.append(len(loops))
    assert writer.returncode == 0
    assert seen == sorted(seen) and len(set(seen)) > 1


def test_a_lock_of_a_writer_is_waited_for(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE").close()
        began = time.monotonic()
        assert "locked" in refused(file).what
        assert time.monotonic() - began < 5
        writer.execute("ROLLBACK").close()
    assert read_registry(file).runs


def test_in_wal_mode_a_writer_locks_nobody_out(file: Path) -> None:
    with closing(in_wal(file)) as writer:
        writer.execute("BEGIN EXCLUSIVE").close()
        writer.execute("UPDATE loops SET status = 'failed'").close()
        assert read_registry(file).runs[0].loops[0].status == "success"


def test_a_writer_that_was_stopped_in_the_middle_is_said(file: Path) -> None:
    code = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN EXCLUSIVE")
for number in range(5000):
    connection.execute("INSERT INTO loops (task_run_id, loop_id) VALUES ('w', ?)", (number,))
os._exit(1)
"""
    subprocess.run([sys.executable, "-c", code, str(file)], check=False)
    assert file.with_name(file.name + "-journal").exists()
    before = listing(file.parent)
    assert "stopped in the middle" in refused(file).what
    assert listing(file.parent) == before


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "overwritten", "folder", "missing"])
def test_what_is_no_sqlite_file_or_a_broken_one_is_refused(file: Path, damage: str) -> None:
    data = file.read_bytes()
    changed = {
        "empty": b"",
        "text": b"a note" * 50,
        "cut": data[: len(data) // 2 + 100],
        "overwritten": data[:4096] + b"\xff" * (len(data) - 4096),
    }
    file.unlink()
    if damage in changed:
        file.write_bytes(changed[damage])
    elif damage == "folder":
        file.mkdir()
    refused(file)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("CREATE TABLE notes (text TEXT)", "no registry"),
        ("CREATE TABLE loops (text TEXT)", "no column"),
        (SCHEMA.replace("CREATE TABLE loops", "CREATE TABLE other")
         + "CREATE VIEW loops AS SELECT * FROM other;", "is a view"),
    ],
)  # fmt: skip
def test_a_database_that_is_no_registry_is_refused(tmp_path: Path, schema: str, said: str) -> None:
    assert said in refused(write_registry(tmp_path / "other.sqlite", schema=schema)).what


def test_a_linked_log_of_changes_is_not_followed(file: Path, tmp_path: Path) -> None:
    in_wal(file).close()
    (tmp_path / "secret").write_bytes(b"secret")
    file.with_name(file.name + "-wal").symlink_to(tmp_path / "secret")
    assert "link" in refused(file).what


def test_columns_that_are_younger_than_the_file_are_not_known(tmp_path: Path) -> None:
    schema = """
    CREATE TABLE loops (task_run_id TEXT, loop_id INTEGER, status TEXT);
    CREATE TABLE workspaces (workspace_id TEXT, task_run_id TEXT, loop_id INTEGER);
    """
    loops = [{"task_run_id": RUN, "loop_id": 3, "status": "failed"}]
    folders = [{"workspace_id": NAME, "task_run_id": RUN, "loop_id": 3}]
    file = write_registry(tmp_path / "old.sqlite", [], loops, folders, schema)
    (run,) = read_registry(file).runs
    assert (run.scenario, run.loops[0].metrics, run.folders[0].root) == (None, None, None)
    assert (run.loops[0].status, run.folders[0].workspace_id) == ("failed", NAME)
    assert not run.findings
