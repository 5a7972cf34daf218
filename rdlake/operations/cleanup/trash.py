"""Into the trash, back from it, and out of it: each step told in the journal first or last, so that
whoever comes next knows what to complete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rdlake.operations.cleanup.disk import Found, Unsafe
from rdlake.operations.cleanup.journal import Journal
from rdlake.operations.cleanup.plan import File
from rdlake.sources.formats.wording import explain


@dataclass(frozen=True)
class Done:
    """What became of one move."""

    cleanup_id: str
    stage: str
    name: str
    path: str
    files: int
    bytes: int
    state: str
    reason: str | None = None


def done(journal: Journal, number: int, reason: str | None = None) -> Done:
    """What became of a move, as the journal has it."""
    move = journal.moves[number]
    size = sum(each.size for each in move.files)
    return Done(journal.cleanup_id, move.stage, move.name, move.source, len(move.files), size,
                journal.state[number], reason)  # fmt: skip


def throw(journal: Journal) -> Iterator[Done]:
    """Move everything that is meant. What turns out to be another than was judged is given back."""
    for number in journal.numbers("meant"):
        try:
            journal.root.move(journal.moves[number].source, journal.place(number))
        except (OSError, Unsafe) as error:
            journal.tell(number, "left")
            yield done(journal, number, f"it was not moved: {_why(error)}")
            continue
        yield _looked_at_again(journal, number)


def settle(journal: Journal) -> None:
    """Find out how far a stopped clean-up came: what was moved is in the trash, what was not stays
    where it is."""
    root = journal.root
    for number in journal.numbers("meant", "trashed", "purging"):
        source, place, state = (
            journal.moves[number].source, journal.place(number), journal.state[number]
        )  # fmt: skip
        there, back = root.exists(place), root.exists(source)
        if state == "meant" and not there:
            journal.tell(number, "left")
        elif state == "meant":
            if back and _is_one_file(journal, source, place):
                root.move(source, place)
            _looked_at_again(journal, number)
        elif state == "trashed" and back and (not there or _is_one_file(journal, source, place)):
            if there:
                root.move(place, source)
            journal.tell(number, "undone")
        elif state == "purging" and not there:
            journal.tell(number, "purged")


def bring_back(journal: Journal) -> Iterator[Done]:
    """Give back what is still in the trash; what is in its way stays, and is told."""
    root = journal.root
    for number in journal.numbers("trashed", "purging"):
        move, place = journal.moves[number], journal.place(number)
        try:
            tree = root.tree(place, hashed=False)
            gone = _paths(move.files) - {_path(move.files, each) for each in tree.found}
            root.move(place, move.source)
        except FileExistsError:
            yield done(journal, number, "something is in its place, and nothing is overwritten")
        except (OSError, Unsafe) as error:
            yield done(journal, number, f"it cannot be given back: {_why(error)}")
        else:
            journal.tell(number, "undone", sorted(gone))
            yield done(journal, number)


def remove(journal: Journal, number: int) -> None:
    """Delete what is in the trash of a move, which was proven just now; what is not what was
    proven, is never deleted."""
    root, place = journal.root, journal.place(number)
    files = {each.path: each for each in journal.moves[number].files}
    if journal.state[number] != "purging":
        journal.tell(number, "purging")
    is_file = _is_file(journal, number)
    for each in root.tree(place).found:
        if not _is_what_was_judged(files.get(_path(journal.moves[number].files, each)), each):
            raise Unsafe(f"{each.path} changed while it was deleted")
        root.delete(place if is_file else f"{place}/{each.path}")
    if not is_file:
        root.delete_folders(place)
    journal.tell(number, "purged")


def unlike(journal: Journal, number: int) -> str | None:
    """How what is in the trash is not what was judged; None when it is. Of what is being purged
    some may be gone."""
    move = journal.moves[number]
    files = {each.path: each for each in move.files}
    try:
        tree = journal.root.tree(journal.place(number))
    except (Unsafe, OSError) as error:
        return _why(error)
    for each in tree.found:
        path = _path(move.files, each)
        if not _is_what_was_judged(files.pop(path, None), each):
            return f"{path} was written or replaced"
    if files and journal.state[number] != "purging":
        return f"{min(files)} is gone"
    return None


def _looked_at_again(journal: Journal, number: int) -> Done:
    """A moved folder, in the trash if it is what was judged, else given back."""
    reason = unlike(journal, number)
    if reason is None:
        journal.tell(number, "trashed")
        return done(journal, number)
    source = journal.moves[number].source
    try:
        journal.root.move(journal.place(number), source)
    except (OSError, Unsafe) as error:
        journal.tell(number, "trashed")  # it stays there: purge looks at it again
        return done(journal, number, f"{reason}; it cannot be given back: {_why(error)}")
    journal.tell(number, "given_back")
    return done(journal, number, f"{reason} after it was looked at; it was given back")


def _is_one_file(journal: Journal, source: str, place: str) -> bool:
    """Whether both are names of one file: a move that was stopped between the two."""
    found = []
    for path in (source, place):
        above, _, name = path.rpartition("/")
        with journal.root.folder(above) as parent:
            found.append(journal.root.status(parent, name))
    return found[0] == found[1]


def _is_file(journal: Journal, number: int) -> bool:
    move = journal.moves[number]
    return move.source != move.folder


def _path(files: tuple[File, ...], each: Found) -> str:
    """A file that moved by itself has no path below its place."""
    return each.path or files[0].path


def _paths(files: tuple[File, ...]) -> set[str]:
    return {each.path for each in files}


def _is_what_was_judged(file: File | None, each: Found) -> bool:
    return file is not None and (file.kind, file.size, file.sha256, file.target) == (
        each.kind, each.size, each.sha256, each.target
    )  # fmt: skip


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, Unsafe) else explain(error)
