"""Make workspaces with values and prices that mean something: `make_factors(root, frame)`."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.builders_prices import make_prices
from tests.factors.statistics import plain
from tests.ingesting import ingest

START = date(2020, 1, 1)
CODES = tuple(f"SH60{number:04}" for number in range(12))
DAYS = 20
FILE = "combined_factors_df.parquet"


def days(count: int = DAYS) -> list[date]:
    return [START + timedelta(each) for each in range(count)]


def closes(seed: int = 7, codes: Sequence[str] = CODES) -> pl.DataFrame:
    """Return prices with days on which some instrument does not trade."""
    rng = random.Random(seed)
    rows = [
        (day, code, 10.0 + rng.random())
        for day in days(DAYS + 2)
        for code in codes
        if rng.random() < 0.95
    ]
    return pl.DataFrame(rows, schema=["datetime", "instrument", "$close"], orient="row")


def values(seed: int = 1, codes: Sequence[str] = CODES, name: str = "A") -> pl.DataFrame:
    """Return a factor that is missing here and there."""
    rng = random.Random(seed)
    rows = [
        (rng.gauss(0, 1) if rng.random() < 0.9 else None, day, code)
        for day in days()
        for code in codes
    ]
    columns = [f"('feature', '{name}')", "datetime", "instrument"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def make_factors(root: Path, frame: pl.DataFrame, name: str = "a" * 32) -> Path:
    """Write a workspace whose curve covers the same days as its table of factors."""
    folder = make_workspace(root, name, days=DAYS, factors=None)
    frame.write_parquet(folder / FILE)
    return folder


def read(root: Path, prices: pl.DataFrame | None = None, **others: Any) -> Lake:
    """Return a new lake next to the root, with what the root holds."""
    make_prices(root, closes() if prices is None else prices)
    lake = init_store(root.parent / "lake")
    ingest(lake, [root], **others)
    return lake


def perf(lake: Lake, window: str = "all", factor: str = "A") -> dict[str, Any]:
    """Return the only row of a factor in a window."""
    where = (pl.col("window") == window) & (pl.col("factor_name") == factor)
    (row,) = lake.read("factor_perf", where=where).to_dicts()
    return row


def said(lake: Lake) -> list[tuple[str, str]]:
    """Return level and reason of each finding in the tables of factors."""
    rows = lake.read("ingests").sort("ingested_at").to_dicts()
    found = [each for row in rows for each in row["findings"] if each["file"] == FILE]
    assert all(each["fix"] for each in found)
    return [(each["level"], each["reason"]) for each in found]


def by_key(frame: pl.DataFrame, column: str) -> plain.Values:
    """Return values by day and instrument, for the plain definitions."""
    rows = frame.select("datetime", "instrument", column).drop_nulls().rows()
    return {((day - START).days, code): value for day, code, value in rows}


def plain_ic(factor: plain.Values, prices: pl.DataFrame) -> tuple[list[float], list[float]]:
    """Return IC and rank IC of each day on which they are defined."""
    pairs = plain.by_day(factor, plain.label_of(by_key(prices, "$close"))).values()
    both = [
        [plain.pearson(x, y) for x, y in pairs],
        [plain.pearson(plain.ranks(x), plain.ranks(y)) for x, y in pairs],
    ]
    ic, rank = ([value for value in each if value is not None] for each in both)
    return ic, rank


def without_names(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in names}
