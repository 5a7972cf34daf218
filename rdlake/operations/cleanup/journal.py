"""The journal of one clean-up of one root: every step, on disk before the next is made.

It lies beside what it tells of: `.rdlake-trash/<cleanup id>/journal.jsonl`. What it says is checked
against the lake before anything is deleted for good.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from rdlake.errors import DamagedLake
from rdlake.operations.cleanup.disk import Root, UnsafeEntry, unsafe_path
from rdlake.operations.cleanup.plan import PlannedFile, Stage, StrictModel, parse_model
from rdlake.sources.workspace.roots import TRASH
from rdlake.store.lock import locked

NAME, TURN = "journal.jsonl", ".turn"
State = Literal["meant", "left", "trashed", "given_back", "undone", "purging", "purged"]
_READ = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
_APPEND = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)


class Move(StrictModel):
    """A folder, or one file of it, on its way to the trash. `files` have their paths within the
    folder, and are all that moves."""

    stage: Stage
    name: str
    folder: str
    source: str
    archive_id: str | None
    files: tuple[PlannedFile, ...]


class JournalLine(StrictModel):
    """One step: the beginning of the whole, or what became of a move. `gone` are the files that
    could not be brought back, since they were purged."""

    step: Literal["begun"] | State
    at: str
    move: int | None = None
    what: Move | None = None
    gone: tuple[str, ...] = ()
    lake_id: str | None = None
    archive_lake_id: str | None = None
    keep_until: str | None = None


class Journal:
    """A clean-up's journal. `state`, `times` and `gone` are by the number of the move."""

    def __init__(self, root: Root, cleanup_id: str) -> None:
        self.root, self.cleanup_id = root, cleanup_id
        self.folder = f"{TRASH}/{cleanup_id}"
        self.lake_id = self.archive_lake_id = self.keep_until = ""
        self.moves: list[Move] = []
        self.state: list[State] = []
        self.times: list[dict[str, str]] = []
        self.gone: list[tuple[str, ...]] = []

    @classmethod
    def begin(
        cls, root: Root, lake_id: str, archive_lake_id: str, keep_until: str, moves: Sequence[Move]
    ) -> Journal:
        """A new journal that says what is meant, all of it on disk when this returns."""
        journal = cls(root, f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:12]}")
        root.make(journal.folder)
        begun = JournalLine(
            step="begun",
            at=_now(),
            lake_id=lake_id,
            archive_lake_id=archive_lake_id,
            keep_until=keep_until,
        )
        lines = [begun]
        lines += [
            JournalLine(step="meant", at=_now(), move=number, what=move)
            for number, move in enumerate(moves)
        ]
        with root.folder(journal.folder) as folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            descriptor = os.open(NAME, flags, 0o600, dir_fd=folder)
            try:
                _write(descriptor, lines)
            finally:
                os.close(descriptor)
            os.fsync(folder)
        for line in lines:
            journal._apply(line)
        return journal

    @classmethod
    def read(cls, root: Root, cleanup_id: str) -> Journal:
        """One that was begun before; its last line counts when it is whole. DamagedLake for a
        journal that cannot be what was written."""
        journal = cls(root, cleanup_id)
        where = root.path / journal.folder / NAME
        try:
            with root.folder(journal.folder) as folder:
                descriptor = os.open(NAME, _READ, dir_fd=folder)
                with open(descriptor, "r+b") as file:  # noqa: PTH123
                    root.own(descriptor, NAME)
                    *lines, half = file.read().split(b"\n")
                    if half:  # a writer was stopped in the middle of it
                        file.truncate(file.tell() - len(half))
            for line in lines:
                journal._apply(parse_model(JournalLine, line))
        except FileNotFoundError:
            pass  # stopped before anything was meant
        except (ValueError, IndexError, UnsafeEntry) as error:
            raise DamagedLake(
                f"the journal of a clean-up is not what was written: {error}",
                where=where,
                fix="restore it, or move what lies beside it back by hand and remove its folder",
            ) from error
        return journal

    def place(self, number: int) -> str:
        """Where a move's folder or file lies in the trash."""
        return f"{self.folder}/{number}"

    def write_step(self, number: int, step: State, gone: Sequence[str] = ()) -> None:
        """One more step of a move, on disk when this returns."""
        line = JournalLine(step=step, at=_now(), move=number, gone=tuple(gone))
        with self.root.folder(self.folder) as folder:
            descriptor = os.open(NAME, _APPEND, dir_fd=folder)
            try:
                _write(descriptor, [line])
            finally:
                os.close(descriptor)
        self._apply(line)

    def numbers(self, *states: State) -> list[int]:
        """The moves that stand so."""
        return [number for number, state in enumerate(self.state) if state in states]

    def _apply(self, line: JournalLine) -> None:
        if line.step == "begun":
            self.lake_id, self.archive_lake_id = line.lake_id or "", line.archive_lake_id or ""
            self.keep_until = line.keep_until or ""
            return
        if line.step == "meant":
            if line.what is None or line.move != len(self.moves):
                raise ValueError("a move is missing")
            _refuse_unsafe(line.what)
            self.moves.append(line.what)
            self.state.append("meant")
            self.times.append({"meant": line.at})
            self.gone.append(())
        elif line.move is None or not 0 <= line.move < len(self.moves):
            raise ValueError("a step of no move")
        else:
            self.state[line.move] = line.step
            self.times[line.move][line.step] = line.at
            self.gone[line.move] = line.gone


def read_journals(root: Root, cleanup_id: str | None = None) -> Iterator[Journal]:
    """The journals below a root, oldest first."""
    try:
        with root.folder(TRASH) as folder:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - a descriptor
    except UnsafeEntry:
        names = []
    for name in names:
        if name != TURN and cleanup_id in (None, name):
            yield Journal.read(root, name)


@contextmanager
def lock_root(root: Root) -> Iterator[None]:
    """Nobody else's turn to clean up below this root; it ends with the process."""
    root.make(TRASH)
    with root.folder(TRASH) as folder:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(TURN, flags, 0o600, dir_fd=folder)
    with locked(descriptor, root.path, "clean-up"):
        yield


def _write(descriptor: int, lines: Sequence[JournalLine]) -> None:
    """All of these lines or, when the disk refuses one, none: the next one must not follow half."""
    text = "".join(line.model_dump_json() + "\n" for line in lines).encode()
    before = os.fstat(descriptor).st_size
    try:
        while text:
            text = text[os.write(descriptor, text) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, before)
        raise


def _refuse_unsafe(move: Move) -> None:
    for path in (move.folder, move.source, *(each.path for each in move.files)):
        if reason := unsafe_path(path):
            raise ValueError(f"{path!r}: {reason}")
    if move.source != move.folder and not move.source.startswith(f"{move.folder}/"):
        raise ValueError(f"{move.source!r} lies elsewhere")


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat()
