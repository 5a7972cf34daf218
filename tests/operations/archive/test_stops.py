"""A run that is stopped anywhere is completed by the next: nothing lost, nothing double, and no
receipt for what was not read back."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rdlake.catalog.verify import verify
from rdlake.errors import LakeBusy, RdlakeError, StorageFailed
from rdlake.library import Library
from rdlake.operations.archive import ArchiveRequest, archive, archiving_levels
from rdlake.store import commit as commit_module
from rdlake.store import delta_log
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.lake_rows import versions
from tests.marks import guarding
from tests.operations.archive.world import IDS, World, rows_of

PROCESSES = multiprocessing.get_context("spawn")


class Stopped(BaseException):
    """As little of the program runs after it as after a kill, but for what closes files."""


class Stops:
    """Counts commits of all lakes and stops before or after the Nth."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen, self.at, self.before = 0, 0, True
        self.then: Callable[[], object] = _stop
        swap = Lake._swap

        def counted(lake: Lake, *arguments: object, **options: object) -> object:
            self.seen += 1
            if self.seen == self.at and self.before:
                self.then()
            done = swap(lake, *arguments, **options)  # type: ignore[arg-type]
            if self.seen == self.at and not self.before:
                self.then()
            return done

        monkeypatch.setattr(Lake, "_swap", counted)

    def arm(self, at: int, *, before: bool, then: Callable[[], object] | None = None) -> None:
        self.seen, self.at, self.before, self.then = 0, at, before, then or _stop


def _stop() -> None:
    raise Stopped


def copied(template: World, folder: Path) -> World:
    shutil.copytree(template.lake.root, folder / "lake")
    lake = open_store(folder / "lake")
    return World(lake, template.workspaces, folder / "archive")


def opened_anew(world: World) -> World:
    """As the next process finds it."""
    return World(open_store(world.lake.root), world.workspaces, world.to)


def is_complete(world: World) -> None:
    """All is there once, proven, and said in both lakes; and there is nothing left to do."""
    assert rows_of(world.there) == rows_of(world.lake)
    assert set(archiving_levels(world.lake).values()) == {2}
    key = ["archive_id", "workspace_id"]
    receipts = [lake.read("archives").sort(key) for lake in (world.lake, world.there)]
    assert receipts[0].equals(receipts[1]) and receipts[0].height == 4
    assert verify(world.there).whole
    before = versions(world.lake), versions(world.there)
    world.archive()
    assert (versions(world.lake), versions(world.there)) == before


def claims_nothing_unproven(world: World) -> None:
    """A level is said only of what the archive has."""
    levels = archiving_levels(open_store(world.lake.root))
    if 2 in levels.values():
        assert rows_of(open_store(world.to)) == rows_of(world.lake)


@pytest.mark.parametrize(
    ("before", "step"),
    [
        (True, 21),
        pytest.param(True, 1, marks=pytest.mark.guards),
        pytest.param(False, 1, marks=pytest.mark.guards),
    ],
)
def test_stopped_at_any_commit_the_next_run_completes_it(
    template_world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    before: bool,
    step: int,
) -> None:
    stops = Stops(monkeypatch)
    number, ended = 1 - step, False
    while not ended:
        number += step
        world = copied(template_world, tmp_path / str(number))
        stops.arm(number, before=before)
        try:
            world.archive()
            ended = True
        except Stopped:
            claims_nothing_unproven(world)
        stops.arm(0, before=before)
        world = opened_anew(world)
        world.archive()
        is_complete(world)
        shutil.rmtree(tmp_path / str(number))
    assert number > 20


def killed_in(root: Path, at: int) -> None:
    made, count = delta_log.sync_commit, [0]

    def deadly(folder: Path, version: int) -> None:
        made(folder, version)
        count[0] += 1
        if count[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(commit_module, "sync_commit", deadly)  # noqa: B010
    archive(open_store(root / "lake"), root / "archive")


@pytest.mark.guards
@pytest.mark.parametrize("at", [9, *guarding(1, 17)])
def test_a_killed_process_leaves_nothing_in_the_way(
    template_world: World, tmp_path: Path, at: int
) -> None:
    world = copied(template_world, tmp_path)
    process = PROCESSES.Process(target=killed_in, args=(tmp_path, at))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    world.archive()
    is_complete(world)


def archiving(root: Path, experiments: tuple[str, ...]) -> None:
    while True:
        try:
            archive(
                open_store(root / "lake"),
                root / "archive",
                ArchiveRequest(since=None, task_run_ids=frozenset(), experiments=experiments),
            )
        except LakeBusy:
            continue
        return


@pytest.mark.guards
def test_two_archivers_at_once_lose_and_double_nothing(
    template_world: World, tmp_path: Path
) -> None:
    world = copied(template_world, tmp_path)
    asked: list[tuple[str, ...]] = [(IDS[0],), (), (IDS[1], IDS[2])]
    both = [PROCESSES.Process(target=archiving, args=(tmp_path, each)) for each in asked]
    for process in both:
        process.start()
    for process in both:
        process.join(240)
        assert process.exitcode == 0
    world.archive()
    assert rows_of(world.there) == rows_of(world.lake)
    assert set(archiving_levels(world.lake).values()) == {2}
    assert verify(world.there).whole


@pytest.mark.guards
def test_the_second_archiver_is_told(template_world: World, tmp_path: Path) -> None:
    world = copied(template_world, tmp_path)
    from rdlake.operations.archive.location import open_archive

    with open_archive(world.lake, world.to), pytest.raises(LakeBusy, match="another archiver"):
        world.archive()
    is_complete_after(world)


def is_complete_after(world: World) -> None:
    world.archive()
    is_complete(world)


@pytest.mark.guards
def test_what_is_ingested_meanwhile_is_for_the_next_run(
    template_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = copied(template_world, tmp_path)
    shutil.copytree(template_world.workspaces, tmp_path / "workspaces", symlinks=True)
    stops = Stops(monkeypatch)
    changing = World(world.lake, tmp_path / "workspaces", world.to)

    def changed() -> None:
        (changing.workspaces / IDS[0] / "more.json").write_text("{}", encoding="utf-8")
        Library(open_store(world.lake.root)).ingest(changing.workspaces)

    stops.arm(6, before=True, then=changed)
    world.archive()
    levels = archiving_levels(world.lake)
    assert levels[IDS[0]] == 0 and levels[IDS[1]] == 2
    world.archive()
    assert rows_of(world.there) == rows_of(world.lake)
    assert set(archiving_levels(world.lake).values()) == {2}


@pytest.mark.guards
@pytest.mark.parametrize("at", [8, *guarding(2, 14, 20)])
def test_an_archive_that_is_gone_in_the_middle_is_said(
    template_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    world = copied(template_world, tmp_path)
    stops = Stops(monkeypatch)
    stops.arm(at, before=False, then=lambda: shutil.move(world.to, tmp_path / "away"))
    with pytest.raises(RdlakeError) as refused:
        world.archive()
    assert str(world.to) in refused.value.where and refused.value.fix
    assert not world.there_is_anything()
    assert 2 not in archiving_levels(world.lake).values() or at > 18
    stops.arm(0, before=False)
    shutil.rmtree(world.to, ignore_errors=True)
    shutil.move(tmp_path / "away", world.to)
    again = opened_anew(world)
    again.archive()
    is_complete(again)


FULL = """
import resource, signal, sys
import rdlake
from rdlake.operations.archive import archive
lake = rdlake.open_lake(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
from rdlake.cli.main import main
main(["archive", "run", "--lake", sys.argv[1], "--to", sys.argv[2]])
"""


@pytest.mark.guards
@pytest.mark.parametrize("room", [20_000, *guarding(1_000, 100_000)])
def test_a_disk_without_room_is_said_and_completed_later(
    template_world: World, tmp_path: Path, room: int
) -> None:
    world = copied(template_world, tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(world.lake.root), str(world.to), str(room)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1 and "fix:" in ran.stderr, ran.stderr
    assert "Traceback" not in ran.stderr
    claims_nothing_unproven(world)
    is_complete_after(world)


def test_an_archive_that_cannot_be_written_to_is_refused(
    template_world: World, tmp_path: Path
) -> None:
    world = copied(template_world, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be used"):
        archive(world.lake, tmp_path / "file" / "archive")
