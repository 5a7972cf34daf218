"""Keep the journal of one clean-up of one root: every step is on disk before the next is made.

It lies beside the trash: `.rdlake-trash/<cleanup id>/journal.jsonl`. It is checked against the lake
before anything is deleted for good.
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
    """Describe a folder, or one file of it, to move to the trash. Only `files` move; their paths
    are within the folder."""

    stage: Stage
    name: str
    folder: str
    source: str
    archive_id: str | None
    files: tuple[PlannedFile, ...]


class JournalLine(StrictModel):
    """Hold one step: the beginning, or a new state of a move. `gone` are the files that were purged
    and cannot be brought back."""

    step: Literal["begun"] | State
    at: str
    move: int | None = None
    what: Move | None = None
    gone: tuple[str, ...] = ()
    lake_id: str | None = None
    archive_lake_id: str | None = None
    keep_until: str | None = None


class Journal:
    """Hold a clean-up's journal. `state`, `times` and `gone` are indexed by the move's number."""

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
        """Write a new journal with all intended moves, and flush it to disk."""
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
        """Read a journal that was begun before; a half-written last line is dropped. Raise
        DamagedLake when it is not what was written."""
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
        """Return where a move's folder or file lies in the trash."""
        return f"{self.folder}/{number}"

    def write_step(self, number: int, step: State, gone: Sequence[str] = ()) -> None:
        """Append one step of a move, and flush it to disk."""
        line = JournalLine(step=step, at=_now(), move=number, gone=tuple(gone))
        with self.root.folder(self.folder) as folder:
            descriptor = os.open(NAME, _APPEND, dir_fd=folder)
            try:
                _write(descriptor, [line])
            finally:
                os.close(descriptor)
        self._apply(line)

    def numbers(self, *states: State) -> list[int]:
        """Return the moves in one of these states."""
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
    """Yield the journals below a root, oldest first."""
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
    """Lock the clean-ups below this root; the lock ends with the process."""
    root.make(TRASH)
    with root.folder(TRASH) as folder:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(TURN, flags, 0o600, dir_fd=folder)
    with locked(descriptor, root.path, "clean-up"):
        yield


def _write(descriptor: int, lines: Sequence[JournalLine]) -> None:
    """Append all lines or, when the disk refuses one, none: no line may follow half of one."""
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
