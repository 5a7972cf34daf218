"""Make a small synthetic stock market: daily prices of twenty stocks and their benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rdlake.demo.chance import Subject, draw

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

BENCHMARK = "SH000300"
FIELDS = ("$open", "$close", "$high", "$low", "$volume", "$factor")
STOCKS = tuple(f"SH{600000 + n}" for n in range(10)) + tuple(f"SZ{1 + n:06d}" for n in range(10))

FIRST_DAY, LAST_DAY = "2018-07-02", "2020-01-23"
FIRST_TEST_DAY, LAST_TEST_DAY = "2019-01-02", "2019-12-31"
# Each holiday is a first day and a number of days. Weekends are closed anyway.
HOLIDAYS = (
    ("2018-09-24", 1), ("2018-10-01", 7), ("2018-12-31", 2), ("2019-02-04", 5), ("2019-04-05", 1),
    ("2019-05-01", 3), ("2019-06-07", 1), ("2019-09-13", 1), ("2019-10-01", 7), ("2020-01-01", 1),
)  # fmt: skip
FACTOR_DAYS = 40
REVERSAL = -0.1


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Market:
    """Hold prices as float32 cubes (day, instrument, field), and the days that a back-test ran
    on."""

    days: Days
    instruments: tuple[str, ...]
    prices: NDArray[np.float32]
    test: slice
    factor_days: slice

    def field(self, name: str) -> Floats:
        """Return one field (day, instrument) in double precision."""
        return self.prices[:, :, FIELDS.index(name)].astype(np.float64)

    def benchmark_returns(self) -> NDArray[np.float32]:
        """Return the benchmark's return on each day of the test segment, as Qlib stores it."""
        close = self.field("$close")[:, self.instruments.index(BENCHMARK)]
        change = close[1:] / close[:-1] - 1
        return change[self.test.start - 1 : self.test.stop - 1].astype(np.float32)


def make_market(seed: int) -> Market:
    """Return the market of this seed: a benchmark that wanders and stocks that follow it."""
    days = _trading_days()
    rng = draw(seed, Subject.MARKET)
    close = _closes(rng, len(days))
    first, last = np.searchsorted(days, np.array([FIRST_TEST_DAY, LAST_TEST_DAY], days.dtype))
    stop = int(last) + 1
    return Market(
        days=days,
        instruments=(BENCHMARK, *STOCKS),
        prices=_bars(rng, close),
        test=slice(int(first), stop),
        factor_days=slice(stop - FACTOR_DAYS, stop),
    )


def _trading_days() -> Days:
    closed = [np.datetime64(day) + n for day, length in HOLIDAYS for n in range(length)]
    days = np.arange(np.datetime64(FIRST_DAY), np.datetime64(LAST_DAY) + 1)
    return days[np.is_busday(days, holidays=closed)].astype("datetime64[ns]")


def _closes(rng: np.random.Generator, days: int) -> Floats:
    benchmark = rng.normal(0.0004, 0.012, days)
    own = rng.normal(0.0, 0.016, (days, len(STOCKS)))
    for day in range(1, days):
        own[day] += REVERSAL * own[day - 1]
    moves = np.column_stack([benchmark, benchmark[:, None] * rng.uniform(0.6, 1.4, 20) + own])
    start = np.concatenate([[3200.0], rng.uniform(5, 60, len(STOCKS))])
    return np.asarray(start * np.exp(np.cumsum(moves, axis=0)), np.float64)


def _bars(rng: np.random.Generator, close: Floats) -> NDArray[np.float32]:
    opened = close * np.exp(rng.normal(0, 0.004, close.shape))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0, 0.005, close.shape)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0, 0.005, close.shape)))
    usual = np.exp(rng.normal(14.5, 0.6, close.shape[1]))
    volume = usual * np.exp(rng.normal(0, 0.35, close.shape))
    factor = np.broadcast_to(np.r_[1.0, rng.uniform(0.8, 2.0, len(STOCKS))], close.shape)
    return np.stack([opened, close, high, low, volume, factor], axis=-1).astype(np.float32)
