"""Publish a version: pin every table, prove the promises, commit one row.

That row is the publication.

The steps of one publication, each of which has its module:
1. pin: read the newest version of every table (`pinning`);
2. materialize: build the files of views whose rows changed (`materialize`);
3. render: write the DuckDB file of the version as a draft (`render`);
4. check: run the checks over the draft (`checks`);
5. commit: append the row to `catalogs`, then give the file its name. When another publisher took
   the number meanwhile, all starts over.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb

from rdlake.about import __version__
from rdlake.catalog.checks import Broken, EarlierProof, run_checks
from rdlake.catalog.contract import (
    CONTRACT_VERSION,
    checks_digest,
    current_checks,
    current_contract,
)
from rdlake.catalog.materialize.changes import ChangedValues
from rdlake.catalog.materialize.reuse import copy_views, find_other_version
from rdlake.catalog.materialize.schedule import materialize_views
from rdlake.catalog.pinning import Pinned, pin_tables, repaired_since, same_rows
from rdlake.catalog.render import draft, place_current
from rdlake.catalog.version import Pin, Version, find_version, history
from rdlake.errors import BadInput, CheckFailed
from rdlake.store.durable import write_durably
from rdlake.store.lake import Lake

HALF_DONE = {"whole_batches", "counts", "counts_of_runs"}
"""Checks that fail while an ingest is between the commits of one batch."""
PATIENCE_SECONDS = 3.0
"""How long a half-done batch may stand still before it counts as interrupted."""


@dataclass(frozen=True)
class PublishReport:
    """Report what became of it. `catalog` is None where the open file could not be replaced."""

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
    reuse_from: Lake | None = None,
) -> PublishReport:
    """Publish the newest rows as the next version, unless nothing is new or a rollback holds.
    Copy what another lake made of the same files from there."""
    request = _Request(
        note=_note_text(note), allow=_check_names(allow), repin=repin, reuse_from=reuse_from
    )
    return _publish(lake, request)


def release(lake: Lake, *, note: str | None = None, allow: Collection[str] = ()) -> PublishReport:
    """End the hold of a rollback: publish the newest rows again. Without a hold, `publish`."""
    request = _Request(note=_note_text(note), allow=_check_names(allow), releases_hold=True)
    return _publish(lake, request)


def rollback(lake: Lake, number: int, *, note: str | None = None) -> PublishReport:
    """Publish a new version with the tables and views of an old one; operations stay as they are.
    Return the newest version when it is that already."""
    target = find_version(lake, number)
    note = _note_text(note) or f"rolled back to version {number}"
    while True:
        slot = _find_slot(lake)
        pinned = pin_tables(lake, slot.last).rolled_back(lake, target)
        version = slot.version(
            pinned, target.sql, note, allow=target.allowed_checks, back_to=target
        )
        last = slot.last
        if last and last.rolled_back_to == number and _nothing_new(lake, last, version):
            return _report(lake, "nothing new", last)
        with draft(lake, [*slot.versions, version], pinned.files) as (path, _):
            if _commit(lake, slot, version, pinned, path):
                return _report(lake, "published", version)


def check(lake: Lake) -> list[Broken]:
    """Return the checks that would fail if the newest rows were published now."""
    with unpublished(lake) as connection:
        return run_checks(connection)


@contextmanager
def unpublished(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the contract over the newest rows, as the next version would show them."""
    slot = _find_slot(lake)
    pinned = pin_tables(lake, slot.last)
    version = slot.version(pinned, current_contract().text, None)
    with draft(lake, [*slot.versions, version], pinned.files) as (_, connection):
        yield connection


@dataclass(frozen=True, kw_only=True)
class _Request:
    """Hold what the caller asks of a publication."""

    note: str | None
    allow: tuple[str, ...]
    repin: bool = False
    releases_hold: bool = False
    reuse_from: Lake | None = None


@dataclass(frozen=True)
class _Slot:
    """Say where the next version goes: after these versions, at this version of `catalogs`."""

    lake_id: str
    at: int
    versions: tuple[Version, ...]

    @property
    def last(self) -> Version | None:
        return self.versions[-1] if self.versions else None

    @property
    def on_hold(self) -> bool:
        """Return True after a rollback, until it is released."""
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
        """Return the version that would stand here."""
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
        ).with_digest()


@dataclass
class _Patience:
    """Wait for a writer that is between the commits of one batch, while its tables still change."""

    tables: tuple[Pin, ...] = ()
    until: float = field(default=0.0)

    def waits_for(self, version: Version) -> bool:
        """Wait a moment and return True; False when the tables have stood still for too long."""
        if version.tables != self.tables:  # a writer is at work
            self.tables, self.until = version.tables, time.monotonic() + PATIENCE_SECONDS
        if time.monotonic() >= self.until:
            return False
        time.sleep(0.05)
        return True


def _find_slot(lake: Lake) -> _Slot:
    lake.settle("catalogs")
    at = lake.snapshot("catalogs").version
    assert at is not None
    return _Slot(lake.lake_id, at, tuple(history(lake)))


def _publish(lake: Lake, request: _Request) -> PublishReport:
    patience = _Patience()
    while True:
        slot = _find_slot(lake)
        if slot.last and slot.on_hold and not request.releases_hold:
            return _report(lake, "held", slot.last)
        if report := _publish_at(lake, slot, request, patience):
            return report


def _publish_at(
    lake: Lake, slot: _Slot, request: _Request, patience: _Patience
) -> PublishReport | None:
    """Publish in this slot. None when another publisher took it, or a batch is half done: then the
    caller starts over."""
    pinned = pin_tables(lake, slot.last)
    sql, note = current_contract().text, request.note or ("released" if slot.on_hold else None)
    version = slot.version(pinned, sql, note, allow=request.allow)
    wanted = request.repin or slot.on_hold
    if slot.last and not wanted and _nothing_new(lake, slot.last, version):
        return _report(lake, "nothing new", slot.last)

    changes, source = ChangedValues(lake, pinned, slot.last), request.reuse_from
    other = find_other_version(source, version) if source else None
    copied = copy_views(source, lake, other) if source and other else {}
    pinned = materialize_views(lake, version, pinned, slot.last, changes, copied)
    version = slot.version(pinned, sql, note, allow=request.allow)

    proof = EarlierProof(slot.last, changes) if slot.last else None
    if other and not proof:
        proof = EarlierProof(other.other, other)
    with draft(lake, [*slot.versions, version], pinned.files, source) as (path, connection):
        found = run_checks(connection, proof)
        broken = [each for each in found if each.check.name not in request.allow]
        half_done = any(each.check.name in HALF_DONE for each in broken)
        if half_done and patience.waits_for(version):
            return None
        if broken:
            raise _check_failed(lake, broken)
        return (
            _report(lake, "published", version)
            if _commit(lake, slot, version, pinned, path)
            else None
        )


def _commit(lake: Lake, slot: _Slot, version: Version, pinned: Pinned, path: Path) -> bool:
    """Commit the row, then name the file; False when another publisher took the number."""
    lake.record_files(pinned.fresh)
    if not lake.append_at("catalogs", version.frame(), slot.at):
        return False
    write_durably(path, lake.catalogs_folder / version.file_name)
    return True


def _report(
    lake: Lake, outcome: Literal["published", "nothing new", "held"], version: Version
) -> PublishReport:
    """Return the report, after catalog.duckdb has become the newest version."""
    current = place_current(lake)
    return PublishReport(outcome, version, lake.catalogs_folder / version.file_name, current)


def _nothing_new(lake: Lake, last: Version, now: Version) -> bool:
    """Say whether rows, contract and schema are the same. Files may differ: compaction replaces
    them."""
    return (
        not repaired_since(lake, last)
        and (last.sql, last.contract_version) == (now.sql, now.contract_version)
        and last.pins.keys() == now.pins.keys()
        and all(same_rows(lake, last.pins[name], pin) for name, pin in now.pins.items())
    )


def _check_names(allow: Collection[str]) -> tuple[str, ...]:
    """Return these names sorted; BadInput for one that no check has."""
    names = {each.name for each in current_checks()}
    if unknown := set(allow) - names:
        raise BadInput(
            f"there is no check named {', '.join(sorted(unknown))}",
            where="--allow",
            fix=f"the checks are {', '.join(sorted(names))}",
        )
    return tuple(sorted(set(allow)))


def _note_text(note: str | None) -> str | None:
    """Return the note, None for an empty one; BadInput for one that no table can hold."""
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
        else f"correct the sources and ingest again, or publish with {allow}",
    )
