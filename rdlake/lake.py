"""The only door to Delta: tables that are created on first use, read, and committed durably.

Every commit is made against the exact version that was looked at; when another writer was
faster, the look is repeated. So appends are never doubled and replaced rows never lost.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from rdlake.datafiles import (
    DataFile,
    File,
    crowd,
    half_written,
    list_digest,
    of_good_size,
    remove_quietly,
    small_files,
    sync,
)
from rdlake.delta import Snapshot, create_table, holding, replace_files, snapshot_of
from rdlake.deltalog import commit_entry, entry_path, log_folder, sync_commit
from rdlake.errors import LakeBusy, UnsupportedLake
from rdlake.rowfiles import FILE, read_files, write_file
from rdlake.rows import cast, differing, polars_schema, refuse_unowned, rows_of
from rdlake.storage import storage_door, storage_failed
from rdlake.tables import TABLES, Table, table

__all__ = ["CommitReport", "Lake", "Snapshot", "create_table"]

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class CommitReport:
    """The tables a batch changed, with their new versions."""

    versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """What one commit wrote."""

    version: int
    files: tuple[DataFile, ...]


class Lake:
    """An open lake. Make one with `open_lake` or `init_lake`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: dict[str, DeltaTable] = {}
        self._flushed: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Lake({str(self.root)!r})"

    @cached_property
    def lake_id(self) -> str:
        """The id given at init; a copy of the lake keeps it."""
        return str(self.existing(table("catalogs")).metadata().id)

    @property
    def catalogs_folder(self) -> Path:
        return self.root / "catalogs"

    def folder(self, name: str) -> Path:
        """Where a table lies."""
        return self.root / "tables" / table(name).name

    # --- reading -------------------------------------------------------------------------

    def snapshot(self, name: str) -> Snapshot:
        """The table's newest version and its files."""
        delta = self._delta(table(name))
        return snapshot_of(delta) if delta else Snapshot(None, ())

    def snapshot_at(self, name: str, version: int) -> Snapshot:
        """The table as it was at a version; StorageFailed when the log no longer leads there."""
        with storage_door(self.folder(name)):
            return snapshot_of(DeltaTable(str(self.folder(name)), version=version))

    def read(
        self, name: str, columns: Collection[str] | None = None, where: pl.Expr | None = None
    ) -> pl.DataFrame:
        """Rows of a table's newest version; an empty typed frame when there is none yet."""
        files = self.snapshot(name).files
        return read_files(table(name), self.folder(name), files, columns, where)

    def settle(self, name: str) -> None:
        """Flush a table's newest commit if this process did not make it. Its writer may have been
        stopped before it could, and what rests on rows must not outlive them."""
        if delta := self._delta(table(name)):
            self._settle(table(name), delta)

    def known_files(
        self, names: Collection[str], paths: Collection[str] | None = None
    ) -> dict[tuple[str, str], DataFile]:
        """(table, path) -> the data file, with the sha256 that was taken when it was written; of
        all files of these tables that ever were, or of `paths`."""
        where = pl.col("table").is_in(list(names))
        files = self.read("file_lists", ["table", "files"], where).explode("files").unnest("files")
        if paths is not None:
            files = files.filter(pl.col("path").is_in(list(paths)))
        return {
            (row.pop("table"), row["path"]): DataFile(**row) for row in files.iter_rows(named=True)
        }

    # --- writing -------------------------------------------------------------------------

    def commit(
        self, frames: Mapping[str, pl.DataFrame], owners: Mapping[str, Collection[str]]
    ) -> CommitReport:
        """Write a batch: one durable commit per table that changes, in the order of `TABLES`.

        `owners` names, per owner column, whose rows are replaced by those in `frames`; tables that
        `frames` does not name are not touched. Rows equal to what is there are left alone; tables
        without an owner are appended to. ValueError, before anything is written, for a column that
        is not declared or a row whose owner is not named.
        """
        batch = {name: cast(table(name), frame) for name, frame in frames.items()}
        for name, rows in batch.items():
            refuse_unowned(table(name), rows, owners)
        report: dict[str, Written] = {}
        for entry in TABLES:
            ids = owners.get(entry.owner, ()) if entry.owner else ()
            if entry.name in batch and (
                written := self._commit_table(entry, batch[entry.name], ids)
            ):
                report[entry.name] = written
        self.record_files({name: written.files for name, written in report.items()})
        return CommitReport({name: written.version for name, written in report.items()})

    def record_files(self, lists: Mapping[str, Iterable[DataFile]]) -> None:
        """Remember digests of data files, as lists by digest."""
        rows = [
            {
                "digest": list_digest(name, files),
                "table": name,
                "files": [file.record() for file in sorted(files)],
            }
            for name, files in lists.items()
            if files
        ]
        if rows:
            entry = table("file_lists")
            self._commit_table(entry, pa.Table.from_pylist(rows, schema=entry.schema), ())

    def append_at(self, name: str, frame: pl.DataFrame, version: int) -> bool:
        """Append only if the table is still at `version`; False when another writer was faster."""
        entry = table(name)
        try:
            delta = self._writable(entry)
            if delta.version() != version:
                return False
            self._write(delta, entry, snapshot_of(delta), cast(entry, frame))
        except CommitFailedError as error:
            self._refuse_if_still(entry, version, error)
            return False
        return True

    def _commit_table(self, entry: Table, rows: pa.Table, ids: Collection[str]) -> Written | None:
        """One commit, or none when it would change nothing."""

        def attempt(delta: DeltaTable) -> Written | None:
            if entry.owner is None:
                now = snapshot_of(delta)
                return self._write(delta, entry, now, rows) if rows.num_rows else None
            now, files = holding(delta, entry.owner, ids)
            theirs = pl.col(entry.owner).is_in(list(ids))
            there = read_files(entry, self.folder(entry.name), files, None, theirs, named=True)
            changed, replaced = differing(entry, there, rows, ids)
            if not changed:
                return None
            holders = set(there.filter(pl.col(entry.owner).is_in(replaced))[FILE])
            news = rows_of(rows, entry.owner, changed)
            return self._write(delta, entry, now, news, replaced, holders)

        if not rows.num_rows and self._delta(entry) is None:
            return None
        return self._retry(entry, attempt)

    def _retry(
        self, entry: Table, attempt: Callable[[DeltaTable], Written | None]
    ) -> Written | None:
        """Try against the newest version until no other writer was faster."""
        give_up, pause = time.monotonic() + PATIENCE_SECONDS, 0.005
        while True:
            before = None
            try:
                delta = self._writable(entry)
                before = delta.version()
                return attempt(delta)
            except CommitFailedError as error:
                self._refuse_if_still(entry, before, error)
                if time.monotonic() > give_up:
                    raise LakeBusy(
                        f"other writers kept committing to {entry.name} first "
                        f"for {PATIENCE_SECONDS:.0f} s",
                        where=self.folder(entry.name),
                        fix="run the command again when fewer writers are at work",
                    ) from error
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, 0.5)

    def _refuse_if_still(self, entry: Table, version: int | None, error: Exception) -> None:
        """A commit that failed though nobody was faster is the storage's fault."""
        self._open.pop(entry.name, None)
        if self._version(entry) == version:
            raise storage_failed(self.folder(entry.name), error) from error

    def _write(
        self,
        delta: DeltaTable,
        entry: Table,
        now: Snapshot,
        rows: pa.Table,
        replaced: Collection[str] = (),
        holders: Collection[str] = (),
    ) -> Written:
        """One commit: these rows in place of those of `replaced`, which lie in files `holders`.
        Small files that have become a crowd are taken in, so that a commit costs what it changes.
        """
        gone = crowd(now.files) | {file for file in now.files if file[0] in holders}
        stays = ~pl.col(entry.owner).is_in(list(replaced)) if entry.owner and replaced else None
        groups = of_good_size(gone) or [()]
        kept = (self._of_files(entry, group, stays) for group in groups[:-1])
        last = rows
        if groups[-1]:
            coming = pl.DataFrame(rows, schema=polars_schema(entry))
            last = cast(entry, pl.concat([self._of_files(entry, groups[-1], stays), coming]))
        return self._swap(
            delta, entry, chain((cast(entry, frame) for frame in kept), [last]), gone, changed=True
        )

    def _swap(
        self,
        delta: DeltaTable,
        entry: Table,
        contents: Iterable[pa.Table],
        gone: Collection[File],
        *,
        changed: bool,
    ) -> Written:
        """New files of these contents in place of the old files, on disk when this returns: the
        files before the log names them, then the log."""
        folder, version = self.folder(entry.name), int(delta.version()) + 1
        fresh: list[tuple[DataFile, pa.Table]] = []
        with storage_door(folder):
            try:
                for rows in contents:
                    if rows.num_rows:
                        fresh.append((write_file(entry, folder, rows), rows))
                replace_files(delta, entry, fresh, gone, changed=changed)
            except CommitFailedError:
                _discard(folder, version, [file for file, _ in fresh])
                raise
            sync_commit(folder, version)
        self._flushed[entry.name] = version
        return Written(version, tuple(file for file, _ in fresh))

    def _settle(self, entry: Table, delta: DeltaTable) -> None:
        folder, version = self.folder(entry.name), int(delta.version())
        if self._flushed.get(entry.name) != version:
            with storage_door(folder):
                for path, _, _ in commit_entry(folder, version).added:
                    sync(folder / path)
                sync_commit(folder, version)
            self._flushed[entry.name] = version

    # --- upkeep --------------------------------------------------------------------------

    def compact(self, name: str) -> bool:
        """Rewrite a table's small files as few, sorted by key, without changing a row. False when
        they are few, or a writer was at work: the next upkeep will do it.

        Not by delta-rs's `optimize`: two of these at once double every row.
        """
        entry, before = table(name), self._version(table(name))
        try:
            delta = self._writable(entry)
            before = delta.version()
            groups = small_files(snapshot_of(delta).files)
            if not groups:
                return False
            contents = (cast(entry, self._of_files(entry, group)) for group in groups)
            written = self._swap(delta, entry, contents, list(chain(*groups)), changed=False)
        except CommitFailedError as error:
            self._refuse_if_still(entry, before, error)
            return False
        self.record_files({name: written.files})
        return True

    def unreferenced(self, name: str, hours: int) -> list[str]:
        """Files below a table that its newest version does not need, older than `hours`."""
        delta = self._delta(table(name))
        if delta is None:
            return []
        self._settle(table(name), delta)
        folder = self.folder(name)
        with storage_door(folder):
            unused = delta.vacuum(
                retention_hours=hours, dry_run=True, enforce_retention_duration=False, full=True
            )
            return [*unused, *half_written(folder, time.time() - hours * 3600)]

    # --- Delta tables --------------------------------------------------------------------

    def _delta(self, entry: Table) -> DeltaTable | None:
        """The table at its newest version; None when it was never written to."""
        folder = self.folder(entry.name)
        with storage_door(folder):
            if entry.name in self._open:
                self._update(entry, folder)
            elif log_folder(folder).is_dir():
                # whoever makes the table now, or was stopped at it, may not have come to its log
                with suppress(TableNotFoundError):
                    self._open[entry.name] = DeltaTable(str(folder))
            return self._open.get(entry.name)

    def _update(self, entry: Table, folder: Path) -> None:
        """Bring an open table to its newest version; its log may have been cut short meanwhile, at
        either end: a torn entry was moved aside, or old ones were removed."""
        here = entry_path(folder, self._open[entry.name].version())
        try:
            if here.exists() and entry_path(folder, self._open[entry.name].version() + 1).exists():
                self._open[entry.name].update_incremental()
        except DeltaError:
            if here.exists():
                raise
        if not here.exists():
            self._open[entry.name] = DeltaTable(str(folder))

    def _version(self, entry: Table) -> int | None:
        delta = self._delta(entry)
        return int(delta.version()) if delta else None

    def existing(self, entry: Table) -> DeltaTable:
        delta = self._delta(entry)
        assert delta is not None
        return delta

    def _writable(self, entry: Table) -> DeltaTable:
        """The table, made if it is not there, with every declared column."""
        delta = self._delta(entry)
        if delta is None:
            create_table(entry, self.folder(entry.name), entry.meaning)
            delta = self.existing(entry)
        self._settle(entry, delta)
        fields = {each.name: each for each in delta.schema().fields}
        if unknown := fields.keys() - set(entry.column_names):
            raise UnsupportedLake(
                f"{entry.name} has columns this rdlake does not know: {', '.join(sorted(unknown))}",
                where=self.folder(entry.name),
                fix="the lake was written by a newer rdlake; upgrade this one",
            )
        if absent := set(entry.column_names) - fields.keys():
            declared = DeltaSchema.from_arrow(entry.schema).fields
            with storage_door(self.folder(entry.name)):
                before = delta.version()
                delta.alter.add_columns([each for each in declared if each.name in absent])
                for version in range(before + 1, delta.version() + 1):
                    sync_commit(self.folder(entry.name), version)
        return delta

    def _of_files(
        self, entry: Table, files: Iterable[File], where: pl.Expr | None = None
    ) -> pl.DataFrame:
        return read_files(entry, self.folder(entry.name), files, None, where)


def _discard(folder: Path, version: int, files: Iterable[DataFile]) -> None:
    """Remove files that were written for a commit that was overtaken."""
    with suppress(FileNotFoundError):
        named = {path for path, _, _ in commit_entry(folder, version).added}
        for file in files:
            if file.path not in named:
                remove_quietly(folder / file.path)
