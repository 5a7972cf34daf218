"""Write and read receipts: what an archive was proven to have of each experiment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import polars as pl

from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.lake import Lake

KEY = ["archive_id", "workspace_id"]


@dataclass(frozen=True, kw_only=True)
class ArchiveReceipt:
    """Hold what one run proved of one workspace; `write_receipts` adds the run and the time."""

    workspace_id: str
    level: int
    lake_id: str
    archive_lake_id: str
    catalog_version: int | None
    content_digest: str | None
    files: int | None
    bytes: int | None
    not_kept: int | None
    tables_digest: str | None
    source_digest: str | None

    def says_the_same(self, row: Mapping[str, object] | None) -> bool:
        """Return whether a receipt of the archive says of the workspace what this one does."""
        fields = ("level", "content_digest", "files", "not_kept", "source_digest")
        return row is not None and all(row[name] == getattr(self, name) for name in fields)


def archiving_levels(lake: Lake) -> dict[str, int]:
    """Return by workspace what its archives have of it as it is now: 0 nothing, 1 rows, 2 also
    every file worth keeping.

    The last receipt of an archive counts, and only while the source has the digest it was archived
    with. Of several archives the best counts.
    """
    now = dict(lake.read("workspaces", ["workspace_id", "source_digest"]).rows())
    now |= dict(lake.read("loops", ["workspace_id", "source_digest"]).rows())
    levels = dict.fromkeys(sorted(now), 0)
    for row in _last(lake.read("archives")).iter_rows(named=True):
        name = row["workspace_id"]
        if name in now and row["source_digest"] == now[name]:
            levels[name] = max(levels[name], row["level"])
    return levels


def last_receipts(archive: Lake, lake: Lake) -> dict[str, dict[str, object]]:
    """Return the last receipt of this archive for each workspace, from either lake."""
    told = [each.read("archives", where=_of_both(archive, lake)) for each in (archive, lake)]
    rows = _last(pl.concat(told).unique(KEY))
    return {row["workspace_id"]: row for row in rows.iter_rows(named=True)}


def revoke_receipts(lake: Lake, archive_lake_id: str) -> None:
    """Write to the lake that an archive, which cannot be read, proves nothing any longer."""
    rows = _last(lake.read("archives", where=pl.col("archive_lake_id") == archive_lake_id))
    write_receipts(
        [lake], [revoked_receipt(row) for row in rows.iter_rows(named=True) if row["level"]]
    )


def revoked_receipt(row: Mapping[str, Any]) -> ArchiveReceipt:
    """Return a receipt that revokes another one."""
    return ArchiveReceipt(
        workspace_id=row["workspace_id"],
        level=0,
        lake_id=row["lake_id"],
        archive_lake_id=row["archive_lake_id"],
        catalog_version=None,
        content_digest=None,
        files=None,
        bytes=None,
        not_kept=None,
        tables_digest=None,
        source_digest=row["source_digest"],
    )


def _of_both(archive: Lake, lake: Lake) -> pl.Expr:
    return (pl.col("archive_lake_id") == archive.lake_id) & (pl.col("lake_id") == lake.lake_id)


def _last(receipts: pl.DataFrame) -> pl.DataFrame:
    return receipts.sort("verified_at", "archive_id").unique(
        ["workspace_id", "archive_lake_id"], keep="last", maintain_order=True
    )


def write_receipts(lakes: Iterable[Lake], receipts: Iterable[ArchiveReceipt]) -> int:
    """Append the receipts of one run to each of these lakes, in order. Return how many they are."""
    now = datetime.now(UTC).replace(tzinfo=None)
    run = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}"
    rows = [{"archive_id": run, "verified_at": now, **vars(each)} for each in receipts]
    for lake in lakes:
        if rows:
            lake.commit({"archives": frame_of(table("archives"), rows)}, {})
    return len(rows)


def share_receipts(archive: Lake, lake: Lake) -> None:
    """Copy to the lake the receipts that a stopped run left only in the archive."""
    there = lake.read("archives", KEY)
    news = archive.read("archives", where=_of_both(archive, lake)).join(there, on=KEY, how="anti")
    if news.height:
        lake.commit({"archives": news}, {})
