"""Carry a plan out: plan again, and move only what still agrees. Also undo and purge."""

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
from rdlake.operations.cleanup.disk import Root, UnsafeEntry
from rdlake.operations.cleanup.experiment_facts import (
    ExperimentFacts,
    open_named_archive,
    read_facts,
)
from rdlake.operations.cleanup.journal import Journal, Move, lock_root, read_journals
from rdlake.operations.cleanup.lake_record import is_recorded, record_journals
from rdlake.operations.cleanup.plan import ANEW, Plan, PlanItem, PlannedFile
from rdlake.operations.cleanup.planner import CleanupRequest, Planner
from rdlake.operations.cleanup.trash import (
    MoveOutcome,
    bring_back,
    complete_moves,
    delete_move,
    find_change,
    move_to_trash,
    outcome_of,
)
from rdlake.sources.formats.wording import explain
from rdlake.store.lake import Lake

SHOWN = 5


@dataclass(frozen=True)
class CleanupReport:
    """Report the outcome of each move. `refused` moves have a reason."""

    moves: tuple[MoveOutcome, ...]

    @property
    def refused(self) -> tuple[MoveOutcome, ...]:
        return tuple(each for each in self.moves if each.reason)

    def bytes(self, state: str) -> int:
        return sum(each.bytes for each in self.moves if each.state == state)


def apply_plan(
    lake: Lake, archive: str, plan: Plan, request: CleanupRequest, *, grace_days: float = 7.0
) -> CleanupReport:
    """Move what the plan says into the trash of its root, for `grace_days`.

    The operator names roots, archive and classes again, and lake, archive and disk are read again.
    Raise CheckFailed, with nothing moved, when one item is not what the plan says.
    """
    there = open_named_archive(lake, archive)
    assert there is not None
    _refuse_other(lake, there, plan, request)
    with _roots([*request.workspaces, *request.logs]) as roots:
        _settle(lake, roots)
        fresh = _plan_again(lake, there, plan, request)
        keep_until = _now() + timedelta(days=grace_days)
        found: list[MoveOutcome] = []
        for root in roots:
            moves = [move for item in fresh if item.root == root.root_id for move in _moves(item)]
            if moves:
                found += _trash_moves(lake, root, there.lake_id, keep_until, moves)
        return CleanupReport(tuple(found))


def undo(lake: Lake, roots: Sequence[Path], cleanup_id: str | None = None) -> CleanupReport:
    """Give back what is still in the trash below these roots, of one clean-up or of all."""
    with _roots(roots) as opened:
        _settle(lake, opened)
        found: list[MoveOutcome] = []
        for root in opened:
            for journal in _ours(lake, root, cleanup_id):
                found += bring_back(journal)
            record_journals(lake, _ours(lake, root))
        _refuse_nowhere(opened, lake, cleanup_id)
    return CleanupReport(tuple(found))


def purge(
    lake: Lake,
    archive: str,
    roots: Sequence[Path],
    cleanup_id: str | None = None,
    *,
    at_once: bool = False,
) -> CleanupReport:
    """Delete what is in the trash and past its grace, or all of it `at_once`.

    A file is deleted only when the archive, read again now, still proves it.
    """
    there = open_named_archive(lake, archive)
    assert there is not None
    with _roots(roots) as opened:
        _settle(lake, opened)
        due = [
            journal
            for root in opened
            for journal in _ours(lake, root, cleanup_id)
            if at_once or datetime.fromisoformat(journal.keep_until) <= _now()
        ]
        found = _purge_moves(lake, there, due)
        for root in opened:
            record_journals(lake, _ours(lake, root))
        _refuse_nowhere(opened, lake, cleanup_id)
    return CleanupReport(tuple(found))


# --- applying ------------------------------------------------------------------------------


def _refuse_other(lake: Lake, archive: Lake, plan: Plan, request: CleanupRequest) -> None:
    """Raise CheckFailed for a plan of another lake or archive, or one that allows more than the
    request."""
    for what, theirs, ours in (
        ("lake", plan.lake_id, lake.lake_id),
        ("archive", plan.archive_lake_id, archive.lake_id),
    ):
        if theirs != ours:
            raise CheckFailed(f"the plan is of another {what}", where=theirs, fix=ANEW)
    if more := sorted(set(plan.allowed) - request.allowed):
        fix = f"say it again: {' '.join(f'--allow {each}' for each in more)}"
        raise CheckFailed("the plan allows what this command does not", where=more[0], fix=fix)
    roots = set[str]()
    for path in (*request.workspaces, *request.logs):
        with Root(path) as root:
            roots.add(root.root_id)
    for item in plan.going:
        if item.root not in roots:
            raise CheckFailed(
                f"the plan names {item.folder} below a root that is not named here",
                where=item.root,
                fix="name it with --workspaces or --log-path, or " + ANEW,
            )


def _plan_again(
    lake: Lake, archive: Lake, plan: Plan, request: CleanupRequest
) -> tuple[PlanItem, ...]:
    """Return the items of the plan as they are planned now. Raise CheckFailed when one differs."""
    wanted = {(item.stage, item.root, item.folder): item for item in plan.going}
    if len(wanted) != len(plan.going):
        raise CheckFailed("the plan names a folder twice", where="the plan", fix=ANEW)
    stages = {item.stage for item in plan.going}
    asked = CleanupRequest(
        workspaces=request.workspaces,
        logs=request.logs,
        stages=stages,
        allowed=frozenset(plan.allowed),
        idle_days=request.idle_days,
        signing_key=request.signing_key,
    )
    planner = Planner(lake=lake, archive=archive, request=asked, wanted=lambda *key: key in wanted)
    fresh = {(item.stage, item.root, item.folder): item for item in planner.items()}
    wrong: list[str] = []
    for key, item in wanted.items():
        now = fresh.get(key)
        if now is None:
            wrong.append(f"{item.folder}: it is no folder that may be cleaned up")
        elif now.reasons:
            wrong += [f"{item.folder}: {reason}" for reason in now.reasons]
        elif _agreed_facts(now) != _agreed_facts(item):
            wrong.append(f"{item.folder}: what the plan says of it is not what is there")
    if wrong:
        more = f" (and {len(wrong) - SHOWN} more)" if len(wrong) > SHOWN else ""
        raise CheckFailed(
            f"the plan no longer matches: {'; '.join(wrong[:SHOWN])}{more}",
            where="lake, archive and disk as they are now",
            fix=ANEW,
        )
    return tuple(fresh[key] for key in wanted)


def _agreed_facts(item: PlanItem) -> tuple[object, ...]:
    """Return what the operator agreed to; a later receipt that proves the same is as good."""
    return item.name, item.size, item.level, item.files


def _moves(item: PlanItem) -> Iterator[Move]:
    sources: list[tuple[str, tuple[PlannedFile, ...]]] = [(item.folder, item.files)]
    if item.stage == "intermediates":
        sources = [(f"{item.folder}/{each.path}", (each,)) for each in item.files]
    for source, files in sources:
        yield Move(
            stage=item.stage,
            name=item.name,
            folder=item.folder,
            source=source,
            archive_id=item.archive_id,
            files=files,
        )


def _trash_moves(
    lake: Lake, root: Root, archive_lake_id: str, keep_until: datetime, moves: Sequence[Move]
) -> list[MoveOutcome]:
    """Write the journal first, then the lake, then move: a missing file always has its reason."""
    journal = Journal.begin(root, lake.lake_id, archive_lake_id, keep_until.isoformat(), moves)
    record_journals(lake, [journal], begun=journal.cleanup_id)
    found = list(move_to_trash(journal))
    record_journals(lake, [journal])
    return found


# --- purging -------------------------------------------------------------------------------


def _purge_moves(lake: Lake, archive: Lake, journals: Sequence[Journal]) -> list[MoveOutcome]:
    due = [(each, number) for each in journals for number in each.numbers("trashed", "purging")]
    ids = {
        each for journal, number in due for each in _proving_workspaces(lake, journal.moves[number])
    }
    facts = read_facts(lake, archive, ids)
    found: list[MoveOutcome] = []
    for journal, number in due:
        reason = _why_not_proven(lake, facts, journal, number) or find_change(journal, number)
        if reason is None:
            try:
                delete_move(journal, number)
            except (OSError, UnsafeEntry) as error:
                reason = explain(error)
        found.append(outcome_of(journal, number, reason))
    return found


def _proving_workspaces(lake: Lake, move: Move) -> frozenset[str]:
    """Return the workspaces whose receipts a move needs."""
    if move.stage != "logs":
        return frozenset({move.name})
    source = str(Source("trace", move.name))
    rows = lake.read("evidence", ["workspace_id"], pl.col("source") == source)
    told = set(rows["workspace_id"])
    known = {key for name in ("loops", "workspaces") for key in lake.read(name)["workspace_id"]}
    return frozenset(told & known)


def _why_not_proven(
    lake: Lake, facts: ExperimentFacts, journal: Journal, number: int
) -> str | None:
    """Return why a move may not be purged; None when all of it is proven now."""
    move = journal.moves[number]
    if journal.archive_lake_id != facts.archive_lake_id:
        return "another archive proves it: name that one with --archive"
    if not is_recorded(lake, journal, number):
        return "the lake does not say of it what its journal says"
    ids = _proving_workspaces(lake, move)
    for each in sorted(ids):
        if reasons := facts.refused(each, 1 if move.stage == "logs" else 2):
            return f"{reasons[0]}; rdlake cleanup undo gives it back"
    if not ids:
        return "the lake knows no loop of this run"
    for file in move.files:
        if not _is_proven(file, move, facts):
            return f"{file.path}: the archive does not have its content"
    return None


def _is_proven(file: PlannedFile, move: Move, facts: ExperimentFacts) -> bool:
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
    """Open and lock the roots."""
    if not paths:
        raise BadInput(
            "no root is named",
            where="--workspaces, --log-path",
            fix="name the folders that were ingested",
        )
    with _disk_door(paths), ExitStack() as stack:
        found: dict[str, Root] = {}
        for path in paths:
            root = stack.enter_context(Root(path))
            if found.setdefault(root.root_id, root) is root:
                try:
                    stack.enter_context(lock_root(root))
                except UnsafeEntry as unsafe:
                    what = f"the trash of the root cannot be used: {unsafe}"
                    raise CheckFailed(what, where=root.path, fix="move it away") from unsafe
        yield list(found.values())


@contextmanager
def _disk_door(paths: Sequence[Path]) -> Iterator[None]:
    """Translate an error of the disk for which no single file is to blame."""
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
            complete_moves(journal)
        record_journals(lake, journals)


def _ours(lake: Lake, root: Root, cleanup_id: str | None = None) -> list[Journal]:
    return [each for each in read_journals(root, cleanup_id) if each.lake_id == lake.lake_id]


def _refuse_nowhere(roots: Sequence[Root], lake: Lake, cleanup_id: str | None) -> None:
    if cleanup_id and not any(_ours(lake, root, cleanup_id) for root in roots):
        raise BadInput(
            "no such clean-up below these roots",
            where=cleanup_id,
            fix='rdlake sql "FROM rdlake_tables.cleanups" lists them',
        )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
