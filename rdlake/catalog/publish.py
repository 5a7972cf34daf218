"""Publishing: pin every table, prove the promises, commit one row; that row is the publication."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb

from rdlake.about import __version__
from rdlake.catalog.checks import Broken, Held, run_checks
from rdlake.catalog.contract import CONTRACT_VERSION, checks, checks_digest, script
from rdlake.catalog.materialize.changes import Moves
from rdlake.catalog.materialize.reuse import Alike, alike, taken_from
from rdlake.catalog.materialize.schedule import with_views
from rdlake.catalog.pinning import Pinned, pin_tables, repaired_since, same_rows
from rdlake.catalog.render import draft, place_current
from rdlake.catalog.version import Pin, Version, history, numbered
from rdlake.errors import BadInput, CheckFailed
from rdlake.store.durable import write_durably
from rdlake.store.lake import Lake

HALF_DONE = {"whole_batches", "counts", "counts_of_runs"}
PATIENCE_SECONDS = 3.0
"""How long a half-done batch may stand still before it counts as interrupted."""


@dataclass(frozen=True)
class PublishReport:
    """What became of it. `catalog` is None where the open file could not be replaced."""

    outcome: Literal["published", "nothing new", "held"]
    version: Version
    file: Path
    catalog: Path | None


def publish(
    lake: Lake,
    *,
    note: str | None = None,
    allow: Collection[str] = (),
    repin: bool = False,
    beside: Lake | None = None,
) -> PublishReport:
    """Publish the newest rows as the next version, unless nothing is new or a rollback holds. What
    a lake `beside` made of the same files is taken from it."""
    noted, known = _noted(note), _known(allow)
    return _publish(lake, noted, known, repin=repin, on_hold="stay", beside=beside)


def release(lake: Lake, *, note: str | None = None, allow: Collection[str] = ()) -> PublishReport:
    """End the hold of a rollback: publish the newest rows again. Without a hold, `publish`."""
    return _publish(lake, _noted(note), _known(allow), repin=False, on_hold="release")


def rollback(lake: Lake, number: int, *, note: str | None = None) -> PublishReport:
    """A new version with the tables and views of an old one; operations stay as they are. The
    newest version, when it is that already."""
    target = numbered(lake, number)
    note = _noted(note) or f"rolled back to version {number}"
    while True:
        seat = _seat(lake)
        pinned = pin_tables(lake, seat.last).rolled_back(lake, target)
        version = seat.version(
            pinned, target.sql, note, allow=target.allowed_checks, back_to=target
        )
        last = seat.last
        if last and last.rolled_back_to == number and _nothing_new(lake, last, version):
            return PublishReport("nothing new", last, *_placed(lake, last))
        with draft(lake, [*seat.versions, version], pinned.files) as (path, _):
            if _land(lake, seat, version, pinned, path):
                return PublishReport("published", version, *_placed(lake, version))


def check(lake: Lake) -> list[Broken]:
    """The checks that would fail if the newest rows were published now."""
    with unpublished(lake) as connection:
        return run_checks(connection)


@contextmanager
def unpublished(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """The contract over the newest rows, as the next version would show them."""
    seat = _seat(lake)
    pinned = pin_tables(lake, seat.last)
    version = seat.version(pinned, script(), None)
    with draft(lake, [*seat.versions, version], pinned.files) as (_, connection):
        yield connection


@dataclass(frozen=True)
class _Seat:
    """Where the next version would go: after these versions, at this version of `catalogs`."""

    lake_id: str
    at: int
    versions: tuple[Version, ...]

    @property
    def last(self) -> Version | None:
        return self.versions[-1] if self.versions else None

    @property
    def on_hold(self) -> bool:
        """True after a rollback, until it is released."""
        return self.last is not None and self.last.rolled_back_to is not None

    def version(
        self,
        pinned: Pinned,
        sql: str,
        note: str | None,
        *,
        allow: tuple[str, ...] = (),
        back_to: Version | None = None,
    ) -> Version:
        last = self.last
        now = datetime.now(UTC).replace(tzinfo=None)
        if last:  # a clock that went back must not change the order of the versions
            now = max(now, last.published_at + timedelta(microseconds=1))
        return Version(
            catalog_version=last.catalog_version + 1 if last else 1,
            published_at=now,
            note=note,
            lake_id=self.lake_id,
            contract_version=back_to.contract_version if back_to else CONTRACT_VERSION,
            rdlake_version=__version__,
            rolled_back_to=back_to.catalog_version if back_to else None,
            tables=tuple(pinned.pins.values()),
            views=tuple(pinned.views.values()),
            allowed_checks=allow,
            checks_digest=None if back_to else checks_digest(),
            sql=sql,
            previous_digest=last.digest if last else None,
        ).sealed()


def _seat(lake: Lake) -> _Seat:
    lake.settle("catalogs")
    at = lake.snapshot("catalogs").version
    assert at is not None
    return _Seat(lake.lake_id, at, tuple(history(lake)))


def _publish(
    lake: Lake,
    note: str | None,
    allow: tuple[str, ...],
    *,
    repin: bool,
    on_hold: Literal["stay", "release"],
    beside: Lake | None = None,
) -> PublishReport:
    waited_for: tuple[Pin, ...] = ()
    give_up = 0.0
    while True:
        seat = _seat(lake)
        if seat.last and seat.on_hold and on_hold == "stay":
            return PublishReport("held", seat.last, *_placed(lake, seat.last))
        pinned = pin_tables(lake, seat.last)
        told = note or ("released" if seat.on_hold else None)
        version = seat.version(pinned, script(), told, allow=allow)
        wanted = repin or seat.on_hold
        if seat.last and not wanted and _nothing_new(lake, seat.last, version):
            return PublishReport("nothing new", seat.last, *_placed(lake, seat.last))
        moves = Moves(lake, pinned, seat.last)
        same = alike(beside, version) if beside else None
        taken = taken_from(beside, lake, same) if beside and same else {}
        pinned = with_views(lake, version, pinned, seat.last, moves, taken)
        version = seat.version(pinned, version.sql, told, allow=allow)
        with draft(lake, [*seat.versions, version], pinned.files, beside) as (path, connection):
            found = run_checks(connection, _held(seat.last, moves, same))
            broken = [each for each in found if each.check.name not in allow]
            if any(each.check.name in HALF_DONE for each in broken):
                if version.tables != waited_for:  # a writer is at work
                    waited_for, give_up = version.tables, time.monotonic() + PATIENCE_SECONDS
                if time.monotonic() < give_up:
                    time.sleep(0.05)
                    continue
            if broken:
                raise _check_failed(lake, broken)
            if _land(lake, seat, version, pinned, path):
                return PublishReport("published", version, *_placed(lake, version))


def _held(last: Version | None, moves: Moves, same: Alike | None) -> Held | None:
    """Where the checks held before: in the last version, or in one of a lake beside."""
    if last:
        return Held(last, moves)
    return Held(same.theirs, same) if same else None


def _land(lake: Lake, seat: _Seat, version: Version, pinned: Pinned, path: Path) -> bool:
    """Commit the row; False when another publisher took the number."""
    lake.record_files(pinned.fresh)
    if not lake.append_at("catalogs", version.frame(), seat.at):
        return False
    write_durably(path, lake.catalogs_folder / version.file_name)
    return True


def _placed(lake: Lake, version: Version) -> tuple[Path, Path | None]:
    current = place_current(lake)
    return lake.catalogs_folder / version.file_name, current


def _nothing_new(lake: Lake, last: Version, now: Version) -> bool:
    """The same rows, contract and schema; not the same files: compaction moves those."""
    return (
        not repaired_since(lake, last)
        and (last.sql, last.contract_version) == (now.sql, now.contract_version)
        and last.pins.keys() == now.pins.keys()
        and all(same_rows(lake, last.pins[name], pin) for name, pin in now.pins.items())
    )


def _known(allow: Collection[str]) -> tuple[str, ...]:
    names = {each.name for each in checks()}
    if unknown := set(allow) - names:
        raise BadInput(
            f"there is no check named {', '.join(sorted(unknown))}",
            where="--allow",
            fix=f"the checks are {', '.join(sorted(names))}",
        )
    return tuple(sorted(set(allow)))


def _noted(note: str | None) -> str | None:
    """The note, None for an empty one; BadInput for one that no table can hold."""
    try:
        (note or "").encode()
    except UnicodeEncodeError as error:
        raise BadInput(
            "the note is not UTF-8 text", where="--note", fix="give it in the terminal's encoding"
        ) from error
    return note or None


def _check_failed(lake: Lake, broken: list[Broken]) -> CheckFailed:
    names = [each.check.name for each in broken]
    allow = " ".join(f"--allow {name}" for name in names)
    return CheckFailed(
        "nothing was published: " + "; ".join(str(each) for each in broken),
        where=lake.root,
        fix="an ingest is under way or was interrupted: run rdlake ingest again, then publish"
        if HALF_DONE & set(names)
        else f"mend the sources and ingest again, or publish with {allow}",
    )
