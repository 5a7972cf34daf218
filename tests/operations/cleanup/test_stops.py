"""Stopped at any step: the next command completes or takes back, and nothing is lost."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rdlake.operations.cleanup
from rdlake.errors import RdlakeError
from rdlake.library import Library
from rdlake.operations.cleanup.disk import Root
from rdlake.operations.cleanup.journal import read_journals
from rdlake.sources.workspace.roots import TRASH
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door
from tests.lake_rows import versions
from tests.marks import guarding
from tests.operations.archive.world import IDS
from tests.operations.cleanup.test_workspaces import rows_but_states
from tests.operations.cleanup.world import CLASSES, Cleaned, copied, in_trash, listing, states

CODE = Path(rdlake.operations.cleanup.__file__).parent
STEPS = ("rename", "link", "unlink", "rmdir", "mkdir", "write", "fsync")
TAKE_SPACE = ("commit", "link", "mkdir", "write", "fsync")
PROCESSES = multiprocessing.get_context("forkserver")
Act = Callable[[Cleaned], object]


class Stopped(BaseException):
    """As little of the program runs after it as after a kill, but for what closes files."""


def raised() -> None:
    raise Stopped


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def stopping(
    root: Path,
    at: int,
    stop: Callable[[], object] = raised,
    onwards: Collection[str] = (),
) -> Iterator[list[int]]:
    """Stops before the Nth call of a clean-up that changes something on disk or in a lake, and
    before each after it that is named `onwards`."""
    count, real = [0], {name: getattr(os, name) for name in STEPS}
    swap = Lake._swap

    def step(name: str) -> None:
        count[0] += 1
        if count[0] == at if not onwards else 0 < at <= count[0] and name in onwards:
            stop()

    def counted(name: str) -> Callable[..., object]:
        def call(*arguments: Any, **options: Any) -> object:
            if Path(sys._getframe(1).f_code.co_filename).is_relative_to(CODE):
                step(name)
            return real[name](*arguments, **options)

        return call

    def swapped(lake: Lake, *arguments: Any, **options: Any) -> object:
        with storage_door(lake.root):
            step("commit")
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
    Library(world.lake).ingest(world.workspaces)
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


def steps_of(template: Cleaned, folder: Path, act: Act) -> int:
    """How many steps it makes when nothing stops it."""
    world, _ = prepared(template, folder, act)
    with stopping(world.workspaces, 0) as count:
        act(world)
    shutil.rmtree(folder)
    return count[0]


@pytest.mark.guards
@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("step", [29, *guarding(1)])
def test_stopped_at_any_step_nothing_is_lost(
    template: Cleaned, tmp_path: Path, name: str, step: int
) -> None:
    count, first = steps_of(template, tmp_path / "counted", ACTS[name]), min(step, 5)
    seen = list(enumerated(template, tmp_path, ACTS[name], step, first))
    assert seen == list(range(first, count + 1, step)) and count >= 12


def killed_in(folder: str, world: Cleaned, name: str, at: int) -> None:
    with stopping(world.workspaces, at, killed):
        ACTS[name](world)


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("apply", False),
        *(pytest.param(name, True, marks=pytest.mark.guards) for name in ACTS),
    ],
)
def test_a_killed_process_leaves_what_the_next_one_completes(
    template: Cleaned, tmp_path: Path, name: str, *, every: bool
) -> None:
    count = steps_of(template, tmp_path / "counted", ACTS[name])
    assert count >= 12
    for at in range(1, count + 1) if every else (count // 2,):
        world, whole = prepared(template, tmp_path / "w", ACTS[name])
        process = PROCESSES.Process(target=killed_in, args=(str(tmp_path), world, name, at))
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL, at
        is_as_it_should_be(world, whole, ACTS[name])
        shutil.rmtree(tmp_path / "w")


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("name", "step"),
    [("apply", 29), *(pytest.param(name, 1, marks=pytest.mark.guards) for name in ACTS)],
)
def test_a_disk_that_becomes_full_at_any_step_loses_nothing(
    template: Cleaned, tmp_path: Path, name: str, step: int
) -> None:
    """From there on nothing that takes space succeeds; when there is room again it is completed."""
    count = steps_of(template, tmp_path / "counted", ACTS[name])
    refused = 0
    for at in range(min(step, 5), count + 1, step):
        world, whole = prepared(template, tmp_path / "w", ACTS[name])
        with stopping(world.workspaces, at, full, onwards=TAKE_SPACE), suppress(RdlakeError):
            refused += 1
            ACTS[name](world)
            refused -= 1
        nothing_is_lost(world, whole)
        is_as_it_should_be(world, whole, ACTS[name])
        shutil.rmtree(tmp_path / "w")
    assert refused


def test_half_a_line_that_the_disk_refused_is_not_continued(cleaned: Cleaned) -> None:
    applied(cleaned)
    with Root(cleaned.workspaces) as root:
        (journal,) = read_journals(root)
        (path,) = (cleaned.workspaces / TRASH).glob("*/journal.jsonl")
        whole, limit = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, limit[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                journal.write_step(0, "purging")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            signal.signal(signal.SIGXFSZ, ignored)
        assert path.read_bytes() == whole
        journal.write_step(0, "purging")
        (again,) = read_journals(root)
        assert again.state == ["purging", *journal.state[1:]]


NO_ROOM = """
import resource, signal, sys
from rdlake.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
main(["cleanup", *sys.argv[2:]])
"""


@pytest.mark.guards
@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("room", [3_000, *guarding(100, 9_000)])
def test_without_room_for_a_file_the_command_says_so_and_loses_nothing(
    template: Cleaned, tmp_path: Path, name: str, room: int
) -> None:
    world, whole = prepared(template, tmp_path / "w", ACTS[name])
    common = ["--lake", str(world.lake.root), "--workspaces", str(world.workspaces)]
    proven = ["--archive", world.to]
    allowed = [word for each in sorted(CLASSES) for word in ("--allow", each)]
    (tmp_path / "plan.json").write_text(
        world.plan("workspace", "intermediates").model_dump_json(), encoding="utf-8"
    )
    asked = {
        "apply": ["apply", str(tmp_path / "plan.json"), *proven, *allowed],
        "undo": ["undo"],
        "purge": ["purge", *proven, "--now"],
    }
    ran = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(room), *asked[name], *common],
        capture_output=True,
        text=True,
        check=False,
    )
    said = {0: "", 1: "fix:", 3: "File too large"}  # completed before, refused, in part
    assert said[ran.returncode] in ran.stderr and "Traceback" not in ran.stderr, ran.stderr
    assert ran.returncode or room > 1_000
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


@pytest.mark.guards
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
