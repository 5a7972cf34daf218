"""A curve's columns and figures against the same in plain Python."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from rdlake.evidence.rows.curves import curve_days, curve_figures
from rdlake.schema.frames import cast
from rdlake.schema.tables import table
from tests.builders import make_curve, proven_metrics
from tests.evidence.rows.values import RAW, START, chance_days, days_of, make_experiment

TOLERANCE = 1e-12
DAYS = 238
Real = float | None


def known(values: Iterable[Real]) -> list[float]:
    return [value for value in values if value is not None]


def minus(*values: Real) -> Real:
    first, *others = values
    if first is None or None in others:
        return None
    return first - sum(known(others))


def running(values: Sequence[Real], *, product: bool) -> list[Real]:
    """Compounded or summed so far; a day without a value has none and changes nothing."""
    total, found = 1.0 if product else 0.0, []
    for value in values:
        if value is not None:
            total = total * (1 + value) if product else total + value
        found.append(None if value is None else total)
    return found


def below_peak(values: Sequence[Real], start: float, *, relative: bool) -> list[Real]:
    peak, found = start, []
    for value in values:
        peak = max(peak, value) if value is not None else peak
        share = None if value is None else value / peak - 1 if relative else value - peak
        found.append(share)
    return found


def plain_days(curve: pl.DataFrame) -> dict[str, list[Real]]:
    """The derived columns, day by day."""
    gross, cost, bench = (curve[name].to_list() for name in ("return", "cost", "bench"))
    net = [minus(*each) for each in zip(gross, cost, strict=True)]
    excess = [minus(*each) for each in zip(gross, bench, cost, strict=True)]
    nav, summed = running(net, product=True), running(excess, product=False)
    return {
        "net_return": net,
        "excess": excess,
        "nav": nav,
        "cum_excess": summed,
        "drawdown": below_peak(nav, 1.0, relative=True),
        "excess_drawdown": below_peak(summed, 0.0, relative=False),
    }


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def std(values: Sequence[float]) -> Real:
    if len(values) < 2:
        return None
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def ratio(values: Sequence[float]) -> Real:
    deviation = std(values)
    return mean(values) / deviation * math.sqrt(DAYS) if deviation else None


def plain_risk(excess: Sequence[float], basis: str) -> dict[str, Real]:
    """qlib's five figures; its drawdown has the first day as its first peak."""
    summed = known(running(excess, product=False))
    figures = {
        "mean": mean(excess),
        "std": std(excess),
        "annualized_return": mean(excess) * DAYS,
        "information_ratio": ratio(excess),
        "max_drawdown": min(known(below_peak(summed, summed[0], relative=False))),
    }
    return {f"1day.excess_return_{basis}.{name}": value for name, value in figures.items()}


def plain_figures(curve: pl.DataFrame) -> dict[str, Any]:
    days = plain_days(curve)
    net = known(days["net_return"])
    without = [minus(*each) for each in curve.select("return", "bench").rows()]
    return {
        "curve_start": curve["date"][0],
        "curve_end": curve["date"][-1],
        "curve_days": len(curve),
        "final_nav": days["nav"][-1],
        "nav_drawdown": min(known(days["drawdown"])),
        "mean_turnover": mean(known(curve["turnover"])),
        "sharpe": ratio(net),
        "win_rate": sum(each > 0 for each in net) / len(net) if len(net) == len(curve) else None,
        **plain_risk(known(days["excess"]), "with_cost"),
        **plain_risk(known(without), "without_cost"),
    }


def returns_of(*values: Real) -> pl.DataFrame:
    """A curve of these returns, without cost and benchmark."""
    return days_of(**{"return": values})


def derived(*curves: pl.DataFrame) -> pl.DataFrame:
    """The days of experiments with these curves."""
    return curve_days([make_experiment(str(n), curve=curve) for n, curve in enumerate(curves)])


def figures(*curves: pl.DataFrame) -> list[dict[str, Any]]:
    return curve_figures(derived(*curves)).drop("workspace_id").to_dicts()


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(found == expected)


CURVES = [
    pytest.param(chance_days(250, seed=1), id="a year"),
    pytest.param(chance_days(1300, seed=2), id="five years"),
    pytest.param(chance_days(250, seed=3, missing=0.05), id="with gaps"),
    pytest.param(chance_days(2, seed=4), id="two days"),
    pytest.param(make_curve().rename({"datetime": "date"}).with_columns(
        pl.col("date").cast(pl.Date)), id="the builder's"),
]  # fmt: skip


@pytest.mark.parametrize("curve", CURVES)
def test_every_derived_column_is_the_one_in_plain_python(curve: pl.DataFrame) -> None:
    found = derived(curve)
    for name, expected in plain_days(curve).items():
        wrong = [
            (day, *pair)
            for day, *pair in zip(curve["date"], found[name], expected, strict=True)
            if not same(*pair)
        ]
        assert wrong == [], name


@pytest.mark.parametrize("curve", CURVES)
def test_every_figure_is_the_one_in_plain_python(curve: pl.DataFrame) -> None:
    (found,) = figures(curve)
    expected = plain_figures(curve)
    assert found.keys() == expected.keys()
    assert [name for name in expected if not same(found[name], expected[name])] == []


def test_qlibs_figures_are_those_of_the_builder_too() -> None:
    curve = make_curve(60, 0.002).rename({"datetime": "date"})
    (found,) = figures(curve.with_columns(pl.col("date").cast(pl.Date)))
    for name, value in proven_metrics(make_curve(60, 0.002)).items():
        assert same(found[name], value), name


def test_what_qlib_wrote_is_kept_as_it_is() -> None:
    curve = chance_days(30, seed=5, missing=0.1)
    assert derived(curve).select("date", *RAW).equals(curve)


OWNED = ("workspace_id", "task_run_id", "source_digest")


def test_curves_do_not_run_into_each_other() -> None:
    curves = [chance_days(days, seed=days) for days in (5, 1, 40)]
    together = derived(*curves)
    for number, curve in enumerate(curves):
        alone = derived(curve).drop(OWNED)
        part = together.filter(pl.col("workspace_id") == str(number))
        assert part.drop(OWNED).equals(alone)
        assert set(part["source_digest"]) == {f"digest of {number}"}
    assert [row["curve_days"] for row in figures(*curves)] == [5, 1, 40]


def test_the_first_day_counts(curve_of_losses: pl.DataFrame) -> None:
    found = derived(curve_of_losses)
    assert same(found["nav"][0], 0.9)
    assert same(found["drawdown"][0], -0.1)
    assert same(found["excess_drawdown"][0], -0.1)
    (row,) = figures(curve_of_losses)
    assert same(row["1day.excess_return_with_cost.max_drawdown"], 0.0)
    assert same(row["nav_drawdown"], -0.1)


@pytest.fixture
def curve_of_losses() -> pl.DataFrame:
    """Down at once, then up."""
    return returns_of(-0.1, 0.05, 0.05)


def test_no_drawdown_is_above_zero() -> None:
    rising = days_of(**{"return": [0.1, 0.0, 0.3], "bench": [0.05, -0.2, 0.0]})
    for curve in (rising, chance_days(500, seed=6), chance_days(500, seed=7, missing=0.2)):
        found = derived(curve)
        assert max(known(found["drawdown"])) <= 0
        assert max(known(found["excess_drawdown"])) <= 0


def test_a_day_without_a_return_is_null_and_changes_nothing() -> None:
    gap = returns_of(0.1, None, 0.1)
    found = derived(gap)
    assert found["net_return"].to_list() == [0.1, None, 0.1]
    assert [same(*pair) for pair in zip(found["nav"], [1.1, None, 1.21], strict=True)] == [True] * 3
    assert found["drawdown"].to_list() == [0.0, None, 0.0]
    assert same(found["cum_excess"][2], 0.2)


def test_a_missing_day_leaves_the_share_of_winning_days_unknown() -> None:
    gap = returns_of(0.1, None, -0.1, 0.2)
    (row,) = figures(gap)
    assert row["win_rate"] is None
    assert same(row["sharpe"], ratio([0.1, -0.1, 0.2]))


def test_winning_days_are_a_share_of_all_days() -> None:
    (row,) = figures(days_of(**{"return": [0.1, 0.001, -0.1, 0.0], "cost": [0.001] * 4}))
    assert row["win_rate"] == 0.25


def test_a_curve_without_a_single_return_has_no_figures() -> None:
    (row,) = figures(days_of(**{"return": [None, None], "turnover": [None, None]}))
    told = {name: value for name, value in row.items() if value is not None}
    assert told == {"curve_start": START, "curve_end": START + timedelta(1), "curve_days": 2}


def test_one_day_has_no_deviation() -> None:
    (row,) = figures(days_of(**{"return": [0.01], "cost": [0.001]}))
    assert same(row["final_nav"], 1.009)
    assert (row["win_rate"], row["curve_days"], row["nav_drawdown"]) == (1.0, 1, 0.0)
    assert row["sharpe"] is None
    for basis in ("with_cost", "without_cost"):
        assert row[f"1day.excess_return_{basis}.std"] is None
        assert row[f"1day.excess_return_{basis}.information_ratio"] is None
        assert row[f"1day.excess_return_{basis}.max_drawdown"] == 0.0


@pytest.mark.parametrize("net", [0.0, 0.01, -0.003, 1 / 3])
def test_equal_days_have_no_ratio(net: float) -> None:
    days = 250
    (row,) = figures(days_of(**{"return": [net] * days, "cost": [0.0002] * days}))
    assert row["1day.excess_return_with_cost.std"] == 0.0
    assert row["1day.excess_return_with_cost.information_ratio"] is None
    assert row["sharpe"] is None


def test_a_total_loss_stays_a_total_loss() -> None:
    found = derived(returns_of(0.5, -1.0, 0.5))
    assert found["nav"].to_list() == [1.5, 0.0, 0.0]
    assert found["drawdown"].to_list() == [0.0, -1.0, -1.0]


def test_what_no_number_can_hold_is_unknown() -> None:
    absurd = days_of(**{"return": [1e200, 1e200, 0.1], "turnover": [1e308, 1e308, 1e308]})
    found = derived(absurd)
    assert found["nav"].to_list() == [1e200, None, None]
    for name, kind in found.schema.items():
        if kind == pl.Float64:
            assert all(math.isfinite(value) for value in known(found[name])), name
    (row,) = figures(absurd)
    numbers = [value for value in row.values() if isinstance(value, float)]
    assert numbers and all(map(math.isfinite, numbers))


def test_experiments_without_a_curve_give_no_rows() -> None:
    for frame in (curve_days([]), curve_days([make_experiment()])):
        assert frame.is_empty()
        assert curve_figures(frame).is_empty()
        assert cast(table("equity_curves"), frame).num_rows == 0


def test_the_rows_are_those_of_the_table() -> None:
    rows = cast(table("equity_curves"), derived(chance_days(10, seed=8)))
    assert rows.column_names == list(table("equity_curves").column_names)
    assert rows.num_rows == 10
    assert not [name for name in rows.column_names if rows.column(name).null_count]
    assert rows.column("date")[0].as_py() == date(2020, 1, 1)
