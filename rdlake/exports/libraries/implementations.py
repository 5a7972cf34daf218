"""Find the real code of factors, as the lake keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import polars as pl

from rdlake.store.blobs import checked_chunks, read_contents, stored_digests
from rdlake.store.lake import Lake

LARGEST = 1 << 20
"""A file of code with more bytes is not taken."""
EPOCH = datetime(1970, 1, 1)
CODE = "factor.py"


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """Hold one factor's code, byte for byte.

    `workspace_id` is the latest accepted experiment that proposed it. `column` is what the code
    calls its values, if that is another name.
    """

    source: str
    name: str
    code_sha256: str
    code: bytes
    workspace_id: str
    sub_workspace_id: str | None
    column: str
    created_at: datetime | None

    @property
    def recency(self) -> tuple[datetime, str]:
        """Return what orders implementations by time."""
        return self.created_at or EPOCH, self.workspace_id


@dataclass(frozen=True)
class OmittedFactor:
    """Name a factor whose code was not taken, and the reason."""

    name: str
    workspace_id: str
    reason: str


@dataclass(frozen=True)
class ImplementationList:
    """Hold the distinct implementations, sorted by name with the latest last, and what was left
    out."""

    taken: tuple[Implementation, ...]
    left: tuple[OmittedFactor, ...]


def find_implementations(
    lake: Lake, names: Collection[tuple[str, str]] | None = None
) -> ImplementationList:
    """Return the code of each factor that a loop accepted.

    Accepted means: the coder's code went into the back-test, and RD-Agent's decision on the loop is
    true. With `names` (source and name) the code of these factors is returned, whatever was
    decided. A factor that a loop takes over from an earlier one has its code there.
    """
    rows = _rows(lake, names)
    code = _codes(lake, rows)
    chosen: dict[tuple[str, str, str], dict[str, Any]] = {}
    left: list[OmittedFactor] = []
    for row in rows.iter_rows(named=True):
        digests = code.get((row["workspace_id"], row["factor_name"]), ())
        if len(digests) > 1:
            left.append(_left(row, "several sub-workspaces have code for it"))
        for digest, sub in digests if len(digests) == 1 else ():
            row["sub_workspace_id"] = sub
            chosen[row["source"], row["factor_name"], digest] = row
    bytes_of, unkept = _contents(lake, {digest for _, _, digest in chosen})
    taken = []
    for (source, name, digest), row in chosen.items():
        if digest not in bytes_of:
            left.append(_left(row, unkept.get(digest, "the lake does not keep its code")))
            continue
        taken.append(
            Implementation(
                source=source,
                name=name,
                code_sha256=digest,
                code=bytes_of[digest],
                workspace_id=row["workspace_id"],
                sub_workspace_id=row["sub_workspace_id"],
                column=_column(row),
                created_at=row["created_at"],
            )
        )
    known = {(each.source, each.name) for each in taken} | {("", each.name) for each in left}
    for row in rows.unique(["source", "factor_name"], keep="last").iter_rows(named=True):
        if not {(row["source"], row["factor_name"]), ("", row["factor_name"])} & known:
            left.append(_left(row, "no source has its code: neither a log nor a sub-workspace"))
    order = sorted(taken, key=lambda each: (each.name, each.source, *each.recency))
    return ImplementationList(
        tuple(order), tuple(sorted(left, key=lambda each: (each.name, each.reason)))
    )


def _rows(lake: Lake, names: Collection[tuple[str, str]] | None) -> pl.DataFrame:
    """Return rows of the factors in question, the latest last."""
    columns = ["source", "factor_name", "workspace_id", "column_name", "accepted", "code_sha256"]
    columns += ["sub_workspace_id", "created_at"]
    factors = lake.read("factors", columns)
    if names is None:
        decided = lake.read("loops", ["workspace_id"], pl.col("decision"))["workspace_id"]
        own = pl.col("accepted") & pl.col("workspace_id").is_in(decided.to_list())
    else:
        wanted = pl.struct("source", "factor_name")
        asked = pl.DataFrame(list(names), ["source", "factor_name"], orient="row")
        own = wanted.is_in(asked.to_struct().to_list()) if names else pl.lit(value=False)
    return factors.filter(own).sort(pl.col("created_at").fill_null(EPOCH), "workspace_id")


def _codes(
    lake: Lake, rows: pl.DataFrame
) -> Mapping[tuple[str, str], tuple[tuple[str, str | None], ...]]:
    """Return digests of code by workspace and factor, each with the folder it was in.

    The folder is the one that the log names, else the sub-workspace whose values have the factor's
    column.
    """
    columns = ["workspace_id", "parent_workspace_id", "values_column"]
    subs = lake.read("workspaces", columns, pl.col("parent_workspace_id").is_not_null())
    mine = pl.col("path") == CODE
    files = lake.read("artifacts", ["workspace_id", "path", "sha256"], mine)
    digest_of = dict(files.select("workspace_id", "sha256").drop_nulls().rows())
    by_column: dict[tuple[str, str], dict[str, str]] = {}
    for sub, parent, column in subs.drop_nulls().rows():
        if sub in digest_of:
            by_column.setdefault((parent, column), {}).setdefault(digest_of[sub], sub)
    found: dict[tuple[str, str], tuple[tuple[str, str | None], ...]] = {}
    for row in rows.iter_rows(named=True):
        key, sub = (row["workspace_id"], row["factor_name"]), row["sub_workspace_id"]
        if row["code_sha256"]:
            found[key] = ((row["code_sha256"], sub),)
        elif sub in digest_of:
            found[key] = ((digest_of[sub], sub),)
        else:
            called = {_column(row), row["factor_name"]}
            of_columns = [by_column.get((key[0], each), {}) for each in sorted(called)]
            found[key] = tuple(dict(chain.from_iterable(map(dict.items, of_columns))).items())
    return found


def _contents(lake: Lake, digests: Collection[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the contents that are kept, proven against their digests, and why others are not
    taken."""
    bytes_of: dict[str, bytes] = {}
    large: dict[str, str] = {}
    for content in read_contents(lake, stored_digests(lake, digests)) if digests else ():
        if content.size > LARGEST:
            large[content.sha256] = f"its code has more than {LARGEST:,} bytes"
        else:
            bytes_of[content.sha256] = b"".join(checked_chunks(content))
    return bytes_of, large


def _column(row: Mapping[str, Any]) -> str:
    """Return what the code calls its column; the parquet file's name of it has that in a pair."""
    column = row["column_name"]
    if column and column.startswith("('feature', ") and column.endswith(")"):
        return str(column[len("('feature', ") + 1 : -2])
    return str(column or row["factor_name"])


def _left(row: Mapping[str, Any], reason: str) -> OmittedFactor:
    return OmittedFactor(row["factor_name"], row["workspace_id"], reason)
