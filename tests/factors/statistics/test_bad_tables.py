"""Test damaged tables of factors through a real ingest: right numbers, or the reason why there
are none."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.builders_prices import write_prices
from tests.factors.statistics.plain import mean
from tests.factors.statistics.world import (
    CODES,
    DAYS,
    by_key,
    closes,
    days,
    make_factors,
    perf,
    plain_ic,
    read,
    said,
    values,
)
from tests.ingesting import ingest

A = "('feature', 'A')"
OWN = ("workspace_id", "source_digest")


def right(lake: object, frame: pl.DataFrame, prices: pl.DataFrame) -> bool:
    """Return whether the IC are those of plain Python."""
    row = perf(lake)  # type: ignore[arg-type]
    ic, rank = plain_ic(by_key(frame, A), prices)
    return all(
        math.isclose(found, wanted or 0.0, abs_tol=1e-8)
        for found, wanted in ((row["ic_mean"], mean(ic)), (row["rank_ic_mean"], mean(rank)))
    ) and (row["ic_days"], row["rank_ic_days"]) == (len(ic), len(rank))


def indexed(*order: str) -> Callable[[pl.DataFrame, Path], None]:
    def write(frame: pl.DataFrame, path: Path) -> None:
        frame.to_pandas().set_index(list(order)).to_parquet(path)

    return write


def swapped_names(frame: pl.DataFrame, path: Path) -> None:
    """Return a table whose index levels have each other's names."""
    names = {"datetime": "instrument", "instrument": "datetime"}
    frame.rename(names).to_pandas().set_index(["instrument", "datetime"]).to_parquet(path)


def unnamed(frame: pl.DataFrame, path: Path) -> None:
    table = frame.to_pandas().set_index(["datetime", "instrument"])
    table.index.names = [None, None]
    table.to_parquet(path)


def pairs(frame: pl.DataFrame, path: Path) -> None:
    """Return columns named by pairs, as RD-Agent writes them."""
    import pandas as pd

    table = frame.to_pandas().set_index(["datetime", "instrument"])
    table.columns = pd.MultiIndex.from_tuples([("feature", "A")])
    table.to_parquet(path)


def changed(*expressions: pl.Expr) -> Callable[[pl.DataFrame, Path], None]:
    def write(frame: pl.DataFrame, path: Path) -> None:
        frame.with_columns(*expressions).write_parquet(path)

    return write


WRITTEN = {
    "as an index": indexed("datetime", "instrument"),
    "with swapped levels": indexed("instrument", "datetime"),
    "with swapped names": swapped_names,
    "with unnamed levels": unnamed,
    "with pairs of names": pairs,
    "with plain columns": lambda frame, path: frame.write_parquet(path),
    "backwards": lambda frame, path: frame.reverse().write_parquet(path),
    "with flat names": lambda frame, path: frame.rename({A: "A"}).write_parquet(path),
    "in small pieces": lambda frame, path: frame.write_parquet(path, row_group_size=7),
    "with categories": changed(pl.col("instrument").cast(pl.Categorical)),
    "with other codes": changed(
        pl.col("instrument").str.slice(2) + "." + pl.col("instrument").str.head(2)
    ),
    "in nanoseconds": changed(pl.col("datetime").cast(pl.Datetime("ns"))),
    "in a time zone": changed(
        pl.col("datetime").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Shanghai")
    ),
    "with days as text": changed(pl.col("datetime").cast(pl.String)),
    "with every row twice": lambda frame, path: pl.concat([frame, frame]).write_parquet(path),
    "with infinities": changed(pl.col(A).fill_null(math.inf)),
    "with other infinities": changed(pl.col(A).fill_null(-math.inf)),
    "with NaN": changed(pl.col(A).fill_null(math.nan)),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", WRITTEN)
def test_a_table_written_otherwise_has_the_same_figures(tmp_path: Path, how: str) -> None:
    frame, prices = values(), closes()
    folder = make_factors(tmp_path / "ws", frame)
    WRITTEN[how](frame, folder / "combined_factors_df.parquet")
    lake = read(tmp_path / "ws", prices)
    assert right(lake, frame, prices)
    row = perf(lake)
    known = [value for value in frame[A].to_list() if value is not None]
    assert row["finite_values"] == len(known)
    assert math.isclose(row["coverage"], len(known) / (DAYS * len(CODES)))
    assert math.isclose(row["mean"], mean(known) or 0.0)
    twice = how == "with every row twice"
    assert row["rows"] == frame.height * (1 + twice)
    wanted = f"{frame.height} rows have the day and instrument of another row"
    assert said(lake) == ([("warning", wanted)] if twice else [])


def test_figures_are_the_same_to_the_bit_however_the_table_is_written(tmp_path: Path) -> None:
    frame = values()
    for place, how in enumerate(WRITTEN):
        folder = make_factors(tmp_path / "ws", frame, f"{place:032}")
        WRITTEN[how](frame, folder / "combined_factors_df.parquet")
    lake = read(tmp_path / "ws")
    rows = lake.read("factor_perf").filter(pl.col("window") == "all")
    assert rows.height == len(WRITTEN)
    assert rows.drop(*OWN, "rows").unique().height == 1
    assert lake.read("factor_ic").height == rows["ic_days"][0]


def test_rows_that_contradict_each_other_are_left_out(tmp_path: Path) -> None:
    frame, prices = values(), closes()
    more = frame.filter(pl.col("datetime") == days()[3]).with_columns(pl.col(A) + 1)
    make_factors(tmp_path / "ws", pl.concat([frame, more]))
    lake = read(tmp_path / "ws", prices)
    assert right(lake, frame.filter(pl.col("datetime") != days()[3]), prices)
    count = more[A].count()
    assert said(lake) == [
        ("warning", f"{len(CODES)} rows have the day and instrument of another row"),
        (
            "warning",
            f"A: {count} days of an instrument come more than once with other values; left out",
        ),
    ]


NOTHING = {
    "all NaN": (pl.lit(math.nan), "without a single finite value: A"),
    "all null": (pl.lit(None, pl.Float32), "without a single finite value: A"),
    "constant": (pl.lit(0.1), "no day of all, test has values and labels"),
    "the same each day": (
        pl.col("datetime").dt.day().cast(float),
        "no day of all, test has values and labels",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", NOTHING)
def test_a_column_that_tells_nothing_has_no_ic_and_says_why(tmp_path: Path, what: str) -> None:
    expression, reason = NOTHING[what]
    make_factors(tmp_path / "ws", values().with_columns(expression.alias(A)))
    lake = read(tmp_path / "ws")
    row = perf(lake)
    assert row["ic_days"] == row["rank_ic_days"] == 0
    assert all(row[name] is None for name in ("ic_mean", "ic_std", "ic_ir", "ic_t"))
    assert row["std"] == (0.0 if what == "constant" else row["std"])
    ((level, told),) = said(lake)
    assert level == "warning" and told.startswith(reason)


def test_one_instrument_has_no_ic(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", values(codes=CODES[:1]))
    lake = read(tmp_path / "ws")
    assert (perf(lake)["ic_days"], perf(lake)["ic_mean"]) == (0, None)
    assert perf(lake)["mean"] is not None and len(said(lake)) == 1


def test_one_day_has_an_ic_and_no_deviation(tmp_path: Path) -> None:
    frame = values().filter(pl.col("datetime") == days()[2])
    make_factors(tmp_path / "ws", frame)
    lake = read(tmp_path / "ws")
    row = perf(lake)
    assert (row["ic_days"], row["ic_std"], row["ic_ir"], row["ic_t"]) == (1, None, None, None)
    assert row["start_date"] == row["end_date"] == days()[2] and row["ic_mean"] is not None


@pytest.mark.parametrize("what", ["other instruments", "another calendar"])
def test_without_anything_in_common_with_the_prices_there_is_no_ic(
    tmp_path: Path, what: str
) -> None:
    frame = values(codes=[f"US{number}" for number in range(12)])
    if what == "another calendar":
        frame = values().with_columns(pl.col("datetime").dt.offset_by("10y"))
    make_factors(tmp_path / "ws", frame)
    lake = read(tmp_path / "ws")
    row = perf(lake)
    assert (row["label_source"], row["ic_days"], row["ic_mean"]) == ("prices", 0, None)
    assert row["finite_values"] == frame[A].count()
    ((_, reason),) = said(lake)
    assert reason.startswith("no day of all")


def unusable(*expressions: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: frame.with_columns(*expressions)


UNUSABLE = {
    "hours": (
        unusable(pl.col("datetime").cast(pl.Datetime("us")) + pl.duration(hours=15)),
        "times of day, where days were expected",
    ),
    "midnights of another zone": (
        unusable(
            pl.col("datetime").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Shanghai")
            .dt.convert_time_zone("UTC")
        ),
        "times of day, where days were expected",
    ),
    "no days": (lambda frame: frame.drop("datetime"), "its rows are not by day and instrument"),
    "no instruments": (
        lambda frame: frame.drop("instrument"),
        "its rows are not by day and instrument",
    ),
    "numbers for instruments": (
        unusable(pl.col("instrument").str.slice(2).cast(int)),
        "its rows are not by day and instrument",
    ),
    "a day missing": (
        unusable(pl.when(pl.col("instrument") != CODES[0]).then("datetime").alias("datetime")),
        "a row without a day",
    ),
    "an instrument missing": (
        unusable(pl.when(pl.col("instrument") != CODES[0]).then("instrument").alias("instrument")),
        "a row without an instrument",
    ),
    "days of no calendar": (
        unusable(pl.col("datetime").dt.offset_by("900y")),
        "days outside of 1900-01-01 to 2200-01-01",
    ),
    "no text for a day": (unusable(pl.lit("soon").alias("datetime")), "a row without a day"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("what", UNUSABLE)
def test_a_table_whose_rows_cannot_be_told_costs_its_statistics_alone(
    tmp_path: Path, what: str
) -> None:
    change, reason = UNUSABLE[what]
    make_factors(tmp_path / "ws", change(values()))
    lake = read(tmp_path / "ws")
    assert lake.read("factor_perf").is_empty()
    assert lake.read("factors")["factor_name"].to_list() == ["A"]
    assert lake.read("loops")["has_curve"].to_list() == [True]
    assert ("error", f"no statistics: {reason}") in said(lake)


def test_a_damaged_column_costs_itself_alone(tmp_path: Path) -> None:
    frame = values().with_columns(pl.Series("B", range(DAYS * len(CODES)), dtype=pl.Float64))
    folder = make_factors(tmp_path / "ws", frame.select("B", "datetime", "instrument", A))
    path = folder / "combined_factors_df.parquet"
    frame.select("B", "datetime", "instrument", A).write_parquet(path, compression="uncompressed")
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)  # the header of the first page of B
    path.write_bytes(data)
    lake = read(tmp_path / "ws")
    assert lake.read("factor_perf")["factor_name"].unique().to_list() == ["A"]
    ((level, reason),) = said(lake)
    assert level == "error" and reason.startswith("no statistics of B: ")


PRICES = {
    "older names": lambda frame: frame.rename({"$close": "close"}),
    "other codes": lambda frame: frame.with_columns(
        pl.col("instrument").str.slice(2) + ".SH",
    ),
    "float32": lambda frame: frame.with_columns(pl.col("$close").cast(pl.Float32)),
    "backwards": lambda frame: frame.reverse(),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", PRICES)
def test_prices_written_otherwise_give_the_same_label(tmp_path: Path, how: str) -> None:
    frame, prices = values(), closes()
    make_factors(tmp_path / "ws", frame)
    written = PRICES[how](prices)
    lake = read(tmp_path / "ws", written)
    exact = written.rename({written.columns[2]: "$close"}).with_columns(
        prices["instrument"] if how == "other codes" else pl.col("instrument"),
        pl.col("^.*close$").cast(pl.Float64),
    )
    assert right(lake, frame, exact)


def test_prices_that_cannot_be_read_leave_the_other_figures(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", values())
    path = tmp_path / "prices.h5"
    write_prices(path, closes().rename({"$close": "open"}))
    lake = read(tmp_path / "ws", prices=None)
    assert perf(lake)["ic_mean"] is not None
    make_factors(tmp_path / "ws", values(2), "b" * 32)
    ingest(lake, [tmp_path / "ws"], prices=path)
    rows = lake.read("factor_perf").filter(pl.col("workspace_id") == "b" * 32)
    assert rows["ic_mean"].null_count() == rows["label_source"].null_count() == rows.height == 2
    assert rows["mean"].null_count() == 0
    assert said(lake) == [
        (
            "warning",
            "no prices (prices.h5: no column '$close'): neither IC nor spread of all, test",
        )
    ]


def test_prices_that_contradict_each_other_are_told_and_left_out(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", values())
    prices = closes()
    more = prices.filter(pl.col("datetime") == days()[5]).with_columns(pl.col("$close") * 2)
    lake = read(tmp_path / "ws", pl.concat([prices, more]))
    rows = lake.read("ingests").explode("findings")["findings"].to_list()
    assert [row["reason"] for row in rows] == [
        f"{more.height:,} days of an instrument come more than once with other values; left out"
    ]
    assert perf(lake)["ic_days"] == DAYS - 2  # the two days whose labels need that close
