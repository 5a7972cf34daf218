"""Move into the trash, back from it, and out of it.

Each step is written to the journal first or last, so that the next command knows what to complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rdlake.operations.cleanup.disk import DiskEntry, UnsafeEntry
from rdlake.operations.cleanup.journal import Journal
from rdlake.operations.cleanup.plan import PlannedFile
from rdlake.sources.formats.wording import explain


@dataclass(frozen=True, kw_only=True)
class MoveOutcome:
    """Report the outcome of one move."""

    cleanup_id: str
    stage: str
    name: str
    path: str
    files: int
    bytes: int
    state: str
    reason: str | None = None


def outcome_of(journal: Journal, number: int, reason: str | None = None) -> MoveOutcome:
    """Return the outcome of a move, as the journal has it."""
    move = journal.moves[number]
    size = sum(each.size for each in move.files)
    return MoveOutcome(
        cleanup_id=journal.cleanup_id,
        stage=move.stage,
        name=move.name,
        path=move.source,
        files=len(move.files),
        bytes=size,
        state=journal.state[number],
        reason=reason,
    )


def move_to_trash(journal: Journal) -> Iterator[MoveOutcome]:
    """Move everything that is meant. What changed since it was planned is given back."""
    for number in journal.numbers("meant"):
        try:
            journal.root.move(journal.moves[number].source, journal.place(number))
        except (OSError, UnsafeEntry) as error:
            journal.write_step(number, "left")
            yield outcome_of(journal, number, f"it was not moved: {_why(error)}")
            continue
        yield _check_moved(journal, number)


def complete_moves(journal: Journal) -> None:
    """Find out how far a stopped clean-up came: what was moved is in the trash, the rest stays in
    place."""
    root = journal.root
    for number in journal.numbers("meant", "trashed", "purging"):
        source, place, state = (
            journal.moves[number].source,
            journal.place(number),
            journal.state[number],
        )
        there, back = root.exists(place), root.exists(source)
        if state == "meant" and not there:
            journal.write_step(number, "left")
        elif state == "meant":
            if back and _is_one_file(journal, source, place):
                root.move(source, place)
            _check_moved(journal, number)
        elif state == "trashed" and back and (not there or _is_one_file(journal, source, place)):
            if there:
                root.move(place, source)
            journal.write_step(number, "undone")
        elif state == "purging" and not there:
            journal.write_step(number, "purged")


def bring_back(journal: Journal) -> Iterator[MoveOutcome]:
    """Give back what is still in the trash; a move whose place is taken stays, with the reason."""
    root = journal.root
    for number in journal.numbers("trashed", "purging"):
        move, place = journal.moves[number], journal.place(number)
        try:
            tree = root.tree(place, hashed=False)
            gone = _paths(move.files) - {_path(move.files, each) for each in tree.entries}
            root.move(place, move.source)
        except FileExistsError:
            yield outcome_of(
                journal, number, "something is in its place, and nothing is overwritten"
            )
        except (OSError, UnsafeEntry) as error:
            yield outcome_of(journal, number, f"it cannot be given back: {_why(error)}")
        else:
            journal.write_step(number, "undone", sorted(gone))
            yield outcome_of(journal, number)


def delete_move(journal: Journal, number: int) -> None:
    """Delete what is in the trash of a move that was just proven. Nothing that differs from the
    proof is deleted."""
    root, place = journal.root, journal.place(number)
    files = {each.path: each for each in journal.moves[number].files}
    if journal.state[number] != "purging":
        journal.write_step(number, "purging")
    is_file = _is_file(journal, number)
    for each in root.tree(place).entries:
        if not _is_what_was_judged(files.get(_path(journal.moves[number].files, each)), each):
            raise UnsafeEntry(f"{each.path} changed while it was deleted")
        root.delete(place if is_file else f"{place}/{each.path}")
    if not is_file:
        root.delete_folders(place)
    journal.write_step(number, "purged")


def find_change(journal: Journal, number: int) -> str | None:
    """Return how the trash differs from what was planned; None when it does not. During a purge
    files may be gone."""
    move = journal.moves[number]
    files = {each.path: each for each in move.files}
    try:
        tree = journal.root.tree(journal.place(number))
    except (UnsafeEntry, OSError) as error:
        return _why(error)
    for each in tree.entries:
        path = _path(move.files, each)
        if not _is_what_was_judged(files.pop(path, None), each):
            return f"{path} was written or replaced"
    if files and journal.state[number] != "purging":
        return f"{min(files)} is gone"
    return None


def _check_moved(journal: Journal, number: int) -> MoveOutcome:
    """Keep a moved folder in the trash if it is what was planned, else give it back."""
    reason = find_change(journal, number)
    if reason is None:
        journal.write_step(number, "trashed")
        return outcome_of(journal, number)
    source = journal.moves[number].source
    try:
        journal.root.move(journal.place(number), source)
    except (OSError, UnsafeEntry) as error:
        journal.write_step(number, "trashed")  # it stays there: purge looks at it again
        return outcome_of(journal, number, f"{reason}; it cannot be given back: {_why(error)}")
    journal.write_step(number, "given_back")
    return outcome_of(journal, number, f"{reason} after it was looked at; it was given back")


def _is_one_file(journal: Journal, source: str, place: str) -> bool:
    """Return whether both names are one file: a move was stopped between the two."""
    found = []
    for path in (source, place):
        above, _, name = path.rpartition("/")
        with journal.root.folder(above) as parent:
            found.append(journal.root.status(parent, name))
    return found[0] == found[1]


def _is_file(journal: Journal, number: int) -> bool:
    move = journal.moves[number]
    return move.source != move.folder


def _path(files: tuple[PlannedFile, ...], each: DiskEntry) -> str:
    """Return a file's path; a file that moved by itself has none below its place."""
    return each.path or files[0].path


def _paths(files: tuple[PlannedFile, ...]) -> set[str]:
    return {each.path for each in files}


def _is_what_was_judged(file: PlannedFile | None, each: DiskEntry) -> bool:
    return file is not None and (file.kind, file.size, file.sha256, file.target) == (
        each.kind,
        each.size,
        each.sha256,
        each.target,
    )


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, UnsafeEntry) else explain(error)
