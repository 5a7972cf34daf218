"""Copy rows and content to an archive: only what is not there, or not equal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import polars as pl

from rdlake.ingest.batches import Progress
from rdlake.operations.archive.content import kept_content
from rdlake.operations.archive.frozen_lake import FrozenLake
from rdlake.operations.archive.location import refuse_gone
from rdlake.operations.archive.selection import COPIED, FILES_TOO, ArchiveScope
from rdlake.schema.frames import cast, find_changes
from rdlake.schema.tables import table
from rdlake.store.blobs import read_contents, store, stored_digests
from rdlake.store.lake import Lake

ROWS, PACKED, OWNERS = 250_000, 16 << 20, 5_000
"""About how many rows, packed bytes and owners are read and committed together."""


@dataclass(kw_only=True)
class CopyReport:
    """Report what was copied, or would be: rows by table, content, and the workspaces.

    `lost` are digests of content that the lake itself no longer has whole.
    """

    rows: dict[str, int] = field(default_factory=dict)
    workspace_ids: set[str] = field(default_factory=set)
    contents: int = 0
    bytes: int = 0
    lost: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        return not (self.rows or self.contents)


def copy_rows_and_content(
    frozen: FrozenLake,
    archive: Lake | None,
    scope: ArchiveScope,
    with_files: Collection[str],
    *,
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> CopyReport:
    """Copy what is new or changed to the archive, table by table in the order of a batch.

    For the workspaces `with_files`, copy content, curves, signals and charts too. `archive` is None
    while there is no archive yet.
    """
    done = CopyReport()
    for number, name in enumerate(COPIED, start=1):
        if name == "blobs":
            _copy_content(frozen, archive, with_files, done, dry_run=dry_run)
        elif name == "ingests":
            _copy_ingests(frozen, archive, scope, done, dry_run=dry_run)
        else:
            ids = scope.owners[name]
            ids = ids & frozenset(with_files) if name in FILES_TOO else ids
            _copy_rows(frozen, archive, name, ids, done, dry_run=dry_run)
        if on_progress:
            on_progress(number, len(COPIED))
    return done


def batches_of(frozen: FrozenLake, name: str, ids: Collection[str]) -> Iterator[list[str]]:
    """Yield the owners in batches whose rows fit into memory."""
    files, rows = frozen.files(name), frozen.owners(name)
    packed = sum(size for _, size, _ in files) / max(1, sum(rows for _, _, rows in files))
    most = max(1, min(ROWS, int(PACKED / max(packed, 1))))
    batch, weight = list[str](), 0
    for each in sorted(ids):
        weight += rows.get(each, 0)
        if batch and (weight > most or len(batch) == OWNERS):
            yield batch
            batch, weight = [], rows.get(each, 0)
        batch.append(each)
    if batch:
        yield batch


def _copy_rows(
    frozen: FrozenLake,
    archive: Lake | None,
    name: str,
    ids: Collection[str],
    done: CopyReport,
    *,
    dry_run: bool,
) -> None:
    entry = table(name)
    assert entry.owner is not None
    if frozen.owners(name).keys() <= set(ids) and _adopt_table(
        frozen, archive, name, done, dry_run=dry_run
    ):
        if entry.owner == "workspace_id":
            done.workspace_ids.update(frozen.owners(name))
        return
    for batch in batches_of(frozen, name, ids):
        theirs = pl.col(entry.owner).is_in(batch)
        coming = frozen.read(name, None, theirs)
        there = archive.read(name, None, theirs) if archive else coming.clear()
        changed, _ = find_changes(entry, there, cast(entry, coming), batch)
        if not changed:
            continue
        news = coming.filter(pl.col(entry.owner).is_in(changed))
        done.rows[name] = done.rows.get(name, 0) + news.height
        if entry.owner == "workspace_id":
            done.workspace_ids.update(changed)
        if archive and not dry_run:
            refuse_gone(archive)
            archive.commit({name: news}, {entry.owner: changed})


def _adopt_table(
    frozen: FrozenLake, archive: Lake | None, name: str, done: CopyReport, *, dry_run: bool
) -> bool:
    """Copy all rows of a table as the files they lie in, when the archive has none.

    Return False when it has some, or when it is not known what was written to a file.
    """
    if not frozen.data_files(name) or (archive and archive.snapshot(name).files):
        return False
    if archive and not dry_run:
        refuse_gone(archive)
        if not _adopt_files(frozen, archive, name):
            return False
    done.rows[name] = frozen.rows(name)
    return True


def _adopt_files(frozen: FrozenLake, archive: Lake, name: str) -> bool:
    folder, files = frozen.lake.folder(name), frozen.data_files(name) or ()
    return bool(archive.adopt(name, {folder / each.path: each for each in files}))


def _copy_ingests(
    frozen: FrozenLake,
    archive: Lake | None,
    scope: ArchiveScope,
    done: CopyReport,
    *,
    dry_run: bool,
) -> None:
    """Append the rows whose key the archive does not have."""
    name, key = "ingests", list(table("ingests").key)
    if scope.ingests is None and _adopt_table(frozen, archive, name, done, dry_run=dry_run):
        return
    mine = None if scope.ingests is None else pl.col("workspace_id").is_in(list(scope.ingests))
    news = frozen.read(name, None, mine)
    if archive:
        news = news.join(archive.read(name, key), on=key, how="anti", nulls_equal=True)
    if news.height:
        done.rows[name] = news.height
        if archive and not dry_run:
            refuse_gone(archive)
            archive.commit({name: news}, {})


def _copy_content(
    frozen: FrozenLake,
    archive: Lake | None,
    workspace_ids: Collection[str],
    done: CopyReport,
    *,
    dry_run: bool,
) -> None:
    files = kept_content(frozen, workspace_ids)
    wanted = files["sha256"].unique()
    there = stored_digests(archive, wanted) if archive and wanted.len() else frozenset()
    missing = frozenset(wanted) - there
    if not missing:
        return
    sizes = frozen.read("blobs", ["sha256", "size"], pl.col("sha256").is_in(list(missing)))
    done.contents, done.bytes = len(missing), int(sizes.unique("sha256")["size"].sum())
    done.workspace_ids.update(files.filter(pl.col("sha256").is_in(list(missing)))["workspace_id"])
    if archive and not dry_run:
        refuse_gone(archive)
        if not _adopt_content(frozen, archive, missing):
            done.lost = frozenset(store(archive, read_contents(frozen.lake, missing)))


def _adopt_content(frozen: FrozenLake, archive: Lake, missing: frozenset[str]) -> bool:
    """Copy all content as the files it lies in.

    Return False when some content is not what its digest says: that must not be copied.
    """
    whole = frozen.owners("blobs").keys() <= missing and not archive.snapshot("blobs").files
    return whole and frozen.is_sound() and _adopt_files(frozen, archive, "blobs")
