"""Statistics through a real ingest: computed once, kept for whoever needs them, in any order."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from rdlake.errors import BadInput
from rdlake.factors.statistics import measurement as measure_module
from rdlake.factors.statistics.daily import daily_figures as real_daily
from rdlake.factors.statistics.figures import value_figures as real_of_values
from rdlake.ingest import factor_statistics
from rdlake.sources.backtest.prices import PRICES
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders_prices import make_prices, write_prices
from tests.factors.statistics.world import (
    FILE,
    closes,
    days,
    make_factors,
    perf,
    read,
    said,
    values,
)
from tests.ingesting import ingest
from tests.lake_rows import versions

A, B = "a" * 32, "b" * 32


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is computed from now on."""
    seen: list[str] = []

    def daily(*given: object) -> object:
        seen.append("days")
        return real_daily(*given)  # type: ignore[arg-type]

    def of_values(*given: object) -> object:
        seen.append("values")
        return real_of_values(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(measure_module, "daily_figures", daily)
    monkeypatch.setattr(measure_module, "value_figures", of_values)
    return seen


def statistics(lake: Lake) -> dict[str, pl.DataFrame]:
    return {
        "factor_perf": lake.read("factor_perf").sort("workspace_id", "factor_name", "window"),
        "factor_ic": lake.read("factor_ic").sort("series_id", "date"),
        "factors": lake.read("factors").sort("workspace_id", "factor_name"),
    }


def same(one: Lake, other: Lake) -> bool:
    found = statistics(other)
    return all(frame.equals(found[name]) for name, frame in statistics(one).items())


def test_twice_is_once(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", values())
    lake = read(tmp_path / "ws")
    before = versions(lake)
    assert not ingest(lake, [tmp_path / "ws"]).outcomes
    ingest(lake, [tmp_path / "ws"], overwrite=True)
    after = versions(lake)
    assert {name for name in before if before[name] != after[name]} <= {"ingests", "file_lists"}


def test_windows_are_those_that_ran(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", values())
    lake = read(tmp_path / "ws")
    rows = lake.read("factor_perf").sort("window").to_dicts()
    assert [(row["window"], row["start_date"], row["end_date"]) for row in rows] == [
        ("all", days()[0], days()[-1]),
        ("test", days()[0], days()[-1]),
    ]


def test_equal_values_are_computed_once_under_any_name(tmp_path: Path, computed: list[str]) -> None:
    frame = values()
    make_factors(tmp_path / "ws", frame, A)
    lake = read(tmp_path / "ws")
    assert computed.count("days") == 1
    computed.clear()
    again = frame.rename({"('feature', 'A')": "('feature', '动量')"}).reverse()
    make_factors(tmp_path / "ws", again.with_columns(pl.col("instrument").str.to_lowercase()), B)
    ingest(open_store(tmp_path / "lake"), [tmp_path / "ws"])
    assert computed == []
    kept = ["mean", "quantiles", "ic_mean", "rank_ic_t", "sharpe", "series_id", "values_sha256"]
    one, other = perf(lake), perf(lake, factor="动量")
    assert [one[name] for name in kept] == [other[name] for name in kept]
    assert lake.read("factor_ic")["series_id"].n_unique() == 1


def test_a_workspace_under_two_names_computes_nothing_twice(
    tmp_path: Path, computed: list[str]
) -> None:
    make_factors(tmp_path / "ws", values(), A)
    shutil.copytree(tmp_path / "ws" / A, tmp_path / "ws" / B)
    read(tmp_path / "ws")
    assert computed.count("days") == 1


@pytest.mark.slow
@pytest.mark.parametrize("order", [(A, B), (B, A)])
def test_the_order_of_ingesting_changes_no_bit(tmp_path: Path, order: tuple[str, str]) -> None:
    """Two loops that share a column, at once and one by one."""
    shared = values()
    for name, seed in ((A, 2), (B, 3)):
        own = values(seed, name=name[:1].upper() * 2)
        make_factors(tmp_path / "ws", shared.hstack(own.select(own.columns[0])), name)
    whole = read(tmp_path / "ws")
    lake = init_store(tmp_path / "other")
    for name in order:
        part = tmp_path / name / "ws"
        shutil.copytree(tmp_path / "ws" / name, part / name)
        (part.parent / PRICES).parent.mkdir()
        shutil.copy(tmp_path / PRICES, part.parent / PRICES)
        ingest(lake, [part])
    assert same(whole, lake)
    assert whole.read("factor_ic")["series_id"].n_unique() == 3


def test_replacing_a_workspace_leaves_what_others_use(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", values(), A)
    make_factors(tmp_path / "ws", values(), B)
    lake = read(tmp_path / "ws")
    series = perf_of(lake, B)["series_id"]
    values(5).write_parquet(tmp_path / "ws" / A / FILE)
    ingest(lake, [tmp_path / "ws"])
    assert perf_of(lake, B)["series_id"] == series != perf_of(lake, A)["series_id"]
    days_of = lake.read("factor_ic", where=pl.col("series_id").eq(str(series)))
    assert days_of.height == perf_of(lake, B)["ic_days"]


def perf_of(lake: Lake, workspace_id: str) -> dict[str, object]:
    where = (pl.col("workspace_id") == workspace_id) & (pl.col("window") == "all")
    (row,) = lake.read("factor_perf", where=where).to_dicts()
    return row


def test_every_series_that_is_named_is_there(tmp_path: Path) -> None:
    for seed, name in enumerate((A, B)):
        make_factors(tmp_path / "ws", values(seed), name)
    lake = read(tmp_path / "ws")
    named = set(lake.read("factor_perf")["series_id"])
    assert named == set(lake.read("factor_ic")["series_id"])


def test_without_prices_ic_is_null_until_there_are_some(
    tmp_path: Path, computed: list[str]
) -> None:
    make_factors(tmp_path / "ws", values())
    shutil.rmtree((tmp_path / PRICES).parent)
    lake = init_store(tmp_path / "lake")
    ingest(lake, [tmp_path / "ws"])
    row = perf(lake)
    assert row["mean"] is not None and row["coverage"] is not None
    names = ("ic_mean", "ic_days", "annual_return", "label_source", "label_sha256", "series_id")
    assert [row[name] for name in names] == [None] * len(names)
    assert said(lake) == [("warning", "no prices: neither IC nor spread of all, test")]
    assert not ingest(lake, [tmp_path / "ws"]).outcomes
    file = write_prices(tmp_path / "elsewhere.h5", closes())
    ingest(lake, [tmp_path / "ws"], prices=file)
    assert perf(lake)["ic_mean"] is not None and computed.count("days") == 1
    assert not ingest(lake, [tmp_path / "ws"], prices=file).outcomes
    assert not ingest(lake, [tmp_path / "ws"]).outcomes


def test_other_prices_count_when_everything_is_read_again(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", values())
    lake = read(tmp_path / "ws")
    before = perf(lake)
    make_prices(tmp_path / "ws", closes(seed=8))
    assert not ingest(lake, [tmp_path / "ws"]).outcomes
    ingest(lake, [tmp_path / "ws"], overwrite=True)
    assert perf(lake)["label_sha256"] != before["label_sha256"]
    assert perf(lake)["ic_mean"] != before["ic_mean"]


def test_prices_that_are_not_there_are_refused(tmp_path: Path, workspaces: Path) -> None:
    lake = init_store(tmp_path / "lake")
    with pytest.raises(BadInput, match="no such file of prices"):
        ingest(lake, [workspaces], prices=tmp_path / "none.h5")
    assert lake.read("ingests").is_empty()


def test_linked_prices_beside_the_root_are_not_followed(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", values())
    file = write_prices(tmp_path / "elsewhere.h5", closes())
    (tmp_path / PRICES).unlink()
    (tmp_path / PRICES).symlink_to(file)
    lake = init_store(tmp_path / "lake")
    ingest(lake, [tmp_path / "ws"])
    ((level, reason),) = said(lake)
    assert level == "warning" and reason.startswith("no prices (daily_pv.h5: ")
    assert perf(lake)["label_source"] is None


def test_after_a_repair_nothing_is_taken_from_days_that_are_gone(
    tmp_path: Path, computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_factors(tmp_path / "ws", values())
    lake = read(tmp_path / "ws")
    series = lake.read("factor_ic")
    lake.commit(
        {"factor_ic": series.clear()}, {"series_id": series["series_id"].unique().to_list()}
    )
    computed.clear()
    monkeypatch.setattr(factor_statistics, "last_repair", lambda root: True)
    ingest(lake, [tmp_path / "ws"], overwrite=True)
    assert computed.count("days") == 1
    assert lake.read("factor_ic").sort("date").equals(series.sort("date"))


def test_a_killed_ingest_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_factors(tmp_path / "ws", values())
    whole = read(tmp_path / "ws")
    lake = init_store(tmp_path / "other")
    real = Lake._commit_table

    def stopped(self: Lake, entry: object, *given: object) -> object:
        if entry.name == "factor_perf":  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return real(self, entry, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "_commit_table", stopped)
        with pytest.raises(KeyboardInterrupt):
            ingest(lake, [tmp_path / "ws"])
    ingest(lake, [tmp_path / "ws"])
    assert same(whole, lake)
