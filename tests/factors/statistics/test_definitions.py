"""Test every figure against its definition in plain Python: with ties, gaps and constant days."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdlake.factors.statistics.daily import daily_figures
from rdlake.factors.statistics.figures import QUANTILES, day_figures, value_figures
from tests.factors.statistics import plain
from tests.factors.statistics.build import label_of, panel_of, rows_of

CODES = [f"SH60000{number}" for number in range(10)] + [f"SZ00000{number}" for number in range(5)]
NEAR = 1e-8


def close(found: float | None, wanted: float | None) -> bool:
    if found is None or wanted is None or math.isnan(found):
        return wanted is None and (found is None or math.isnan(found))
    return math.isclose(found, wanted, rel_tol=NEAR, abs_tol=NEAR)


@st.composite
def tables(draw: st.DrawFn) -> tuple[plain.Values, plain.Values]:
    """A factor and a label over some days: few different values, so that many are equal; whole
    days that are constant; rows that are missing."""
    some = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0]) | st.floats(-1e3, 1e3, width=32)
    factor, label = {}, {}
    for day in range(draw(st.integers(1, 5))):
        same = draw(st.none() | st.just(0.1))
        codes = draw(st.lists(st.sampled_from(CODES), unique=True, max_size=15))
        for code in codes:
            factor[day, code] = draw(some) if same is None else same
            if draw(st.integers(0, 5)):
                label[day, code] = draw(some)
    return factor, label


@given(tables())
@settings(max_examples=150, deadline=None)
def test_each_day_is_as_plain_python_has_it(pair: tuple[plain.Values, plain.Values]) -> None:
    factor, label = pair
    found = daily_figures(panel_of(factor), label_of(label))
    wanted = plain.by_day(factor, label)
    assert found.days.tolist() == list(wanted)
    for at, (x, y) in enumerate(wanted.values()):
        assert found.pairs[at] == len(x)
        assert close(found.ic[at], plain.pearson(x, y))
        assert close(found.rank_ic[at], plain.pearson(plain.ranks(x), plain.ranks(y)))
        assert close(found.spread[at], plain.spread(x, y))


@given(tables())
@settings(max_examples=100, deadline=None)
def test_each_window_is_as_plain_python_has_it(pair: tuple[plain.Values, plain.Values]) -> None:
    factor, label = pair
    figures = day_figures(daily_figures(panel_of(factor), label_of(label)))
    days = list(plain.by_day(factor, label).values())
    for name, each in (
        ("ic", [plain.pearson(x, y) for x, y in days]),
        ("rank_ic", [plain.pearson(plain.ranks(x), plain.ranks(y)) for x, y in days]),
    ):
        known = [value for value in each if value is not None]
        mean, std = plain.mean(known), plain.std(known)
        assert figures[f"{name}_days"] == len(known)
        assert close(figures[f"{name}_mean"], mean)
        assert close(figures[f"{name}_std"], std)
        if std is not None and std > 1e-6 and mean is not None:
            assert close(figures[f"{name}_ir"], mean / std)
            assert close(figures[f"{name}_t"], mean / std * math.sqrt(len(known)))
    spreads = [value for x, y in days if (value := plain.spread(x, y)) is not None]
    expected = plain.fifths(days)
    assert (figures["fifths"] is None) == (expected is None)
    assert all(map(close, figures["fifths"] or (), expected or ()))
    mean, std = plain.mean(spreads), plain.std(spreads)
    assert close(figures["annual_return"], None if mean is None else mean * 238)
    assert close(figures["max_drawdown"], plain.drawdown(spreads)) or min(spreads) < -0.5
    if std is not None and std > 1e-6 and mean is not None:
        assert close(figures["sharpe"], mean / std * math.sqrt(238))


@given(st.lists(st.floats(-1e6, 1e6), max_size=40))
@settings(max_examples=100, deadline=None)
def test_the_distribution_is_as_plain_python_has_it(values: list[float]) -> None:
    figures = value_figures(np.array(values))
    assert figures["finite_values"] == len(values)
    assert close(figures["mean"], plain.mean(values))
    assert close(figures["std"], plain.std(values))
    for name, share in QUANTILES.items():
        assert (figures["quantiles"] is None) == (not values)
        if values:
            assert close(figures["quantiles"][name], plain.quantile(values, share))


def random_table(seed: int, days: int = 30) -> tuple[plain.Values, plain.Values]:
    rng = random.Random(seed)
    keys = [(day, code) for day in range(days) for code in CODES if rng.random() < 0.9]
    return (
        {key: rng.gauss(0, 1) for key in keys},
        {key: rng.gauss(0, 0.02) for key in keys if rng.random() < 0.9},
    )


def test_the_order_of_rows_changes_no_bit() -> None:
    factor, label = random_table(1)
    shuffled = list(factor)
    random.Random(2).shuffle(shuffled)
    one, other = panel_of(factor), panel_of({key: factor[key] for key in shuffled})
    assert one.digest == other.digest
    first, second = daily_figures(one, label_of(label)), daily_figures(other, label_of(label))
    assert day_figures(first) == day_figures(second)
    assert value_figures(one.values) == value_figures(other.values)
    assert first.ic.tobytes() == second.ic.tobytes()


def test_rows_without_a_value_and_other_codes_change_no_bit() -> None:
    factor, label = random_table(3)
    more = {(-1, "SH999999"): math.nan, **factor, (40, CODES[0]): math.inf}
    styled = {(day, f"{code[2:]}.{code[:2].lower()}"): value for (day, code), value in more.items()}
    one, other = panel_of(factor), panel_of(styled)
    assert one.digest == other.digest
    assert day_figures(daily_figures(one, label_of(label))) == day_figures(
        daily_figures(other, label_of(label))
    )


@pytest.mark.parametrize(("scale", "shift"), [(1e300, 0.0), (1e-300, 0.0), (1.0, 1e6)])
def test_values_of_any_size_have_the_same_correlation(scale: float, shift: float) -> None:
    factor, label = random_table(4)
    moved = {key: value * scale + shift for key, value in factor.items()}
    one, other = (daily_figures(panel_of(each), label_of(label)) for each in (factor, moved))
    assert np.allclose(one.ic, other.ic, atol=1e-9, equal_nan=True)
    assert np.isfinite(other.rank_ic).all()
    figures = value_figures(panel_of(moved).values)
    assert figures["std"] == pytest.approx(value_figures(panel_of(factor).values)["std"] * scale)


def test_a_constant_side_has_no_correlation_even_where_its_mean_is_rounded() -> None:
    keys = [(0, code) for code in CODES[:7]]
    factor = dict.fromkeys(keys, 0.1)
    label = {key: float(place) for place, key in enumerate(keys)}
    found = daily_figures(panel_of(factor), label_of(label))
    assert np.isnan(found.ic).all() and np.isnan(found.rank_ic).all()
    assert value_figures(np.array([0.1] * 7))["std"] == 0.0


def test_slices_of_days_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    factor, label = random_table(5)
    whole = daily_figures(panel_of(factor), label_of(label))
    monkeypatch.setattr("rdlake.factors.statistics.daily.AT_ONCE", 40)
    parts = daily_figures(panel_of(factor), label_of(label))
    for name in ("days", "pairs", "ic", "rank_ic", "spread"):
        assert getattr(whole, name).tobytes() == getattr(parts, name).tobytes()


def values_of(keys: Sequence[tuple[int, str]], numbers: Sequence[float]) -> dict[object, float]:
    panel, _ = rows_of(keys).column(np.array(numbers))
    days = zip(panel.days.tolist(), panel.codes.tolist(), strict=True)
    return {
        (day, panel.names[code]): value
        for (day, code), value in zip(days, panel.values.tolist(), strict=True)
    }


def test_equal_rows_that_contradict_each_other_say_nothing() -> None:
    keys = [(0, "SH600000"), (0, "600000.SH"), (0, "sz000001"), (0, "SZ000001"), (1, "SH600000")]
    rows = rows_of(keys)
    assert rows.repeated == 2
    assert rows.column(np.array([1.0, 2.0, 3.0, 3.0, 5.0]))[1] == 1
    assert values_of(keys, [1.0, 2.0, 3.0, 3.0, 5.0]) == {
        (0, "SZ000001"): 3.0,
        (1, "SH600000"): 5.0,
    }
    assert values_of(keys, [1.0, math.nan, 3.0, 3.0, 5.0])[0, "SH600000"] == 1.0
