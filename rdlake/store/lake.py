"""Read and write the tables of a lake. This is the only door to Delta.

Every commit is made against the exact version that was read. When another writer was faster, the
table is read again. So appends are never doubled and replaced rows are never lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from rdlake.schema.frames import (
    cast,
    find_changes,
    frame_of,
    refuse_unowned,
    rows_of_owners,
)
from rdlake.schema.tables import TABLES, Table, table
from rdlake.store.adopt import copy_files
from rdlake.store.commit import NewFile, TableCommit, TableCommits
from rdlake.store.data_files import (
    DataFile,
    crowd,
    group_by_size,
    half_written_files,
    list_digest,
    small_files,
)
from rdlake.store.delta import (
    Snapshot,
    find_owner_files,
    snapshot_of,
    unused_files,
)
from rdlake.store.delta_log import sync_commit
from rdlake.store.durable import remove_quietly
from rdlake.store.parquet import FILE, read_files, size_in_memory
from rdlake.store.translate import storage_door


@dataclass(frozen=True)
class CommitReport:
    """Report the tables that a batch changed, with their new versions."""

    versions: Mapping[str, int] = field(default_factory=dict)


class Lake(TableCommits):
    """Hold an open lake. Make one with `open_store` or `init_store`."""

    @cached_property
    def lake_id(self) -> str:
        """Return the id given at init; a copy of the lake keeps it."""
        return str(self.existing(table("catalogs")).metadata().id)

    @property
    def catalogs_folder(self) -> Path:
        return self.root / "catalogs"

    # --- reading -------------------------------------------------------------------------

    def snapshot(self, name: str) -> Snapshot:
        """Return the table's newest version and its files."""
        delta = self._delta(table(name))
        return snapshot_of(delta) if delta else Snapshot(None, ())

    def snapshot_at(self, name: str, version: int) -> Snapshot:
        """Return the table at a version. Raise StorageFailed when the log no longer leads there."""
        with storage_door(self.folder(name)):
            return snapshot_of(DeltaTable(str(self.folder(name)), version=version))

    def read(
        self, name: str, columns: Collection[str] | None = None, where: pl.Expr | None = None
    ) -> pl.DataFrame:
        """Return rows of a table's newest version; an empty typed frame when there is none yet."""
        files = self.snapshot(name).files
        return read_files(table(name), self.folder(name), files, columns, where)

    def known_files(
        self, names: Collection[str], paths: Collection[str] | None = None
    ) -> dict[tuple[str, str], DataFile]:
        """Return (table, path) -> data file, with the sha256 taken when it was written.

        The answer covers all files these tables ever had, or only `paths`.
        """
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

        `owners` names, per owner column, whose rows are replaced by the rows in `frames`. Tables
        that `frames` does not name are not touched. Equal rows are not written again. Tables
        without an owner are appended to. Raise ValueError, before anything is written, for a column
        that is not declared or a row whose owner is not named.
        """
        batch = {name: cast(table(name), frame) for name, frame in frames.items()}
        for name, rows in batch.items():
            refuse_unowned(table(name), rows, owners)
        report: dict[str, TableCommit] = {}
        for entry in TABLES:
            ids = owners.get(entry.owner, ()) if entry.owner else ()
            if entry.name in batch and (
                written := self._commit_table(entry, batch[entry.name], ids)
            ):
                report[entry.name] = written
        self.record_files({name: written.files for name, written in report.items()})
        return CommitReport({name: written.version for name, written in report.items()})

    def record_files(self, lists: Mapping[str, Iterable[DataFile]]) -> None:
        """Store the digests of data files, as lists named by their own digest."""
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
            self._commit_table(entry, cast(entry, frame_of(entry, rows)), ())

    def append_at(self, name: str, frame: pl.DataFrame, version: int) -> bool:
        """Append only if the table is still at `version`; return False when another writer was
        faster."""
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

    def append_once(
        self, name: str, contents: Iterable[pa.Table], ids: Collection[str]
    ) -> CommitReport | None:
        """Append rows whose owners are `ids`: one file per content, all in one commit.

        The contents are asked for one by one, so they need not fit into memory together. Return
        None, with nothing appended, when the table has rows of one of `ids`. An exception from
        `contents` leaves nothing either.
        """
        entry = table(name)
        assert entry.owner is not None
        owner, folder = entry.owner, self.folder(name)
        self._writable(entry)
        size, fresh = size_in_memory(entry, folder), list[NewFile]()

        def attempt(delta: DeltaTable) -> TableCommit | None:
            now, files = find_owner_files(delta, owner, ids)
            theirs = pl.col(owner).is_in(list(ids))
            if not read_files(entry, folder, files, [owner], theirs).is_empty():
                return None
            gone = crowd(now.files, size)
            groups = group_by_size(gone, size)
            crowded = (cast(entry, self._of_files(entry, each)) for each in groups)
            return self._swap(delta, entry, crowded, gone, changed=True, beside=fresh)

        with storage_door(folder):
            fresh += self._files_of(entry, contents)
        report = self._named(entry, fresh, attempt)
        if report is None:
            for file, _ in fresh:
                remove_quietly(folder / file.path)
        return report

    def adopt(self, name: str, files: Mapping[Path, DataFile]) -> CommitReport | None:
        """Copy data files of another lake, by their paths there, into a table that has none.

        Return None, with nothing adopted, when the table has some. Raise DamagedLake for a file
        that is not what was written. `rdlake maintain` removes the copies that are left then.
        """
        entry, folder = table(name), self.folder(name)
        self._writable(entry)

        def attempt(delta: DeltaTable) -> TableCommit | None:
            if snapshot_of(delta).files:
                return None
            return self._swap(delta, entry, (), (), changed=True, beside=fresh)

        fresh = copy_files(entry, files, folder)
        return self._named(entry, fresh, attempt)

    def _named(
        self,
        entry: Table,
        fresh: list[NewFile],
        attempt: Callable[[DeltaTable], TableCommit | None],
    ) -> CommitReport | None:
        """Make the log name files that are on disk; return None when it may not."""

        def once(delta: DeltaTable) -> TableCommit | None:
            now = snapshot_of(delta)
            if {file.path for file, _ in fresh} <= {path for path, _, _ in now.files}:
                # The last attempt succeeded although it reported a failure.
                sync_commit(self.folder(entry.name), now.version or 0)
                return TableCommit(now.version or 0, tuple(file for file, _ in fresh))
            return attempt(delta)

        written = self._retry(entry, once) if fresh else None
        if written is None:
            return None
        self.record_files({entry.name: written.files})
        return CommitReport({entry.name: written.version})

    def _commit_table(
        self, entry: Table, rows: pa.Table, ids: Collection[str]
    ) -> TableCommit | None:
        """Make one commit, or none when it would change nothing."""

        def attempt(delta: DeltaTable) -> TableCommit | None:
            if entry.owner is None:
                now = snapshot_of(delta)
                return self._write(delta, entry, now, rows) if rows.num_rows else None
            now, files = find_owner_files(delta, entry.owner, ids)
            theirs = pl.col(entry.owner).is_in(list(ids))
            there = read_files(entry, self.folder(entry.name), files, None, theirs, named=True)
            changed, replaced = find_changes(entry, there, rows, ids)
            if not changed:
                return None
            holders = set(there.filter(pl.col(entry.owner).is_in(replaced))[FILE])
            news = rows_of_owners(rows, entry.owner, changed)
            return self._write(delta, entry, now, news, replaced, holders)

        if not rows.num_rows and self._delta(entry) is None:
            return None
        return self._retry(entry, attempt)

    # --- upkeep --------------------------------------------------------------------------

    def compact(self, name: str) -> bool:
        """Rewrite a table's small files as few, sorted by key, without changing a row.

        Return False when they are few already, or when a writer was at work; the next run of
        maintain does it then. delta-rs's `optimize` is not used: two of these at once double every
        row.
        """
        entry, before = table(name), self._version(table(name))
        try:
            delta = self._writable(entry)
            before = delta.version()
            groups = small_files(snapshot_of(delta).files, size_in_memory(entry, self.folder(name)))
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
        """Return files below a table that its newest version does not need, older than `hours`."""
        delta = self._delta(table(name))
        if delta is None:
            return []
        self._settle(table(name), delta)
        folder = self.folder(name)
        with storage_door(folder):
            return [
                *unused_files(delta, hours),
                *half_written_files(folder, time.time() - hours * 3600),
            ]
