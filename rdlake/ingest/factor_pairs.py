"""Compare factors that order instruments alike, on their values where these still lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from rdlake.domain.panel import Panel
from rdlake.factors.statistics import FACTOR_TABLE, mean_rank_correlation
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.backtest.factor_values import open_factor_table
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.store.lake import Lake

MIN_SHARED_DAYS = 3
"""The number of anchor days with one order that makes two factors worth comparing."""

Places = Mapping[str, list[tuple[str, str]]]
"""By digest of values, the workspaces and columns that have them."""


def compare_factors(lake: Lake, folders: Mapping[str, Path]) -> None:
    """Commit the correlation of each pair of factors that may be alike.

    A pair is compared once, and only while both its values lie in these folders, by workspace.
    """
    columns = ["workspace_id", "factor_name", "column_name", "values_sha256", "value_fingerprint"]
    factors = lake.read("factors", columns, pl.col("values_sha256").is_not_null())
    pairs = find_candidates(factors)
    if pairs.is_empty():
        return
    pairs = pairs.join(lake.read("factor_pairs"), on=["one_sha256", "other_sha256"], how="anti")
    places: dict[str, list[tuple[str, str]]] = {}
    for workspace_id, name, column, digest, _ in factors.sort("workspace_id").rows():
        if workspace_id in folders:
            places.setdefault(digest, []).append((workspace_id, column or name))
    rows = list(_pair_rows(pairs, places, folders))
    if rows:
        ids = [row["pair_id"] for row in rows]
        lake.commit({"factor_pairs": frame_of(table("factor_pairs"), rows)}, {"pair_id": ids})


def find_candidates(factors: pl.DataFrame) -> pl.DataFrame:
    """Return pairs of different values with one order, up to reversal, on enough anchor days."""
    days = (
        factors.unique("values_sha256")
        .select("values_sha256", "value_fingerprint")
        .explode("value_fingerprint", empty_as_null=False)
        .drop_nulls()
    )
    return (
        days.join(days, on="value_fingerprint", suffix="_other")
        .filter(pl.col("values_sha256") < pl.col("values_sha256_other"))
        .group_by(one_sha256="values_sha256", other_sha256="values_sha256_other")
        .agg(shared=pl.len().cast(pl.Int64))
        .filter(pl.col("shared") >= MIN_SHARED_DAYS)
        .sort("one_sha256", "other_sha256")
    )


def _pair_rows(
    pairs: pl.DataFrame, places: Places, folders: Mapping[str, Path]
) -> Iterator[dict[str, Any]]:
    one, panel = None, None
    for row in pairs.iter_rows(named=True):
        if row["one_sha256"] != one:
            one = row["one_sha256"]
            panel = _read_panel(one, places, folders)
        other = _read_panel(row["other_sha256"], places, folders) if panel is not None else None
        if panel is None or other is None:
            continue
        mean, days = mean_rank_correlation(panel, other)
        name = f"{one}\0{row['other_sha256']}"
        yield {
            "pair_id": sha256(name.encode()).hexdigest(),
            "one_sha256": one,
            "other_sha256": row["other_sha256"],
            "shared": row["shared"],
            "correlation": mean,
            "days": days,
        }


def _read_panel(digest: str, places: Places, folders: Mapping[str, Path]) -> Panel | None:
    """Return the values of that digest from the first folder that still has them."""
    for workspace_id, column in places.get(digest, ()):
        with (
            suppress(Unreadable),
            open_factor_table(folders[workspace_id] / FACTOR_TABLE) as values,
        ):
            panel, _ = values.column(column)
            if panel.digest == digest:
                return panel
    return None
