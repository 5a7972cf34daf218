"""Run one archive: copy, publish, read back, and only then write receipts."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import polars as pl

from rdlake.catalog.publish import publish
from rdlake.errors import BadInput, DamagedLake, RdlakeError
from rdlake.ingest.batches import Progress
from rdlake.operations.archive.content import count_files, missing_content
from rdlake.operations.archive.copying import CopyReport, copy_rows_and_content
from rdlake.operations.archive.frozen_lake import FrozenLake
from rdlake.operations.archive.location import find_archive, open_archive, refuse_gone
from rdlake.operations.archive.proof import Proof, prove
from rdlake.operations.archive.receipts import (
    ArchiveReceipt,
    last_receipts,
    revoke_receipts,
    revoked_receipt,
    share_receipts,
    write_receipts,
)
from rdlake.operations.archive.selection import (
    ALL,
    COPIED,
    FILES_TOO,
    OWN,
    ArchiveRequest,
    ArchiveScope,
    Level,
    find_shared_owners,
    select_scope,
)
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store, usable_root

WITHOUT_CURVES = "curves_present"
"""The check that fails while an archive has experiments at level 1."""


@dataclass(frozen=True)
class ArchiveFault:
    """Describe something in the archive that is not as the lake has it."""

    table: str
    owner: str
    reason: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class ArchiveReport:
    """Report what one run did, or would do.

    `levels` is what the archive is now proven to have of each requested workspace. `lacking` are
    the files worth keeping whose content the lake does not have.
    """

    archive: Path
    archive_lake_id: str | None
    catalog_version: int | None
    rows: Mapping[str, int]
    contents: int
    bytes: int
    read_back: Mapping[str, int]
    contents_read_back: int
    receipts: int
    levels: Mapping[str, int]
    lacking: Mapping[str, tuple[str, ...]]
    faults: tuple[ArchiveFault, ...]
    dry_run: bool = False

    @property
    def partial(self) -> bool:
        return bool(self.lacking)


def archive(
    lake: Lake,
    to: str | Path,
    request: ArchiveRequest = ALL,
    *,
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> ArchiveReport:
    """Bring the archive at `to`, created when missing, up to date: rows, and at level 2 also
    content, curves, signals and charts.

    Receipts are written to both lakes after everything was read back. Rows that are there already
    are neither copied nor, unless the request is `full`, read back again. An experiment with files
    in the archive keeps them up to date at level 1 too. A run with nothing new writes nothing.
    """
    if dry_run:
        return _plan(lake, find_archive(lake, to), Path(to), request)
    if not request.everything:
        select_scope(
            FrozenLake(lake), request
        )  # refuse unknown experiments before an archive is made
    try:
        with open_archive(lake, to) as there:
            return _ArchiveRun(lake=lake, archive=there, request=request).go(on_progress)
    except DamagedLake as error:
        root = usable_root(to)
        if error.where.startswith(f"{root}{os.sep}"):
            with suppress(RdlakeError):  # its id may be unreadable too
                revoke_receipts(lake, Lake(root).lake_id)
        raise


def _plan(lake: Lake, there: Lake | None, to: Path, request: ArchiveRequest) -> ArchiveReport:
    frozen = FrozenLake(lake)
    scope = select_scope(frozen, request)
    files = _with_files(scope, there, lake, request.level)
    plan = copy_rows_and_content(frozen, there, scope, files, dry_run=True)
    last = last_receipts(there, lake) if there else {}
    return ArchiveReport(
        archive=to,
        archive_lake_id=there.lake_id if there else None,
        catalog_version=None,
        rows=plan.rows,
        contents=plan.contents,
        bytes=plan.bytes,
        read_back={},
        contents_read_back=0,
        receipts=0,
        levels=_levels(scope, last),
        lacking=missing_content(frozen, files),
        faults=(),
        dry_run=True,
    )


@dataclass(kw_only=True)
class _ArchiveRun:
    """Hold the state of one run."""

    lake: Lake
    archive: Lake
    request: ArchiveRequest
    version: int | None = None
    last: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def go(self, on_progress: Progress | None) -> ArchiveReport:
        share_receipts(self.archive, self.lake)  # a stopped run may have left them in one lake
        frozen = FrozenLake(self.lake)
        all_of_it = self.request.everything and self.request.level == 2
        first = all_of_it and not self.archive.snapshot("blobs").files
        with frozen.checking_content() if first else nullcontext():
            return self._go(frozen, on_progress)

    def _go(self, frozen: FrozenLake, on_progress: Progress | None) -> ArchiveReport:
        scope = select_scope(frozen, self.request)
        self.last = last_receipts(self.archive, self.lake)
        files = _with_files(scope, self.archive, self.lake, self.request.level)
        lacking = missing_content(frozen, files)
        if not self.request.full and self._is_whole(frozen):
            self._publish()
            return self._report(CopyReport(), Proof(), scope, lacking, 0, ())
        return self._through(frozen, scope, files, lacking, on_progress)

    def _through(
        self,
        frozen: FrozenLake,
        scope: ArchiveScope,
        files: frozenset[str],
        lacking: Mapping[str, tuple[str, ...]],
        on_progress: Progress | None,
    ) -> ArchiveReport:
        copied = copy_rows_and_content(frozen, self.archive, scope, files, on_progress=on_progress)
        with ThreadPoolExecutor(1) as beside:
            published = beside.submit(self._publish)
            counted = count_files(frozen, files - lacking.keys())
            due = self._due(scope, files, counted, copied)
            proof = (
                Proof() if copied.nothing and not due else self._proof(frozen, scope, due, files)
            )
            published.result()
        faults = _faults(proof, copied.lost)
        whole = self.request.everything and not faults
        digest = (
            _tables_digest(frozen, FrozenLake(self.archive), self.request.level) if whole else None
        )
        receipts = [
            each
            for name in sorted(due & scope.digests.keys())
            if (each := self._receipt(name, scope, proof, counted, digest))
            and not each.says_the_same(self.last.get(name))
        ]
        revoked = [each for each in receipts if not each.level]
        refuse_gone(self.archive)
        write_receipts(
            [self.lake, self.archive], revoked
        )  # the lake must know first that they no longer count
        written = write_receipts(
            [self.archive, self.lake], [each for each in receipts if each.level]
        )
        if written or revoked:
            self.last = last_receipts(self.archive, self.lake)
            self._publish()
        return self._report(copied, proof, scope, lacking, written, faults)

    def _due(
        self,
        scope: ArchiveScope,
        files: frozenset[str],
        counted: Mapping[str, tuple[int, int, int]],
        copied: CopyReport,
    ) -> frozenset[str]:
        """Return the workspaces to read back."""
        return frozenset(
            each
            for each in scope.workspace_ids
            if self.request.full
            or each in copied.workspace_ids
            or (each in scope.digests and not self._is_current(each, scope, files, counted))
        )

    def _proof(
        self, frozen: FrozenLake, scope: ArchiveScope, due: frozenset[str], files: frozenset[str]
    ) -> Proof:
        """Read back through a newly opened lake, independent of this one."""
        again = open_store(self.archive.root)
        owners = {
            **dict.fromkeys(OWN, due),
            **_shared_owners(frozen, scope, due, full=self.request.full),
        }
        return prove(frozen, again, owners, due & files, scope.ingests)

    def _receipt(
        self,
        name: str,
        scope: ArchiveScope,
        proof: Proof,
        counted: Mapping[str, tuple[int, int, int]],
        tables_digest: str | None,
    ) -> ArchiveReceipt | None:
        """Return what was proven of a workspace; None when nothing was, and no earlier receipt says
        otherwise."""
        if proof.is_wrong(name):
            said = self.last.get(name)
            return revoked_receipt(said) if said and said["level"] else None
        has_files = name in counted and name not in proof.rotten
        files, size, not_kept = counted[name] if has_files else (None, None, None)
        return ArchiveReceipt(
            workspace_id=name,
            level=2 if has_files else 1,
            lake_id=self.lake.lake_id,
            archive_lake_id=self.archive.lake_id,
            catalog_version=self.version,
            content_digest=proof.digests.get(name),
            files=files,
            bytes=size,
            not_kept=not_kept,
            tables_digest=tables_digest,
            source_digest=scope.digests[name],
        )

    def _is_current(
        self,
        name: str,
        scope: ArchiveScope,
        files: frozenset[str],
        counted: Mapping[str, tuple[int, int, int]],
    ) -> bool:
        row = self.last.get(name)
        if row is None or row["source_digest"] != scope.digests[name]:
            return False
        if name not in counted:
            return row["level"] == 1 if name in files else bool(row["level"])
        return row["level"] == 2 and (row["files"], row["bytes"], row["not_kept"]) == counted[name]

    def _is_whole(self, frozen: FrozenLake) -> bool:
        """Return whether neither lake changed since the archive had all of it, and its receipts
        still count."""
        if any(not row["level"] for row in self.last.values()):
            return False
        told = {row["tables_digest"] for row in self.last.values()} - {None}
        if not told:
            return False
        there = FrozenLake(self.archive)
        levels = range(self.request.level, 2 + 1)
        return any(_tables_digest(frozen, there, level) in told for level in levels)

    @cached_property
    def _allowed(self) -> list[str]:
        """Return the checks that the archive may fail after everything was copied."""
        curves = set(self.archive.read("equity_curves", ["workspace_id"])["workspace_id"].unique())
        loops = self.archive.read("loops", ["workspace_id"], pl.col("has_curve"))["workspace_id"]
        return [WITHOUT_CURVES] if set(loops) - curves else []

    def _publish(self) -> None:
        refuse_gone(self.archive)
        report = publish(
            self.archive,
            note="archive run",
            allow=self._allowed,
            reuse_from=Lake(self.lake.root),  # the other one is in use meanwhile
        )
        if report.outcome == "held":
            raise BadInput(
                "the archive's catalog was rolled back, and holds",
                where=self.archive.root,
                fix=f"rdlake catalogs release --lake {self.archive.root}, then archive again",
            )
        self.version = report.version.catalog_version

    def _report(
        self,
        copied: CopyReport,
        proof: Proof,
        scope: ArchiveScope,
        lacking: Mapping[str, tuple[str, ...]],
        receipts: int,
        faults: tuple[ArchiveFault, ...],
    ) -> ArchiveReport:
        return ArchiveReport(
            archive=self.archive.root,
            archive_lake_id=self.archive.lake_id,
            catalog_version=self.version,
            rows=copied.rows,
            contents=copied.contents,
            bytes=copied.bytes,
            read_back=proof.rows,
            contents_read_back=proof.contents,
            receipts=receipts,
            levels=_levels(scope, self.last),
            lacking=lacking,
            faults=faults,
        )


def _with_files(
    scope: ArchiveScope, there: Lake | None, lake: Lake, level: Level
) -> frozenset[str]:
    """Return the workspaces whose files are archived: all, or those with files in the archive
    already."""
    if level == 2 or there is None:
        return scope.workspace_ids if level == 2 else frozenset()
    found = {key for key, row in last_receipts(there, lake).items() if row["level"] == 2}
    for name in FILES_TOO:
        found |= set(there.read(name, ["workspace_id"])["workspace_id"])
    return scope.workspace_ids & found


def _shared_owners(
    frozen: FrozenLake, scope: ArchiveScope, due: frozenset[str], *, full: bool
) -> Mapping[str, frozenset[str]]:
    if full or due == scope.workspace_ids:
        return {name: ids for name, ids in scope.owners.items() if name not in OWN}
    return find_shared_owners(frozen, due)


def _faults(proof: Proof, lost: Collection[str]) -> tuple[ArchiveFault, ...]:
    """Return what is not proven, each with its fix."""
    anew = "archive into a new folder: --to ANOTHER"
    faults = [
        ArchiveFault(name, owner, "the archive's rows are not the lake's", anew)
        for name, owners in proof.differing.items()
        for owner in owners
    ]
    for digest in sorted({each for digests in proof.rotten.values() for each in digests}):
        reason, fix = "the archive's content is gone, or not what its digest says", anew
        if digest in lost:
            reason = "the lake's own content is not what its digest says"
            fix = "restore the lake's file that rdlake catalogs verify --deep names"
        faults.append(ArchiveFault("blobs", digest, reason, fix))
    return tuple(faults)


def _levels(scope: ArchiveScope, last: Mapping[str, Mapping[str, object]]) -> dict[str, int]:
    levels = dict.fromkeys(sorted(scope.digests), 0)
    for name in levels:
        row = last.get(name)
        if row and row["source_digest"] == scope.digests[name]:
            levels[name] = int(str(row["level"]))
    return levels


def _tables_digest(frozen: FrozenLake, there: FrozenLake, level: int) -> str:
    """Return a digest over the data files of both lakes. Only new rows or upkeep change it."""
    state = [level, [[name, frozen.files(name), there.files(name)] for name in COPIED]]
    return sha256(json.dumps(state).encode()).hexdigest()
