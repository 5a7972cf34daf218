"""Factors from elsewhere: the same statistics as RD-Agent's own, under an id of their own."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rdlake.errors import BadInput
from rdlake.factors.formulas import expression_fingerprint
from rdlake.library import Library
from rdlake.store.delta_log import repair_folder
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.factors.statistics import plain
from tests.factors.statistics.world import closes, make_factors, values
from tests.ingest.external.ask import asked
from tests.ingest.external.tables import prices, statistics, table, versions

OWNER = "external:external_manual/mine"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init_store(tmp_path / "lake")


def rows_of(lake: Lake, owner: str = OWNER) -> pl.DataFrame:
    return lake.read("factors", where=pl.col("workspace_id") == owner).sort("position")


def test_its_statistics_are_those_of_a_generated_factor(lake: Lake, tmp_path: Path) -> None:
    given = prices(tmp_path)
    make_factors(tmp_path / "ws", values())
    Library(lake).ingest(tmp_path / "ws", prices=given)
    table("动量").write_parquet(tmp_path / "mine.parquet")
    Library(lake).add_factors(tmp_path / "mine.parquet", prices=given)
    mine = statistics(lake, OWNER)
    assert mine == statistics(lake, "a" * 32)
    assert mine[0]["ic_days"] > 10
    own, generated = rows_of(lake), rows_of(lake, "a" * 32)
    for name in ("values_sha256", "value_fingerprint"):
        assert own[name].to_list() == generated[name].to_list()


@pytest.mark.slow
def test_the_same_values_under_another_name_are_found(lake: Lake, tmp_path: Path) -> None:
    rng = random.Random(3)
    frame = pl.DataFrame(
        [
            (date(2020, 1, 1) + timedelta(day), f"SH{600000 + code}", rng.random(), rng.random())
            for day in range(120)
            for code in range(30)
        ],
        schema=["datetime", "instrument", "A", "other"],
        orient="row",
    )
    make_factors(tmp_path / "ws", frame.select("A", "datetime", "instrument"))
    Library(lake).ingest(tmp_path / "ws")
    frame.rename({"A": "动量"}).write_parquet(tmp_path / "mine.parquet")
    Library(lake).add_factors(tmp_path / "mine.parquet")
    Library(lake).publish()
    pairs = asked(lake, "SELECT name, other_name, same_values FROM factor_duplicates")
    assert pairs == [{"name": "A", "other_name": "动量", "same_values": True}]


def test_its_mean_and_coverage_equal_plain_python(lake: Lake, tmp_path: Path) -> None:
    frame = table("A")
    frame.write_parquet(tmp_path / "mine.parquet")
    added = Library(lake).add_factors(tmp_path / "mine.parquet", prices=prices(tmp_path))
    (row,) = statistics(lake, added.owner)
    finite = [value for value in frame["A"] if value is not None]
    assert row["mean"] == pytest.approx(sum(finite) / len(finite), rel=1e-12)
    cells = frame["datetime"].n_unique() * frame["instrument"].n_unique()
    assert row["coverage"] == pytest.approx(len(finite) / cells, rel=1e-15)
    assert row["rows"] == frame.height
    assert (row["label_source"], row["start_date"]) == ("prices", frame["datetime"].min())


SHAPES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "as it is": lambda frame: frame,
    "keys last": lambda frame: frame.select("A", "instrument", "datetime"),
    "rows in another order": lambda frame: frame.sample(fraction=1, shuffle=True, seed=3),
    "pairs of RD-Agent": lambda frame: frame.rename({"A": "('feature', 'A')"}),
    "days as text": lambda frame: frame.with_columns(pl.col("datetime").cast(pl.String)),
    "midnights": lambda frame: frame.with_columns(pl.col("datetime").cast(pl.Datetime("ns"))),
    "midnights of a time zone": lambda frame: frame.with_columns(
        pl.col("datetime").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Shanghai")
    ),
    "mixed codes": lambda frame: frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 2 == 0)
        .then(pl.col("instrument"))
        .otherwise(pl.col("instrument").str.slice(2) + ".SH")
    ),
    "codes in small letters": lambda frame: frame.with_columns(
        pl.col("instrument").str.to_lowercase()
    ),
    "infinities for what is missing": lambda frame: frame.with_columns(
        pl.col("A").fill_null(float("inf"))
    ),
    "categories": lambda frame: frame.with_columns(pl.col("instrument").cast(pl.Categorical)),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_same_values_are_the_same_however_the_table_is_laid_out(
    lake: Lake, tmp_path: Path, shape: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    given = prices(tmp_path)
    table("A").write_parquet(tmp_path / "plain.parquet")
    shape(table("A")).write_parquet(tmp_path / "mine.parquet")
    Library(lake).add_factors(tmp_path / "plain.parquet", source="alpha_library", prices=given)
    Library(lake).add_factors(tmp_path / "mine.parquet", prices=given)
    assert statistics(lake, OWNER) == statistics(lake, "external:alpha_library/plain")


def test_a_csv_says_the_same_as_a_parquet(lake: Lake, tmp_path: Path) -> None:
    frame = table("动量_10日", "B")
    frame.write_parquet(tmp_path / "p.parquet")
    frame.write_csv(tmp_path / "mine.csv", include_bom=True)
    Library(lake).add_factors(tmp_path / "p.parquet", source="alpha_library")
    added = Library(lake).add_factors(tmp_path / "mine.csv")
    assert added.names == ("动量_10日", "B")
    assert statistics(lake, OWNER) == statistics(lake, "external:alpha_library/p")


def test_codes_of_digits_keep_their_zeros(lake: Lake, tmp_path: Path) -> None:
    frame = table("A").with_columns(pl.lit("000001").alias("instrument")).unique("datetime")
    frame.write_csv(tmp_path / "mine.csv")
    frame.write_parquet(tmp_path / "p.parquet")
    Library(lake).add_factors(tmp_path / "mine.csv")
    Library(lake).add_factors(tmp_path / "p.parquet", source="alpha_library")
    assert statistics(lake, OWNER) == statistics(lake, "external:alpha_library/p")


def test_infinities_are_told(lake: Lake, tmp_path: Path) -> None:
    frame = table("A", "B").with_columns(pl.col("A").fill_null(float("-inf")))
    frame.write_csv(tmp_path / "mine.csv")
    count = int(np.isinf(frame["A"].fill_null(0.0).to_numpy()).sum())
    found = Library(lake).add_factors(tmp_path / "mine.csv").findings
    assert f"A: {count} infinite values count as missing" in [each.reason for each in found]
    assert not any(each.reason.startswith("B") for each in found)
    assert all(each.file == "mine.csv" for each in found)


NOTES = """
region: cn
tags: [own]
factors:
  A:
    expression: $close/Ref($close, 5) - 1
    description_cn: 五日动量
    variables: {close: 收盘价}
    tags: [momentum]
    interface_info: {type: function}
  B:
    formula_hint: \\frac{P_t}{P_{t-5}} - 1
"""


def test_notes_beside_it_describe_the_factors(lake: Lake, tmp_path: Path) -> None:
    table("A", "B").write_parquet(tmp_path / "mine.parquet")
    (tmp_path / "mine.yaml").write_text(NOTES, "utf-8")
    Library(lake).add_factors(tmp_path / "mine.parquet")
    Library(lake).publish()
    a, b = asked(lake, "FROM factor_catalog ORDER BY name")
    assert (a["source"], a["expression"]) == ("external_manual", "$close/Ref($close, 5) - 1")
    assert (a["description_cn"], a["tags"], a["region"]) == ("五日动量", ["momentum"], "cn")
    assert a["variables"] == {"close": "收盘价"}
    assert a["interface_info"] == {"type": "function", "standard_wrapper": None}
    assert a["expression_fingerprint"] == expression_fingerprint("$close / Ref($close,5) - 1.0")
    assert (b["tags"], b["freq"], b["experiments"]) == (["own"], None, 0)
    assert (b["first_experiment_id"], b["latest_experiment_id"]) == (None, None)
    assert b["expression_fingerprint"] == expression_fingerprint(r"f = P_t / P_{t-5} - 1")


def test_a_second_time_changes_no_table(lake: Lake, tmp_path: Path) -> None:
    table("A").write_parquet(tmp_path / "mine.parquet")
    given = prices(tmp_path)
    assert Library(lake).add_factors(tmp_path / "mine.parquet", prices=given).status == "added"
    before = versions(lake)
    for each in (given, None):
        assert (
            Library(lake).add_factors(tmp_path / "mine.parquet", prices=each).status == "unchanged"
        )
    assert versions(lake) == before


def test_prices_that_come_later_complete_it(lake: Lake, tmp_path: Path) -> None:
    table("A").write_parquet(tmp_path / "mine.parquet")
    first = Library(lake).add_factors(tmp_path / "mine.parquet")
    assert [each.fix for each in first.findings] == [
        "name the file with --prices, and run the command again"
    ]
    assert statistics(lake, OWNER)[0]["ic_mean"] is None
    again = Library(lake).add_factors(tmp_path / "mine.parquet", prices=prices(tmp_path))
    assert (again.status, again.findings, again.digest) == ("added", (), first.digest)
    assert statistics(lake, OWNER)[0]["ic_mean"] == pytest.approx(plain_ic(), rel=1e-9)


def test_days_that_are_gone_are_made_again(lake: Lake, tmp_path: Path) -> None:
    table("A").write_parquet(tmp_path / "mine.parquet")
    Library(lake).add_factors(tmp_path / "mine.parquet", prices=prices(tmp_path))
    days = lake.read("factor_ic")
    series = days["series_id"].unique().to_list()
    lake.commit({"factor_ic": days.clear()}, {"series_id": series})
    repair_folder(lake.root, datetime(2020, 1, 1)).mkdir(parents=True)
    assert Library(lake).add_factors(tmp_path / "mine.parquet").status == "added"
    assert lake.read("factor_ic").is_empty()  # without prices there is nothing to make them of
    Library(lake).add_factors(tmp_path / "mine.parquet", prices=prices(tmp_path))
    assert lake.read("factor_ic").sort("date").equals(days.sort("date"))


def plain_ic() -> float:
    """The mean IC of A, in plain Python."""
    label = plain_label()
    daily: dict[object, list[tuple[float, float]]] = {}
    for value, day, code in values().rows():
        if value is not None and (day, code) in label:
            daily.setdefault(day, []).append((value, label[day, code]))
    each_day = (plain.pearson(*zip(*pairs, strict=True)) for pairs in daily.values())
    found = [each for each in each_day if each is not None]
    return sum(found) / len(found)


def plain_label() -> dict[tuple[object, str], float]:
    known = {(day, code): close for day, code, close in closes().rows()}
    calendar = sorted({day for day, _ in known})
    return {
        (day, code): known[after, code] / known[next_day, code] - 1
        for day, next_day, after in zip(calendar, calendar[1:], calendar[2:], strict=False)
        for code in {code for _, code in known}
        if (next_day, code) in known and (after, code) in known
    }


@pytest.mark.slow
def test_a_changed_table_replaces_its_own_rows(lake: Lake, tmp_path: Path) -> None:
    table("A", "B").write_parquet(tmp_path / "mine.parquet")
    table("C").write_parquet(tmp_path / "other.parquet")
    first = Library(lake).add_factors(tmp_path / "mine.parquet")
    Library(lake).add_factors(tmp_path / "other.parquet")
    Library(lake).publish()
    table("A", seed=5).write_parquet(tmp_path / "mine.parquet")
    second = Library(lake).add_factors(tmp_path / "mine.parquet")
    assert first.digest != second.digest
    Library(lake).publish()
    names = "SELECT list(name ORDER BY name) AS names FROM factor_catalog"
    assert asked(lake, names) == [{"names": ["A", "C"]}]
    assert set(rows_of(lake)["source_digest"]) == {second.digest}
    with Library(lake).connect(1) as before:
        assert before.execute(names).fetchall() == [(["A", "B", "C"],)]
    told = lake.read("ingests").filter(workspace_id=OWNER).sort("ingested_at")
    assert told["source_digest"].to_list() == [first.digest, second.digest]


def test_adding_and_ingesting_leave_each_other_alone(lake: Lake, tmp_path: Path) -> None:
    given = prices(tmp_path)
    make_factors(tmp_path / "ws", values())
    Library(lake).ingest(tmp_path / "ws", prices=given)
    generated = statistics(lake, "a" * 32), rows_of(lake, "a" * 32)
    series = lake.read("factor_ic")
    table("A", "B").write_parquet(tmp_path / "mine.parquet")
    Library(lake).add_factors(tmp_path / "mine.parquet", prices=given)
    assert statistics(lake, "a" * 32) == generated[0]
    assert rows_of(lake, "a" * 32).equals(generated[1])
    of_a = pl.col("series_id") == series["series_id"][0]
    assert lake.read("factor_ic").filter(of_a).sort("date").equals(series.sort("date"))
    before, mine = versions(lake), (statistics(lake, OWNER), rows_of(lake))
    assert Library(lake).ingest(tmp_path / "ws", prices=given).unchanged == 1
    assert versions(lake) == before
    make_factors(tmp_path / "ws", values(2), "b" * 32)
    Library(lake).ingest(tmp_path / "ws", prices=given, overwrite=True)
    assert statistics(lake, OWNER) == mine[0]
    assert rows_of(lake).equals(mine[1])


def test_days_are_all_days_of_the_table(lake: Lake, tmp_path: Path) -> None:
    frame = table("A")
    later = frame.with_columns(pl.col("datetime") + timedelta(days=1000))
    pl.concat([frame, later]).write_parquet(tmp_path / "mine.parquet")
    Library(lake).add_factors(tmp_path / "mine.parquet")
    rows = lake.read("factor_perf")
    assert rows["window"].to_list() == ["all"]
    assert rows["end_date"].to_list() == [later["datetime"].max()]


def test_of_two_tables_of_a_source_only_one_has_a_factor(lake: Lake, tmp_path: Path) -> None:
    table("A", "B").write_parquet(tmp_path / "mine.parquet")
    Library(lake).add_factors(tmp_path / "mine.parquet")
    table("C", "B").write_parquet(tmp_path / "other.parquet")
    before = versions(lake)
    with pytest.raises(BadInput, match="B is a factor of external:external_manual/mine") as error:
        Library(lake).add_factors(tmp_path / "other.parquet")
    assert "--name mine" in error.value.fix
    assert versions(lake) == before
    Library(lake).add_factors(tmp_path / "other.parquet", source="alpha_library")
    Library(lake).publish()
