"""Make one commit of one table: compare and swap, durable, tried again when another writer was
faster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from rdlake.errors import LakeBusy
from rdlake.schema.frames import cast, polars_schema
from rdlake.schema.tables import Table
from rdlake.store.connection import OpenTables
from rdlake.store.data_files import DataFile, File, crowd, group_by_size
from rdlake.store.delta import Snapshot, replace_files, stats_of
from rdlake.store.delta_log import commit_entry, sync_commit
from rdlake.store.durable import remove_quietly
from rdlake.store.parquet import read_files, size_in_memory, write_file
from rdlake.store.translate import storage_door, storage_failed

PATIENCE_SECONDS = 60.0
NewFile = tuple[DataFile, str]
"""A data file that the log does not name yet, with its statistics."""


@dataclass(frozen=True)
class TableCommit:
    """Report the version and the files of one commit."""

    version: int
    files: tuple[DataFile, ...]


class TableCommits(OpenTables):
    """Commit to the tables below a root. `Lake` offers what other rooms may use."""

    def _retry(
        self, entry: Table, attempt: Callable[[DeltaTable], TableCommit | None]
    ) -> TableCommit | None:
        """Call `attempt` with the newest version until no other writer is faster. Raise LakeBusy
        after a minute."""
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
        """Raise StorageFailed when a commit failed though nobody was faster."""
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
    ) -> TableCommit:
        """Commit these rows in place of the rows of `replaced`, which lie in the files `holders`.

        Small files are merged into the new ones when they have become many, so that a commit costs
        what it changes.
        """
        size = size_in_memory(entry, self.folder(entry.name))
        gone = crowd(now.files, size) | {file for file in now.files if file[0] in holders}
        stays = ~pl.col(entry.owner).is_in(list(replaced)) if entry.owner and replaced else None
        groups = group_by_size(gone, size) or [()]
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
        beside: Sequence[NewFile] = (),
    ) -> TableCommit:
        """Replace the files `gone` by new files of these contents, flushed to disk when this
        returns.

        The data files are flushed before the log names them. `beside` are new files that are on
        disk already.
        """
        folder, version = self.folder(entry.name), int(delta.version()) + 1
        with storage_door(folder):
            made = self._files_of(entry, contents)
            fresh = [*beside, *made]
            try:
                replace_files(delta, fresh, gone, changed=changed)
            except CommitFailedError:
                _discard(folder, version, [file for file, _ in made])
                raise
            sync_commit(folder, version)
        self._flushed[entry.name] = version
        return TableCommit(version, tuple(file for file, _ in fresh))

    def _files_of(self, entry: Table, contents: Iterable[pa.Table]) -> list[NewFile]:
        """Write one file per content, each before the next content is asked for. Remove all when
        one fails."""
        folder, made = self.folder(entry.name), list[NewFile]()
        with ExitStack() as undone:
            for rows in contents:
                if rows.num_rows:
                    file = write_file(entry, folder, rows)
                    undone.callback(remove_quietly, folder / file.path)
                    made.append((file, stats_of(entry, rows)))
            undone.pop_all()
        return made

    def _of_files(
        self, entry: Table, files: Iterable[File], where: pl.Expr | None = None
    ) -> pl.DataFrame:
        return read_files(entry, self.folder(entry.name), files, None, where)


def _discard(folder: Path, version: int, files: Iterable[DataFile]) -> None:
    """Remove files that were written for a commit that another writer overtook."""
    with suppress(FileNotFoundError):
        named = {path for path, _, _ in commit_entry(folder, version).added}
        for file in files:
            if file.path not in named:
                remove_quietly(folder / file.path)
