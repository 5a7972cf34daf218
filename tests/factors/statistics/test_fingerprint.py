"""Test the digest of an order of instruments: one idea has one digest, other ideas have others."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from rdlake.domain.panel import Panel
from rdlake.factors.statistics.daily import mean_rank_correlation
from rdlake.factors.statistics.fingerprint import ANCHOR_EVERY, fingerprint
from tests.factors.statistics.build import panel_of
from tests.factors.statistics.plain import Values, mean, pearson, ranks

FIRST = 18_270
CODES = [f"SZ{number:06}" for number in range(30)]


def table(seed: int, days: int = 140, first: int = FIRST) -> Values:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(days, len(CODES))).astype("f4").astype(float)
    return {
        (first + day, code): float(numbers[day, place])
        for day in range(days)
        for place, code in enumerate(CODES)
    }


def shared(one: Panel, other: Panel) -> int:
    return len(set(fingerprint(one)) & set(fingerprint(other)))


def test_anchors_are_every_fourth_wednesday_of_any_period() -> None:
    digests = fingerprint(panel_of(table(1)))
    days = [np.datetime64(f"{each[:4]}-{each[4:6]}-{each[6:8]}") for each in digests]
    assert len(days) == 5
    assert all(day.astype(object).weekday() == 2 for day in days)
    assert {int(gap) for gap in np.diff(np.array(days)).astype(int)} == {ANCHOR_EVERY}
    later = {key: value for key, value in table(1).items() if key[0] >= FIRST + 17}
    assert fingerprint(panel_of(later)) == digests[-len(fingerprint(panel_of(later))) :]


CHANGES: dict[str, Callable[[float], float]] = {
    "reversed": lambda value: -value,
    "scaled": lambda value: 3 * value + 1,
    "as ranks": math.exp,
    "rounded to float32": lambda value: float(np.float32(value * (1 + 1e-12))),
}


@pytest.mark.parametrize("how", CHANGES)
def test_what_keeps_the_order_keeps_the_digests(how: str) -> None:
    factor = table(2)
    changed = {key: float(CHANGES[how](value)) for key, value in factor.items()}
    assert fingerprint(panel_of(factor)) == fingerprint(panel_of(changed))
    correlation, days = mean_rank_correlation(panel_of(factor), panel_of(changed))
    assert correlation == pytest.approx(-1 if how == "reversed" else 1) and days == 140


def test_order_of_rows_and_rows_without_a_value_do_not_matter() -> None:
    factor = table(3)
    keys = list(factor)
    random.Random(1).shuffle(keys)
    more = {(key[0], "ZZ"): float("nan") for key in keys}
    assert fingerprint(panel_of(factor)) == fingerprint(
        panel_of({key: factor[key] for key in keys} | more)
    )


def test_days_that_tell_little_have_no_digest() -> None:
    few = {key: value for key, value in table(4).items() if key[1] in CODES[:9]}
    assert fingerprint(panel_of(few)) == ()
    assert fingerprint(panel_of(dict.fromkeys(table(4), 1.0))) == ()


@pytest.mark.slow
def test_a_thousand_pairs_below_the_bound_are_not_joined() -> None:
    """Take factors that resemble each other more or less, up to a correlation of about 0.98."""
    rng = random.Random(5)
    nearest = 0.0
    for seed in range(1_000):
        one, noise = table(seed, 90), table(seed + 5_000, 90)
        weight = rng.uniform(0.15, 2)
        other = {key: value + weight * noise[key] for key, value in one.items()}
        pair = panel_of(one), panel_of(other)
        correlation, _ = mean_rank_correlation(*pair)
        nearest = max(nearest, abs(correlation or 0.0))
        assert abs(correlation or 0.0) < 0.99
        assert shared(*pair) < 3
    assert nearest > 0.9


def test_the_correlation_is_that_of_plain_python() -> None:
    one, other = table(6, 5), table(7, 5)
    other = {key: value for place, (key, value) in enumerate(other.items()) if place % 7}
    wanted = []
    for day in range(FIRST, FIRST + 5):
        keys = [key for key in other if key[0] == day]
        x, y = [one[key] for key in keys], [other[key] for key in keys]
        wanted.append(pearson(ranks(x), ranks(y)) or 0.0)
    found = mean_rank_correlation(panel_of(one), panel_of(other))
    assert found[0] == pytest.approx(mean(wanted), abs=1e-12) and found[1] == 5
    assert found == mean_rank_correlation(panel_of(other), panel_of(one))
