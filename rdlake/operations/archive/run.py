"""One archive run: copy, publish, read back, and only then say that it is there."""

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
from rdlake.ingest.content import is_worth_keeping
from rdlake.operations.archive.copying import Copied, copy
from rdlake.operations.archive.held import Held
from rdlake.operations.archive.place import archive_at, found_archive, still_there
from rdlake.operations.archive.proof import Proof, prove
from rdlake.operations.archive.receipts import (
    Receipt,
    last_receipts,
    share,
    take_back,
    taken_back,
    write,
)
from rdlake.operations.archive.scope import (
    ALL,
    COPIED,
    FILES_TOO,
    OWN,
    Asked,
    Level,
    Scope,
    scope_of,
    shared_by,
)
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store, usable_root

WITHOUT_CURVES = "curves_present"
"""The check that does not hold while an archive has experiments at level 1."""


@dataclass(frozen=True)
class Fault:
    """Something that did not come back from the archive as the lake has it."""

    table: str
    owner: str
    reason: str
    fix: str


@dataclass(frozen=True)
class ArchiveReport:
    """What one run did, or would do. `levels` is what the archive is now proven to have of each
    workspace asked for; `lacking` are the files worth keeping whose content the lake has not."""

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
    faults: tuple[Fault, ...]
    dry_run: bool = False

    @property
    def partial(self) -> bool:
        return bool(self.lacking)


def archive(
    lake: Lake,
    to: str | Path,
    asked: Asked = ALL,
    *,
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> ArchiveReport:
    """Bring the archive at `to`, made when there is none, to what the lake has of what is asked
    for: rows, at level 2 also content, curves, signals and charts.

    Receipts are written to both lakes after everything was read back. What is there already is
    neither copied nor, unless `full` is asked for, read back again. An experiment that has its
    files in the archive keeps them up to date at level 1 too. A run with nothing new writes
    nothing.
    """
    if dry_run:
        return _planned(lake, found_archive(lake, to), Path(to), asked)
    if not asked.everything:
        scope_of(Held(lake), asked)  # refuses what is not in the lake before an archive is made
    try:
        with archive_at(lake, to) as there:
            return _Run(lake, there, asked).go(on_progress)
    except DamagedLake as error:
        root = usable_root(to)
        if error.where.startswith(f"{root}{os.sep}"):
            with suppress(RdlakeError):  # if it does not even say which lake it is
                take_back(lake, Lake(root).lake_id)
        raise


def _planned(lake: Lake, there: Lake | None, to: Path, asked: Asked) -> ArchiveReport:
    held = Held(lake)
    scope = scope_of(held, asked)
    files = _with_files(scope, there, lake, asked.level)
    plan = copy(held, there, scope, files, dry_run=True)
    last = last_receipts(there, lake) if there else {}
    return ArchiveReport(
        to, there.lake_id if there else None, None, plan.rows, plan.contents, plan.bytes,
        {}, 0, 0, _levels(scope, last), _lacking(held, files), (), dry_run=True,
    )  # fmt: skip


@dataclass
class _Run:
    """One run under way."""

    lake: Lake
    archive: Lake
    asked: Asked
    version: int | None = None
    last: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def go(self, on_progress: Progress | None) -> ArchiveReport:
        share(self.archive, self.lake)  # of a run that was stopped between the two
        held = Held(self.lake)
        all_of_it = self.asked.everything and self.asked.level == 2
        first = all_of_it and not self.archive.snapshot("blobs").files
        with held.looked_through() if first else nullcontext():
            return self._go(held, on_progress)

    def _go(self, held: Held, on_progress: Progress | None) -> ArchiveReport:
        scope = scope_of(held, self.asked)
        self.last = last_receipts(self.archive, self.lake)
        files = _with_files(scope, self.archive, self.lake, self.asked.level)
        lacking = _lacking(held, files)
        if not self.asked.full and self._is_whole(held):
            self._publish()
            return self._report(Copied(), Proof(), scope, lacking, 0, ())
        return self._through(held, scope, files, lacking, on_progress)

    def _through(
        self,
        held: Held,
        scope: Scope,
        files: frozenset[str],
        lacking: Mapping[str, tuple[str, ...]],
        on_progress: Progress | None,
    ) -> ArchiveReport:
        copied = copy(held, self.archive, scope, files, on_progress=on_progress)
        with ThreadPoolExecutor(1) as beside:
            published = beside.submit(self._publish)
            counted = _counted(held, files - lacking.keys())
            due = self._due(scope, files, counted, copied)
            proof = Proof() if copied.nothing and not due else self._proof(held, scope, due, files)
            published.result()
        faults = _faults(proof, copied.lost)
        whole = self.asked.everything and not faults
        digest = _tables_digest(held, Held(self.archive), self.asked.level) if whole else None
        receipts = [
            each
            for name in sorted(due & scope.digests.keys())
            if (each := self._receipt(name, scope, proof, counted, digest))
            and not each.says_the_same(self.last.get(name))
        ]
        revoked = [each for each in receipts if not each.level]
        still_there(self.archive)
        write([self.lake, self.archive], revoked)  # who relies on them must know first
        written = write([self.archive, self.lake], [each for each in receipts if each.level])
        if written or revoked:
            self.last = last_receipts(self.archive, self.lake)
            self._publish()
        return self._report(copied, proof, scope, lacking, written, faults)

    def _due(
        self,
        scope: Scope,
        files: frozenset[str],
        counted: Mapping[str, tuple[int, int, int]],
        copied: Copied,
    ) -> frozenset[str]:
        """The workspaces that are to be read back."""
        return frozenset(
            each
            for each in scope.workspace_ids
            if self.asked.full
            or each in copied.workspace_ids
            or (each in scope.digests and not self._is_current(each, scope, files, counted))
        )

    def _proof(self, held: Held, scope: Scope, due: frozenset[str], files: frozenset[str]) -> Proof:
        """Read back by a newly opened lake, whatever this one does meanwhile."""
        again = open_store(self.archive.root)
        owners = {**dict.fromkeys(OWN, due), **_shared(held, scope, due, full=self.asked.full)}
        return prove(held, again, owners, due & files, scope.ingests)

    def _receipt(
        self,
        name: str,
        scope: Scope,
        proof: Proof,
        counted: Mapping[str, tuple[int, int, int]],
        tables_digest: str | None,
    ) -> Receipt | None:
        """What was proven of a workspace; None when that is nothing, and nobody said otherwise."""
        if proof.is_wrong(name):
            said = self.last.get(name)
            return taken_back(said) if said and said["level"] else None
        has_files = name in counted and name not in proof.rotten
        files, size, not_kept = counted[name] if has_files else (None, None, None)
        return Receipt(
            name, 2 if has_files else 1, self.lake.lake_id, self.archive.lake_id, self.version,
            proof.digests.get(name), files, size, not_kept, tables_digest, scope.digests[name],
        )  # fmt: skip

    def _is_current(
        self,
        name: str,
        scope: Scope,
        files: frozenset[str],
        counted: Mapping[str, tuple[int, int, int]],
    ) -> bool:
        row = self.last.get(name)
        if row is None or row["source_digest"] != scope.digests[name]:
            return False
        if name not in counted:
            return row["level"] == 1 if name in files else bool(row["level"])
        return row["level"] == 2 and (row["files"], row["bytes"], row["not_kept"]) == counted[name]

    def _is_whole(self, held: Held) -> bool:
        """True when neither lake moved since all of one was in the other, and that still counts."""
        if any(not row["level"] for row in self.last.values()):
            return False
        told = {row["tables_digest"] for row in self.last.values()} - {None}
        if not told:
            return False
        there = Held(self.archive)
        levels = range(self.asked.level, 2 + 1)
        return any(_tables_digest(held, there, level) in told for level in levels)

    @cached_property
    def _allowed(self) -> list[str]:
        """What is not asked of the archive, after everything was copied."""
        curves = set(self.archive.read("equity_curves", ["workspace_id"])["workspace_id"].unique())
        loops = self.archive.read("loops", ["workspace_id"], pl.col("has_curve"))["workspace_id"]
        return [WITHOUT_CURVES] if set(loops) - curves else []

    def _publish(self) -> None:
        still_there(self.archive)
        report = publish(
            self.archive,
            note="archive run",
            allow=self._allowed,
            reuse_from=Lake(self.lake.root),  # its own, since the other is in use meanwhile
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
        copied: Copied,
        proof: Proof,
        scope: Scope,
        lacking: Mapping[str, tuple[str, ...]],
        receipts: int,
        faults: tuple[Fault, ...],
    ) -> ArchiveReport:
        return ArchiveReport(
            self.archive.root, self.archive.lake_id, self.version, copied.rows, copied.contents,
            copied.bytes, proof.rows, proof.contents, receipts, _levels(scope, self.last),
            lacking, faults,
        )  # fmt: skip


def _with_files(scope: Scope, there: Lake | None, lake: Lake, level: Level) -> frozenset[str]:
    """The workspaces whose files are archived: all, or those that have them there already."""
    if level == 2 or there is None:
        return scope.workspace_ids if level == 2 else frozenset()
    found = {key for key, row in last_receipts(there, lake).items() if row["level"] == 2}
    for name in FILES_TOO:
        found |= set(there.read(name, ["workspace_id"])["workspace_id"])
    return scope.workspace_ids & found


def _lacking(held: Held, workspace_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """By workspace the files worth keeping whose content the lake does not have."""
    columns = ["workspace_id", "path", "artifact_type", "size", "sha256"]
    mine = pl.col("workspace_id").is_in(list(workspace_ids)) & (pl.col("kind") == "file")
    there = held.read("blobs", ["sha256"]).unique()
    files = held.read("artifacts", columns, mine).join(there, on="sha256", how="anti")
    found: dict[str, list[str]] = {}
    for workspace_id, path, word, size, _ in files.sort("workspace_id", "path").rows():
        if is_worth_keeping("essential", path, word, size):
            found.setdefault(workspace_id, []).append(path)
    return {key: tuple(paths) for key, paths in found.items()}


def _counted(held: Held, workspace_ids: Collection[str]) -> dict[str, tuple[int, int, int]]:
    """By workspace: files whose content is kept, their bytes, and files of which it is not."""
    mine = pl.col("workspace_id").is_in(list(workspace_ids)) & (pl.col("kind") == "file")
    files = held.read("artifacts", ["workspace_id", "size", "sha256"], mine)
    there = held.read("blobs", ["sha256"]).unique().with_columns(kept=pl.lit(value=True))
    kept = pl.col("kept").fill_null(value=False)
    rows = (
        files.join(there, on="sha256", how="left")
        .group_by("workspace_id")
        .agg(
            kept.sum(), pl.col("size").filter(kept).sum().alias("bytes"), (~kept).sum().alias("not")
        )
    )
    found = {key: (int(files), int(size), int(no)) for key, files, size, no in rows.rows()}
    return {each: found.get(each, (0, 0, 0)) for each in workspace_ids}


def _shared(
    held: Held, scope: Scope, due: frozenset[str], *, full: bool
) -> Mapping[str, frozenset[str]]:
    if full or due == scope.workspace_ids:
        return {name: ids for name, ids in scope.owners.items() if name not in OWN}
    return shared_by(held, due)


def _faults(proof: Proof, lost: Collection[str]) -> tuple[Fault, ...]:
    """What is not proven, each with what to do."""
    anew = "archive into a new folder: --to ANOTHER"
    faults = [
        Fault(name, owner, "the archive's rows are not the lake's", anew)
        for name, owners in proof.differing.items()
        for owner in owners
    ]
    for digest in sorted({each for digests in proof.rotten.values() for each in digests}):
        reason, fix = "the archive's content is gone, or not what its digest says", anew
        if digest in lost:
            reason = "the lake's own content is not what its digest says"
            fix = "restore the lake's file that rdlake catalogs verify --deep names"
        faults.append(Fault("blobs", digest, reason, fix))
    return tuple(faults)


def _levels(scope: Scope, last: Mapping[str, Mapping[str, object]]) -> dict[str, int]:
    levels = dict.fromkeys(sorted(scope.digests), 0)
    for name in levels:
        row = last.get(name)
        if row and row["source_digest"] == scope.digests[name]:
            levels[name] = int(str(row["level"]))
    return levels


def _tables_digest(held: Held, there: Held, level: int) -> str:
    """A digest over what both lakes consist of. Rows alone change it, or upkeep."""
    state = [level, [[name, held.files(name), there.files(name)] for name in COPIED]]
    return sha256(json.dumps(state).encode()).hexdigest()
