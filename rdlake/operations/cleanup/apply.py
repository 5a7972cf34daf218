"""Carrying a plan out: everything is judged again, and only what is still the same is moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from rdlake.errors import BadInput, CheckFailed, StorageFailed
from rdlake.evidence import Source
from rdlake.operations.cleanup.classes import CLASSES, EMPTY
from rdlake.operations.cleanup.disk import Root, Unsafe
from rdlake.operations.cleanup.facts import Facts, archive_named, facts_of
from rdlake.operations.cleanup.journal import Journal, Move, journals_of, turn
from rdlake.operations.cleanup.judge import Given, Judge
from rdlake.operations.cleanup.plan import ANEW, File, Item, Plan
from rdlake.operations.cleanup.recorded import is_recorded, record
from rdlake.operations.cleanup.trash import (
    Done,
    bring_back,
    done,
    remove,
    settle,
    throw,
    unlike,
)
from rdlake.sources.formats.wording import explain
from rdlake.store.lake import Lake

SHOWN = 5


@dataclass(frozen=True)
class Report:
    """What became of each move. `refused` ones stayed where they were, each with its reason."""

    done: tuple[Done, ...]

    @property
    def refused(self) -> tuple[Done, ...]:
        return tuple(each for each in self.done if each.reason)

    def bytes(self, state: str) -> int:
        return sum(each.bytes for each in self.done if each.state == state)


def apply_plan(
    lake: Lake, archive: str, plan: Plan, given: Given, *, grace_days: float = 7.0
) -> Report:
    """Move what the plan says into the trash of its root, until `grace_days` are over.

    The operator names roots, archive and classes again, and everything is looked at again: lake,
    archive and disk. CheckFailed, with nothing moved, when one item is not what the plan says.
    """
    there = archive_named(lake, archive)
    assert there is not None
    _refuse_other(lake, there, plan, given)
    with _roots([*given.workspaces, *given.logs]) as roots:
        _settle(lake, roots)
        fresh = _judged_again(lake, there, plan, given)
        keep_until = _now() + timedelta(days=grace_days)
        found: list[Done] = []
        for root in roots:
            moves = [move for item in fresh if item.root == root.root_id for move in _moves(item)]
            if moves:
                found += _thrown(lake, root, there.lake_id, keep_until, moves)
        return Report(tuple(found))


def undo(lake: Lake, roots: Sequence[Path], cleanup_id: str | None = None) -> Report:
    """Give back what is still in the trash below these roots, of one clean-up or of all."""
    with _roots(roots) as opened:
        _settle(lake, opened)
        found: list[Done] = []
        for root in opened:
            for journal in _ours(lake, root, cleanup_id):
                found += bring_back(journal)
            record(lake, _ours(lake, root))
        _refuse_nowhere(opened, lake, cleanup_id)
    return Report(tuple(found))


def purge(
    lake: Lake,
    archive: str,
    roots: Sequence[Path],
    cleanup_id: str | None = None,
    *,
    at_once: bool = False,
) -> Report:
    """Delete what is in the trash and whose grace is over, or all of it `at_once`; each file only
    when the archive, read again now, still proves it."""
    there = archive_named(lake, archive)
    assert there is not None
    with _roots(roots) as opened:
        _settle(lake, opened)
        due = [
            journal
            for root in opened
            for journal in _ours(lake, root, cleanup_id)
            if at_once or datetime.fromisoformat(journal.keep_until) <= _now()
        ]
        found = _purged(lake, there, due)
        for root in opened:
            record(lake, _ours(lake, root))
        _refuse_nowhere(opened, lake, cleanup_id)
    return Report(tuple(found))


# --- applying ------------------------------------------------------------------------------


def _refuse_other(lake: Lake, archive: Lake, plan: Plan, given: Given) -> None:
    """CheckFailed for a plan of another lake or archive, or one that allows more than is said."""
    for what, theirs, ours in (
        ("lake", plan.lake_id, lake.lake_id),
        ("archive", plan.archive_lake_id, archive.lake_id),
    ):
        if theirs != ours:
            raise CheckFailed(f"the plan is of another {what}", where=theirs, fix=ANEW)
    if more := sorted(set(plan.allowed) - given.allowed):
        fix = f"say it again: {' '.join(f'--allow {each}' for each in more)}"
        raise CheckFailed("the plan allows what this command does not", where=more[0], fix=fix)
    roots = set[str]()
    for path in (*given.workspaces, *given.logs):
        with Root(path) as root:
            roots.add(root.root_id)
    for item in plan.going:
        if item.root not in roots:
            raise CheckFailed(
                f"the plan names {item.folder} below a root that is not named here",
                where=item.root,
                fix="name it with --workspaces or --log-path, or " + ANEW,
            )


def _judged_again(lake: Lake, archive: Lake, plan: Plan, given: Given) -> tuple[Item, ...]:
    """The items of the plan as they are judged now; CheckFailed when one is another."""
    wanted = {(item.stage, item.root, item.folder): item for item in plan.going}
    if len(wanted) != len(plan.going):
        raise CheckFailed("the plan names a folder twice", where="the plan", fix=ANEW)
    stages = {item.stage for item in plan.going}
    asked = Given(given.workspaces, given.logs, stages, frozenset(plan.allowed),
                  given.idle_days, given.signing_key)  # fmt: skip
    judge = Judge(lake, archive, asked, lambda *key: key in wanted)
    fresh = {(item.stage, item.root, item.folder): item for item in judge.items()}
    wrong: list[str] = []
    for key, item in wanted.items():
        now = fresh.get(key)
        if now is None:
            wrong.append(f"{item.folder}: it is no folder that may be cleaned up")
        elif now.reasons:
            wrong += [f"{item.folder}: {reason}" for reason in now.reasons]
        elif _agreed(now) != _agreed(item):
            wrong.append(f"{item.folder}: what the plan says of it is not what is there")
    if wrong:
        more = f" (and {len(wrong) - SHOWN} more)" if len(wrong) > SHOWN else ""
        raise CheckFailed(
            f"the plan no longer matches: {'; '.join(wrong[:SHOWN])}{more}",
            where="lake, archive and disk as they are now",
            fix=ANEW,
        )
    return tuple(fresh[key] for key in wanted)


def _agreed(item: Item) -> tuple[object, ...]:
    """What the operator agreed to; a later receipt that proves the same is as good."""
    return item.name, item.size, item.level, item.files


def _moves(item: Item) -> Iterator[Move]:
    sources: list[tuple[str, tuple[File, ...]]] = [(item.folder, item.files)]
    if item.stage == "intermediates":
        sources = [(f"{item.folder}/{each.path}", (each,)) for each in item.files]
    for source, files in sources:
        yield Move(stage=item.stage, name=item.name, folder=item.folder, source=source,
                   archive_id=item.archive_id, files=files)  # fmt: skip


def _thrown(
    lake: Lake, root: Root, archive_lake_id: str, keep_until: datetime, moves: Sequence[Move]
) -> list[Done]:
    """First the journal, then the lake, then the disk: whoever finds a file gone finds why."""
    journal = Journal.begin(root, lake.lake_id, archive_lake_id, keep_until.isoformat(), moves)
    record(lake, [journal], begun=journal.cleanup_id)
    found = list(throw(journal))
    record(lake, [journal])
    return found


# --- purging -------------------------------------------------------------------------------


def _purged(lake: Lake, archive: Lake, journals: Sequence[Journal]) -> list[Done]:
    due = [(each, number) for each in journals for number in each.numbers("trashed", "purging")]
    ids = {each for journal, number in due for each in _rests_on(lake, journal.moves[number])}
    facts = facts_of(lake, archive, ids)
    found: list[Done] = []
    for journal, number in due:
        reason = _unproven(lake, facts, journal, number) or unlike(journal, number)
        if reason is None:
            try:
                remove(journal, number)
            except (OSError, Unsafe) as error:
                reason = explain(error)
        found.append(done(journal, number, reason))
    return found


def _rests_on(lake: Lake, move: Move) -> frozenset[str]:
    """The workspaces whose receipts a move needs."""
    if move.stage != "logs":
        return frozenset({move.name})
    source = str(Source("trace", move.name))
    rows = lake.read("evidence", ["workspace_id"], pl.col("source") == source)
    told = set(rows["workspace_id"])
    known = {key for name in ("loops", "workspaces") for key in lake.read(name)["workspace_id"]}
    return frozenset(told & known)


def _unproven(lake: Lake, facts: Facts, journal: Journal, number: int) -> str | None:
    """Why a move may not be purged; None when all of it is proven now."""
    move = journal.moves[number]
    if journal.archive_lake_id != facts.archive_lake_id:
        return "another archive proves it: name that one with --archive"
    if not is_recorded(lake, journal, number):
        return "the lake does not say of it what its journal says"
    ids = _rests_on(lake, move)
    for each in sorted(ids):
        if reasons := facts.refused(each, 1 if move.stage == "logs" else 2):
            return f"{reasons[0]}; rdlake cleanup undo gives it back"
    if not ids:
        return "the lake knows no loop of this run"
    for file in move.files:
        if not _is_proven(file, move, facts):
            return f"{file.path}: the archive does not have its content"
    return None


def _is_proven(file: File, move: Move, facts: Facts) -> bool:
    if move.stage == "logs":
        return file.proof in ("rows", "log_noise")
    if file.kind == "link":
        return file.proof == "link"
    if file.proof == "archive":
        return file.sha256 in facts.proven
    return file.proof in CLASSES or (file.proof == "empty" and file.sha256 == EMPTY)


# --- roots ---------------------------------------------------------------------------------


@contextmanager
def _roots(paths: Sequence[Path]) -> Iterator[list[Root]]:
    """The roots, opened, and nobody else's turn below any of them."""
    if not paths:
        raise BadInput("no root is named", where="--workspaces, --log-path",
                       fix="name the folders that were ingested")  # fmt: skip
    with _disk_door(paths), ExitStack() as stack:
        found: dict[str, Root] = {}
        for path in paths:
            root = stack.enter_context(Root(path))
            if found.setdefault(root.root_id, root) is root:
                try:
                    stack.enter_context(turn(root))
                except Unsafe as unsafe:
                    what = f"the trash of the root cannot be used: {unsafe}"
                    raise CheckFailed(what, where=root.path, fix="move it away") from unsafe
        yield list(found.values())


@contextmanager
def _disk_door(paths: Sequence[Path]) -> Iterator[None]:
    """A disk that refuses, where no single file is to blame, is said here."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"the disk refused: {error.strerror or error}",
            where=", ".join(map(str, paths)),
            fix="free space or mend the permissions, then run rdlake cleanup apply, undo or purge: "
            "it completes what was begun; nothing is lost",
        ) from error


def _settle(lake: Lake, roots: Sequence[Root]) -> None:
    """Complete what was stopped, on disk and in the lake."""
    for root in roots:
        journals = list(_ours(lake, root))
        for journal in journals:
            settle(journal)
        record(lake, journals)


def _ours(lake: Lake, root: Root, cleanup_id: str | None = None) -> list[Journal]:
    return [each for each in journals_of(root, cleanup_id) if each.lake_id == lake.lake_id]


def _refuse_nowhere(roots: Sequence[Root], lake: Lake, cleanup_id: str | None) -> None:
    if cleanup_id and not any(_ours(lake, root, cleanup_id) for root in roots):
        raise BadInput("no such clean-up below these roots", where=cleanup_id,
                       fix="rdlake sql \"FROM rdlake_tables.cleanups\" lists them")  # fmt: skip


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
