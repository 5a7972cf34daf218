"""Tables from elsewhere, and what the lake has of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from rdlake.schema.tables import TABLES
from rdlake.store.lake import Lake
from tests.builders_prices import write_prices
from tests.factors.statistics.world import closes, values

ASIDE = ("workspace_id", "factor_name", "window", "source_digest")


def table(*names: str, seed: int = 1) -> pl.DataFrame:
    """datetime, instrument, and a column of values for each name."""
    parts = [values(seed + place) for place in range(len(names))]
    keys = parts[0].select("datetime", "instrument")
    columns = [part.to_series(0).alias(name) for part, name in zip(parts, names, strict=True)]
    return keys.with_columns(columns)


def prices(folder: Path) -> Path:
    return write_prices(folder / "daily_pv.h5", closes())


def statistics(lake: Lake, owner: str) -> list[dict[str, Any]]:
    """Everything that factor_perf says of all days of an owner's factors, without whose it is."""
    where = (pl.col("workspace_id") == owner) & (pl.col("window") == "all")
    rows = lake.read("factor_perf", where=where).sort("values_sha256")
    return rows.drop(ASIDE).to_dicts()


def versions(lake: Lake) -> dict[str, int | None]:
    return {each.name: lake.snapshot(each.name).version for each in TABLES}
