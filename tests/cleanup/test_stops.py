"""Stopped at any step: the next command completes or takes back, and nothing is lost."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rdlake.cleanup
from rdlake.lake import Lake
from tests.archive.world import IDS
from tests.cleanup.test_workspaces import rows_but_states
from tests.cleanup.world import Cleaned, copied, in_trash, listing, states
from tests.lake_rows import versions

CODE = Path(rdlake.cleanup.__file__).parent
STEPS = ("rename", "link", "unlink", "rmdir", "mkdir", "write", "fsync")
PROCESSES = multiprocessing.get_context("forkserver")
Act = Callable[[Cleaned], object]


class Stopped(BaseException):
    """As little of the program runs after it as after a kill, but for what closes files."""


def raised() -> None:
    raise Stopped


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def stopping(root: Path, at: int, stop: Callable[[], object] = raised) -> Iterator[list[int]]:
    """Stops before the Nth call of a clean-up that changes something on disk or in a lake."""
    count, real = [0], {name: getattr(os, name) for name in STEPS}
    swap = Lake._swap

    def step() -> None:
        count[0] += 1
        if count[0] == at:
            stop()

    def counted(name: str) -> Callable[..., object]:
        def call(*arguments: Any, **options: Any) -> object:
            if Path(sys._getframe(1).f_code.co_filename).is_relative_to(CODE):
                step()
            return real[name](*arguments, **options)

        return call

    def swapped(lake: Lake, *arguments: Any, **options: Any) -> object:
        step()
        return swap(lake, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, counted(name))
        patch.setattr(Lake, "_swap", swapped)
        yield count


def nothing_is_lost(world: Cleaned, whole: dict[str, object]) -> None:
    """Every file is in its place, in the trash, or was purged after it was proven."""
    there = listing(world.workspaces)
    assert there.items() <= whole.items()
    gone = whole.keys() - there.keys()
    trashed = len(in_trash(world.workspaces))
    told = world.lake.read("cleanups", where=pl.col("state").is_in(["trashed", "purged", "meant"]))
    named = {f"{key}/{path}" for key, path in told.select("workspace_id", "path").rows()}
    assert gone <= named
    proven = set(told.drop_nulls("proof").select(
        pl.concat_str("workspace_id", pl.lit("/"), "path")).to_series())  # fmt: skip
    assert gone <= proven and trashed <= len(gone) + 1  # a file may have both names for a moment
    assert told.select("cleanup_id", "workspace_id", "path").is_unique().all()


def applied(world: Cleaned) -> None:
    world.apply(world.plan("workspace", "intermediates"))


def undone(world: Cleaned) -> None:
    world.undo()


def purged(world: Cleaned) -> None:
    world.purge()


def prepared(template: Cleaned, folder: Path, act: Act) -> tuple[Cleaned, dict[str, object]]:
    world = copied(template, folder)
    whole = listing(world.workspaces)
    if act is not applied:
        applied(world)
    return world, whole


def is_as_it_should_be(world: Cleaned, whole: dict[str, object], act: Act) -> None:
    """The next command completes it: given back all is as it was, or purged all is told."""
    nothing_is_lost(world, whole)
    rows = rows_but_states(world.lake)
    if act is purged:
        assert not world.purge().refused
        assert not in_trash(world.workspaces)
        gone = whole.keys() - listing(world.workspaces).keys()
        removed = world.lake.read("artifacts", where=pl.col("state") == "removed")
        assert {f"{key}/{path}" for key, path in removed["workspace_id", "path"].rows()} == gone
    else:
        assert not world.undo().refused
        assert listing(world.workspaces) == whole and not in_trash(world.workspaces)
        assert states(world.lake) == {"present"}
        told = set(world.lake.read("cleanups")["state"])
        assert told <= {"undone", "left", "given_back"}
    assert rows_but_states(world.lake) == rows
    before = versions(world.lake)
    world.lake.ingest(world.workspaces)
    assert versions(world.lake) == before
    nothing_is_lost(world, whole)


ACTS: dict[str, Act] = {"apply": applied, "undo": undone, "purge": purged}


def enumerated(
    template: Cleaned, folder: Path, act: Act, step: int, first: int = 1
) -> Iterator[int]:
    number = first
    while True:
        world, whole = prepared(template, folder / "w", act)
        stopped = False
        with stopping(world.workspaces, number):
            try:
                act(world)
            except Stopped:
                stopped = True
        if not stopped:
            shutil.rmtree(folder / "w")
            return
        is_as_it_should_be(world, whole, act)
        shutil.rmtree(folder / "w")
        yield number
        number += step


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("step", [17, pytest.param(1, marks=pytest.mark.slow)])
def test_stopped_at_any_step_nothing_is_lost(
    template: Cleaned, tmp_path: Path, name: str, step: int
) -> None:
    seen = list(enumerated(template, tmp_path, ACTS[name], step, first=min(step, 5)))
    assert len(seen) * step >= 30


def killed_in(folder: str, world: Cleaned, name: str, at: int) -> None:
    with stopping(world.workspaces, at, killed):
        ACTS[name](world)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        pytest.param(name, at, marks=() if at == 13 else pytest.mark.slow)
        for name in ACTS
        for at in (4, 13, 21, 29)
    ],
)
def test_a_killed_process_leaves_what_the_next_one_completes(
    template: Cleaned, tmp_path: Path, name: str, at: int
) -> None:
    world, whole = prepared(template, tmp_path / "w", ACTS[name])
    process = PROCESSES.Process(target=killed_in, args=(str(tmp_path), world, name, at))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    is_as_it_should_be(world, whole, ACTS[name])


def test_half_a_line_of_the_journal_is_cut_off(cleaned: Cleaned) -> None:
    applied(cleaned)
    (journal,) = (cleaned.workspaces / ".rdlake-trash").glob("*/journal.jsonl")
    text = journal.read_text()
    journal.write_text(text[: text.rindex('{"step"') + 20])
    report = cleaned.undo()
    assert not report.refused and states(cleaned.lake) == {"present"}
    with suppress(FileNotFoundError):
        assert journal.read_text().endswith("\n")


def test_applied_again_after_a_stop(template: Cleaned, tmp_path: Path) -> None:
    world, _ = prepared(template, tmp_path / "counted", applied)
    with stopping(world.workspaces, 0) as count:
        applied(world)
    world, whole = prepared(template, tmp_path / "w", applied)
    with stopping(world.workspaces, count[0] // 2), pytest.raises(Stopped):
        applied(world)
    nothing_is_lost(world, whole)
    applied(world)
    assert not (world.workspaces / IDS[0]).exists()
    assert not world.purge().refused and not in_trash(world.workspaces)
    nothing_is_lost(world, whole)
