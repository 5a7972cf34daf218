"""Several processes at once: nothing is lost, nothing doubled, and a killed one harms none."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from rdlake.errors import LakeBusy
from rdlake.schema.tables import table
from rdlake.store.delta import create_table
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.lake_rows import commit, marks, owners, rows, versions
from tests.marks import guarding

PROCESSES = multiprocessing.get_context("spawn")
STOPPED = 9
SHARED = 2
"""So many of the writers write the same workspaces."""


def start(work: Callable[..., None], *arguments: object) -> BaseProcess:
    process = PROCESSES.Process(target=work, args=arguments)
    process.start()
    return process


def finish(processes: Sequence[BaseProcess]) -> None:
    """Wait for all; each must end well."""
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * len(processes)


@contextmanager
def running(process: BaseProcess) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.join(30)


# --- many writers ----------------------------------------------------------------------------


def workspace_of(writer: int, number: int) -> str:
    return f"shared{number}" if writer < SHARED else f"own{writer}_{number}"


def write_batches(root: Path, writer: int, batches: int, together: Barrier) -> None:
    lake = open_store(root)
    together.wait(60)
    told = [
        dict(commit(lake, workspace_of(writer, number), mark=writer).versions)
        for number in range(batches)
    ]
    root.with_name(f"told{writer}.json").write_text(json.dumps(told))


def write_at_once(root: Path, writers: int, batches: int) -> None:
    """Run the writers while the lake is opened, which must never look torn, and compacted."""
    together = PROCESSES.Barrier(writers + 1)
    processes = [start(write_batches, root, each, batches, together) for each in range(writers)]
    together.wait(60)
    while any(process.is_alive() for process in processes):
        open_store(root).compact("feedback")
    finish(processes)


def assert_nothing_lost_or_doubled(lake: Lake, writers: int, batches: int) -> None:
    expected = {
        workspace_of(writer, number): {str(writer)} if writer >= SHARED else {"0", "1"}
        for writer in range(writers)
        for number in range(batches)
    }
    for found in marks(lake).values():
        assert found.keys() == expected.keys()
        assert all(mark in expected[workspace] for workspace, mark in found.items())
    told = lake.read("ingests", ["batch_id", "workspace_id"]).rows()
    wanted = [
        (str(writer), workspace_of(writer, number))
        for writer in range(writers)
        for number in range(batches)
    ]
    assert sorted(told) == sorted(wanted)


def assert_each_commit_knew_its_version(lake: Lake) -> None:
    told = [
        change
        for path in lake.root.parent.glob("told*.json")
        for batch in json.loads(path.read_text())
        for change in batch.items()
    ]
    assert len(set(told)) == len(told)


def assert_every_file_has_its_digest(lake: Lake) -> None:
    names = ["feedback", "equity_curves", "loops", "ingests"]
    known = lake.known_files(names)
    assert {(name, path) for name in names for path, _, _ in lake.snapshot(name).files} <= set(
        known
    )


def test_three_writers_lose_nothing_and_double_nothing(lake: Lake) -> None:
    write_at_once(lake.root, writers=3, batches=4)
    assert_nothing_lost_or_doubled(lake, writers=3, batches=4)
    assert_each_commit_knew_its_version(lake)
    assert_every_file_has_its_digest(lake)


@pytest.mark.guards
def test_eight_writers_of_many_batches_lose_nothing_and_double_nothing(lake: Lake) -> None:
    write_at_once(lake.root, writers=8, batches=25)
    assert_nothing_lost_or_doubled(lake, writers=8, batches=25)
    assert_each_commit_knew_its_version(lake)
    assert_every_file_has_its_digest(lake)


OLDER = ("feedback", "models", "signals", "workspaces", "artifacts")


def older_lake(root: Path) -> Lake:
    """Tables that lack a column each, as an older rdlake made them."""
    lake = init_store(root)
    for name in OLDER:
        kept = [each for each in table(name).schema if each.name != "source_digest"]
        DeltaTable.create(str(lake.folder(name)), pa.schema(kept))
    return lake


def write_new_columns(root: Path, writer: int, together: Barrier) -> None:
    lake = open_store(root)
    for name in OLDER:
        together.wait(60)
        workspace = f"{name}{writer}"
        lake.commit({name: rows(workspace, source_digest="new")}, owners(workspace))


@pytest.mark.guards
def test_writers_that_add_the_same_columns_at_once_all_succeed(tmp_path: Path) -> None:
    lake = older_lake(tmp_path / "lake")
    together = PROCESSES.Barrier(2)
    finish([start(write_new_columns, lake.root, writer, together) for writer in range(2)])
    for name in OLDER:
        found = lake.read(name, ["workspace_id", "source_digest"])
        assert sorted(found.rows()) == [(f"{name}{writer}", "new") for writer in range(2)]


def create_many(root: Path, together: Barrier) -> None:
    for place in range(20):
        together.wait(60)
        create_table(table("feedback"), root / str(place), "made at once")


@pytest.mark.guards
def test_a_table_that_two_make_at_once_is_made_once(tmp_path: Path) -> None:
    together = PROCESSES.Barrier(2)
    finish([start(create_many, tmp_path, together) for _ in range(2)])
    for place in range(20):
        log = tmp_path / str(place) / "_delta_log"
        assert [path.name for path in log.glob("*.json")] == [f"{0:020d}.json"]


# --- a lake that is too busy -----------------------------------------------------------------


def write_until_told(root: Path, begun: Event, enough: Event) -> None:
    lake = open_store(root)
    number = 0
    while not enough.is_set():
        number += 1
        lake.commit({"feedback": rows("rival", hypothesis=str(number))}, owners("rival"))
        begun.set()


def commit_until_busy(lake: Lake) -> LakeBusy:
    """Commit ever new rows until a rival was faster."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            commit(lake, "a", mark=time.monotonic_ns())
        except LakeBusy as busy:
            return busy
    raise AssertionError("no rival was ever faster")


def test_without_patience_a_busy_lake_says_so_and_nothing_is_half_visible(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, enough = PROCESSES.Event(), PROCESSES.Event()
    rival = start(write_until_told, lake.root, begun, enough)
    with running(rival):
        assert begun.wait(60)
        monkeypatch.setattr("rdlake.store.commit.PATIENCE_SECONDS", 0.0)
        busy = commit_until_busy(lake)
        enough.set()
        rival.join(60)
    contested = Path(busy.where)
    assert contested in (lake.folder("feedback"), lake.folder("file_lists"))
    assert contested.name in busy.what
    assert "run the command again" in busy.fix
    commit(lake, "a", mark=1)
    assert {found["a"] for found in marks(lake).values()} == {"1"}


# --- a writer that is killed -----------------------------------------------------------------


def stop_after(commits: int) -> None:
    """End this process, as a kill does, when it is about to make one commit more."""
    write, left = Lake._write, [commits]

    def until_then(self: Lake, *arguments: object) -> object:
        if not left[0]:
            os._exit(STOPPED)
        left[0] -= 1
        return write(self, *arguments)  # type: ignore[arg-type]

    Lake._write = until_then  # type: ignore[method-assign, assignment]


def commit_some(root: Path, mark: int, commits: int) -> None:
    stop_after(commits)
    commit(open_store(root), "a", "b", mark=mark)


@pytest.mark.parametrize("commits", [1, 3])
def test_a_killed_batch_stops_in_order_and_the_next_run_completes_it(
    lake: Lake, commits: int
) -> None:
    order = ["feedback", "equity_curves", "loops", "ingests"]
    commit(lake, "a", mark=1)
    before = versions(lake)
    killed = start(commit_some, lake.root, 2, commits)
    killed.join(60)
    assert killed.exitcode == STOPPED
    lake = open_store(lake.root)
    after = versions(lake)
    assert [name for name in order if after[name] != before[name]] == order[:commits]
    assert list(commit(lake, "a", "b", mark=2).versions) == order[commits:]
    assert all(found == {"a": "2", "b": "2"} for found in marks(lake).values())


def killed_at_any_moment(root: Path, pause: float) -> None:
    begun, enough = PROCESSES.Event(), PROCESSES.Event()
    writer = start(write_until_told, root, begun, enough)
    with running(writer):
        assert begun.wait(60)
        time.sleep(pause)


SOMETIME = [50, *guarding(*range(100, 170, 7))]


@pytest.mark.parametrize("milliseconds", SOMETIME)
def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_lake(
    lake: Lake, milliseconds: int
) -> None:
    killed_at_any_moment(lake.root, milliseconds / 1000)
    lake = open_store(lake.root)
    assert lake.read("feedback", ["workspace_id"]).rows() == [("rival",)]
    lake.commit({"feedback": rows("rival", hypothesis="new")}, owners("rival"))
    assert lake.read("feedback", ["hypothesis"]).rows() == [("new",)]
