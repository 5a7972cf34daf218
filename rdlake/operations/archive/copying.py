"""Bringing rows and content to an archive: only what is not there, or not the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import polars as pl

from rdlake.ingest.batches import Progress
from rdlake.operations.archive.held import Held
from rdlake.operations.archive.place import still_there
from rdlake.operations.archive.scope import COPIED, FILES_TOO, Scope
from rdlake.schema.frames import cast, differing
from rdlake.schema.tables import table
from rdlake.store.blobs import contents, store, stored
from rdlake.store.lake import Lake

ROWS, PACKED, OWNERS = 250_000, 16 << 20, 5_000
"""About so many rows, packed bytes and owners are held and committed together."""


@dataclass
class Copied:
    """What was copied, or would be: rows by table, content, and whose it was. `lost` are digests of
    content that the lake itself no longer has whole."""

    rows: dict[str, int] = field(default_factory=dict)
    workspace_ids: set[str] = field(default_factory=set)
    contents: int = 0
    bytes: int = 0
    lost: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        return not (self.rows or self.contents)


def copy(
    held: Held,
    archive: Lake | None,
    scope: Scope,
    with_files: Collection[str],
    *,
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> Copied:
    """Bring what is new or changed to the archive, table by table in the order of a batch. Of the
    workspaces `with_files` the content, curves, signals and charts too. None is an archive that
    is not there yet."""
    done = Copied()
    for number, name in enumerate(COPIED, start=1):
        if name == "blobs":
            _copy_content(held, archive, with_files, done, dry_run=dry_run)
        elif name == "ingests":
            _copy_ingests(held, archive, scope, done, dry_run=dry_run)
        else:
            ids = scope.owners[name]
            ids = ids & frozenset(with_files) if name in FILES_TOO else ids
            _copy_rows(held, archive, name, ids, done, dry_run=dry_run)
        if on_progress:
            on_progress(number, len(COPIED))
    return done


def batches_of(held: Held, name: str, ids: Collection[str]) -> Iterator[list[str]]:
    """The owners, so many at a time that their rows fit into memory."""
    files, rows = held.files(name), held.owners(name)
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


def needed(held: Held, workspace_ids: Collection[str]) -> pl.DataFrame:
    """workspace_id and sha256 of each file and chart whose content the lake has."""
    mine = pl.col("workspace_id").is_in(list(workspace_ids)) & pl.col("sha256").is_not_null()
    found = [
        held.read(name, ["workspace_id", "sha256"], mine).unique()
        for name in ("artifacts", "charts")
    ]
    there = held.read("blobs", ["sha256"]).unique()
    return pl.concat(found).unique().join(there, on="sha256", how="semi")


def _copy_rows(
    held: Held,
    archive: Lake | None,
    name: str,
    ids: Collection[str],
    done: Copied,
    *,
    dry_run: bool,
) -> None:
    entry = table(name)
    assert entry.owner is not None
    if held.owners(name).keys() <= set(ids) and _taken_whole(
        held, archive, name, done, dry_run=dry_run
    ):
        if entry.owner == "workspace_id":
            done.workspace_ids.update(held.owners(name))
        return
    for batch in batches_of(held, name, ids):
        theirs = pl.col(entry.owner).is_in(batch)
        coming = held.read(name, None, theirs)
        there = archive.read(name, None, theirs) if archive else coming.clear()
        changed, _ = differing(entry, there, cast(entry, coming), batch)
        if not changed:
            continue
        news = coming.filter(pl.col(entry.owner).is_in(changed))
        done.rows[name] = done.rows.get(name, 0) + news.height
        if entry.owner == "workspace_id":
            done.workspace_ids.update(changed)
        if archive and not dry_run:
            still_there(archive)
            archive.commit({name: news}, {entry.owner: changed})


def _taken_whole(
    held: Held, archive: Lake | None, name: str, done: Copied, *, dry_run: bool
) -> bool:
    """All rows of a table of which the archive has none, as the files that they lie in. False when
    it has some, or when it is not known what was written to a file."""
    if not held.data_files(name) or (archive and archive.snapshot(name).files):
        return False
    if archive and not dry_run:
        still_there(archive)
        if not _adopted(held, archive, name):
            return False
    done.rows[name] = held.rows(name)
    return True


def _adopted(held: Held, archive: Lake, name: str) -> bool:
    folder, files = held.lake.folder(name), held.data_files(name) or ()
    return bool(archive.adopt(name, {folder / each.path: each for each in files}))


def _copy_ingests(
    held: Held, archive: Lake | None, scope: Scope, done: Copied, *, dry_run: bool
) -> None:
    """Rows are only appended; those that are there are known by their key."""
    name, key = "ingests", list(table("ingests").key)
    if scope.ingests is None and _taken_whole(held, archive, name, done, dry_run=dry_run):
        return
    mine = None if scope.ingests is None else pl.col("workspace_id").is_in(list(scope.ingests))
    news = held.read(name, None, mine)
    if archive:
        news = news.join(archive.read(name, key), on=key, how="anti", nulls_equal=True)
    if news.height:
        done.rows[name] = news.height
        if archive and not dry_run:
            still_there(archive)
            archive.commit({name: news}, {})


def _copy_content(
    held: Held, archive: Lake | None, workspace_ids: Collection[str], done: Copied, *, dry_run: bool
) -> None:
    files = needed(held, workspace_ids)
    wanted = files["sha256"].unique()
    there = stored(archive, wanted) if archive and wanted.len() else frozenset()
    missing = frozenset(wanted) - there
    if not missing:
        return
    sizes = held.read("blobs", ["sha256", "size"], pl.col("sha256").is_in(list(missing)))
    done.contents, done.bytes = len(missing), int(sizes.unique("sha256")["size"].sum())
    done.workspace_ids.update(files.filter(pl.col("sha256").is_in(list(missing)))["workspace_id"])
    if archive and not dry_run:
        still_there(archive)
        if not _content_taken_whole(held, archive, missing):
            done.lost = frozenset(store(archive, contents(held.lake, missing)))


def _content_taken_whole(held: Held, archive: Lake, missing: frozenset[str]) -> bool:
    """All content as the files it lies in; False when one is not what its digest says, which is not
    to be carried over."""
    whole = held.owners("blobs").keys() <= missing and not archive.snapshot("blobs").files
    return whole and held.is_sound() and _adopted(held, archive, "blobs")
