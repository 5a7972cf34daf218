"""Ingests, publishers and readers at once on one lake: all of it arrives once, and whoever reads
sees whole experiments only."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import duckdb
import pytest

import rdlake
from rdlake.catalog.verify import verify
from rdlake.catalog.version import history
from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace

PROCESSES = multiprocessing.get_context("spawn")
SHARED, DAYS = 2, 20
"""So many of the writers ingest the same workspaces, of so many days each."""
PATIENCE = 240
BROKEN = """
    SELECT workspace_id FROM loop_catalog AS loops
    WHERE (SELECT count(*) FROM equity_curve AS days
           WHERE days.workspace_id = loops.workspace_id) != 20
       OR (SELECT count(*) FROM loop_catalog AS others
           WHERE others.workspace_id = loops.workspace_id) != 1
"""
SEEN = "SELECT (SELECT max(catalog_version) FROM catalog_versions), count(*) FROM loop_catalog"


def folder_of(root: Path, writer: int, number: int) -> Path:
    """Where the one workspace lies that this writer ingests as its so many-th."""
    return root / ("shared" if writer < SHARED else f"own{writer}") / str(number)


def id_of(writer: int, number: int) -> str:
    return f"{0 if writer < SHARED else writer:x}{number:031x}"


def ingest_all(root: Path, writer: int, ingests: int, together: Barrier) -> None:
    lake = open_store(root / "lake")
    together.wait(PATIENCE)
    for number in range(ingests):
        report = Library(lake).ingest(folder_of(root, writer, number))
        assert all(each.status == "ok" for each in report.outcomes), report


def publish_on(root: Path, done: Event, together: Barrier) -> None:
    lake = open_store(root / "lake")
    together.wait(PATIENCE)
    while not done.is_set():
        Library(lake).publish()


def attached(root: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{root / 'lake' / 'catalog.duckdb'}' AS rd (READ_ONLY); USE rd")
    return connection


def connected(root: Path) -> duckdb.DuckDBPyConnection:
    return rdlake.connect(root / "lake")


def read_on(root: Path, reader: int, done: Event, together: Barrier) -> None:
    """Every other reader attaches the file as AIstock does; none may see time go back."""
    look: Callable[[Path], duckdb.DuckDBPyConnection] = (connected, attached)[reader % 2]
    before = (0, 0)
    together.wait(PATIENCE)
    while not done.is_set():
        with look(root) as connection:
            assert connection.execute(BROKEN).fetchall() == []
            (seen,) = connection.execute(SEEN).fetchall()
        assert seen >= before
        before = seen
    assert before > (1, 0)


def work(root: Path, writers: int, ingests: int, publishers: int, readers: int) -> None:
    """All of them at once, until the last ingest; each must end well."""
    together = PROCESSES.Barrier(writers + publishers + readers)
    done = PROCESSES.Event()
    lasting = [
        *(start(publish_on, root, done, together) for _ in range(publishers)),
        *(start(read_on, root, reader, done, together) for reader in range(readers)),
    ]
    writing = [start(ingest_all, root, each, ingests, together) for each in range(writers)]
    try:
        finish(writing)
        done.set()
        finish(lasting)
    finally:
        for process in (*writing, *lasting):
            process.kill()


def start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    return process


def finish(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def prepared(root: Path, writers: int, ingests: int) -> Lake:
    """A lake with an empty version, so that there is something to read, and all workspaces."""
    for writer in (0, *range(SHARED, writers)):
        for number in range(ingests):
            make_workspace(folder_of(root, writer, number), id_of(writer, number), days=DAYS)
    lake = init_store(root / "lake")
    Library(lake).publish()
    return lake


def assert_all_is_there_once(lake: Lake, writers: int, ingests: int) -> None:
    expected = {id_of(each, number) for each in range(writers) for number in range(ingests)}
    assert Counter(lake.read("loops")["workspace_id"]) == dict.fromkeys(expected, 1)
    assert Counter(lake.read("equity_curves")["workspace_id"]) == dict.fromkeys(expected, DAYS)
    told = Counter(lake.read("ingests")["workspace_id"])
    assert told.keys() == expected
    assert all(count <= (SHARED if name[0] == "0" else 1) for name, count in told.items())


def assert_versions_are_whole(lake: Lake) -> None:
    Library(lake).publish()
    versions = [each.catalog_version for each in history(lake)]
    assert versions == list(range(1, len(versions) + 1))
    assert verify(lake, deep=True).whole


SIZES = [
    pytest.param(3, 2, 1, 2, id="a few"),
    pytest.param(8, 25, 2, 4, id="many", marks=pytest.mark.guards),
]


@pytest.mark.guards
@pytest.mark.parametrize(("writers", "ingests", "publishers", "readers"), SIZES)
def test_nothing_is_lost_or_doubled_and_no_reader_sees_half(
    tmp_path: Path, writers: int, ingests: int, publishers: int, readers: int
) -> None:
    lake = prepared(tmp_path, writers, ingests)
    work(tmp_path, writers, ingests, publishers, readers)
    assert_all_is_there_once(lake, writers, ingests)
    assert_versions_are_whole(lake)
