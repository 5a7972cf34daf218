"""Lakes prepared for each command, and how each command ends when nothing comes in its way."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from rdlake.catalog.publish import publish
from rdlake.catalog.verify import verify
from rdlake.operations.doctor import examine
from rdlake.store.delta import CONFIGURATION
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace, write_metrics
from tests.faults.content import HISTORY, Tables, Views, tables_of, views_of
from tests.faults.harness import OPERATIONS, Operation, Ran, Runner, Step
from tests.ingesting import ingest

SECOND_COMMIT = "3"
"""The interval that makes the commit of a disturbed ingest or publish write a checkpoint too."""
DAYS = 5
POINTS = 26
"""At so many points each command is stopped, and at so many let down by the disk."""
IN_SHORT = frozenset({13})
LITTER = (
    f"catalogs/.{'e' * 32}.duckdb",
    f".{'e' * 32}.duckdb",
    "tables/loops/part-00000-e-c000.snappy.parquet",
    "tables/loops/part-00000-f-c000.snappy.parquet#1",
    "tables/loops/_delta_log/00000000000000000009.json#1",
)
"""What writers leave that were stopped."""


@dataclass(frozen=True)
class Undisturbed:
    """A command on its prepared lake when nothing comes in its way: its run, what a reader sees
    before and after, what the tables hold then."""

    lake: Path
    ran: Ran
    before: Views
    after: Views
    tables: Tables

    def step(self, point: int, points: int = POINTS) -> Step:
        """The step of one of so many points that lie evenly over all its steps. Of the writes in
        a row to one file, which may be many, the first and the last count."""
        steps = self.ran.steps
        inner = {
            step.number
            for before, step, after in zip(steps, steps[1:], steps[2:], strict=False)
            if len({(each.call, each.path) for each in (before, step, after)}) == 1
        }
        telling = [step for step in steps if step.number not in inner]
        return telling[int((point + 0.5) * len(telling) / points)]

    def assert_one_version(self, lake: Path) -> None:
        """A reader sees the version before or the one after, never a mix and never an error."""
        assert views_of(lake) in (self.before, self.after)

    def assert_complete(self, lake: Path, *, repaired: bool = False) -> None:
        """The lake says what it says after the undisturbed run. After a repair everything is read
        and published again, so it may tell of more history."""
        history = HISTORY if repaired else frozenset[str]()
        found = tables_of(lake)
        for name, rows in self.tables.items():
            assert set(rows) <= set(found[name]) if name in history else rows == found[name], name
        for name, seen in views_of(lake).items():
            assert name in history or seen == self.after[name], name
        assert examine(lake).faults == ()
        assert verify(Lake(lake), deep=True).faults == ()


class Stage:
    """A lake prepared for each command, and the process that runs commands."""

    def __init__(self, runner: Runner, lakes: dict[Operation, Path], folder: Path) -> None:
        self.runner, self.lakes, self.folder = runner, lakes, folder
        self.undisturbed = cache(self._undisturbed)

    def _undisturbed(self, operation: Operation) -> Undisturbed:
        prepared = self.lakes[operation]
        with copy_of(prepared, self.folder) as lake:
            ran = self.runner.run(operation, lake)
            assert ran.code == 0, str(ran)
            return Undisturbed(prepared, ran, views_of(prepared), views_of(lake), tables_of(lake))


@contextmanager
def copy_of(lake: Path, folder: Path) -> Iterator[Path]:
    """A copy to be disturbed; it stays when the test fails."""
    copy = folder / "lake"
    shutil.copytree(lake, copy)
    yield copy
    shutil.rmtree(copy)


def at_points_of_every_operation(
    points: int = POINTS,
    in_short: Collection[int] = IN_SHORT,
    operations: Collection[Operation] = OPERATIONS,
) -> pytest.MarkDecorator:
    """Run a test at so many points of each operation; each time at a few of these operations."""
    cases = [
        pytest.param(
            operation,
            point,
            id=f"{operation} {point}",
            marks=() if point in in_short and operation in operations else pytest.mark.guards,
        )
        for operation in OPERATIONS
        for point in range(points)
    ]
    return pytest.mark.parametrize(("operation", "point"), cases)


def prepared_lakes(folder: Path, workspaces: Path) -> dict[Operation, Path]:
    """A lake of one version, with a changed and a new folder to ingest; the same ingested; the
    same published; the same with many files, and some that stopped writers left."""
    for number in range(3):
        make_workspace(workspaces, f"{number:032x}", days=DAYS, level=0.001 * number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CONFIGURATION, "delta.checkpointInterval", SECOND_COMMIT)
        lake = init_store(folder / "ingest")
        ingest(lake, [workspaces])
        publish(lake)
    write_metrics(workspaces / f"{0:032x}", {"IC": 0.5})
    make_workspace(workspaces, "d" * 32, days=DAYS, action="model", factors=None)
    ingested = copied(lake, folder / "publish")
    ingest(ingested, [workspaces])
    published = copied(ingested, folder / "rollback")
    publish(published)
    littered = copied(published, folder / "maintain")
    make_workspace(folder / "more", "e" * 32, days=DAYS)
    ingest(littered, [folder / "more"])
    for name in LITTER:
        (littered.root / name).write_bytes(b"half")
    return {
        "ingest": lake.root,
        "publish": ingested.root,
        "rollback": published.root,
        "maintain": littered.root,
    }


def copied(lake: Lake, root: Path) -> Lake:
    shutil.copytree(lake.root, root)
    return open_store(root)
