"""Make the demo's factors: their names, their values from prices, and the code that would
compute them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rdlake.demo.chance import Subject, draw
from rdlake.demo.market import Floats, Market

NOISE, MISSING = 0.1, 0.01
CHINESE = 0.15
SHORTEST, LONGEST = 3, 60


@dataclass(frozen=True, slots=True)
class Idea:
    """Describe a way to make a factor from prices over a window of days."""

    english: str
    chinese: str
    code: str
    values: Callable[[Market, int], Floats]


@dataclass(frozen=True, slots=True)
class Scale:
    """Describe what is done to a day's values across the market."""

    english: str
    chinese: str
    code: str
    apply: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFactor:
    """Describe one proposed factor; `experiment` and `place` are where it was proposed first."""

    name: str
    idea: int
    scale: int
    window: int
    experiment: int
    place: int


def _momentum(market: Market, window: int) -> Floats:
    past = _windows(market.field("$close"), market.factor_days, window + 1)
    return np.asarray(past[..., -1] / past[..., 0] - 1)


def _reversal(market: Market, window: int) -> Floats:
    return -_momentum(market, window)


def _volatility(market: Market, window: int) -> Floats:
    past = _windows(market.field("$close"), market.factor_days, window + 1)
    return np.asarray(np.std(past[..., 1:] / past[..., :-1] - 1, axis=-1, ddof=1))


def _volume_ratio(market: Market, window: int) -> Floats:
    past = _windows(market.field("$volume"), market.factor_days, window)
    return np.asarray(past[..., -1] / past.mean(axis=-1))


def _range(market: Market, window: int) -> Floats:
    spread = (market.field("$high") - market.field("$low")) / market.field("$close")
    return np.asarray(_windows(spread, market.factor_days, window).mean(axis=-1))


def _deviation(market: Market, window: int) -> Floats:
    past = _windows(market.field("$close"), market.factor_days, window)
    return np.asarray(past[..., -1] / past.mean(axis=-1) - 1)


def _windows(values: Floats, days: slice, length: int) -> Floats:
    return sliding_window_view(values[days.start - length + 1 : days.stop], length, axis=0)


def _unscaled(values: Floats) -> Floats:
    return values


def _ranked(values: Floats) -> Floats:
    ranks = values.argsort(axis=1).argsort(axis=1) + 1
    return np.asarray(ranks / values.shape[1])


def _standardised(values: Floats) -> Floats:
    spread = values.std(axis=1, ddof=1, keepdims=True)
    return np.asarray((values - values.mean(axis=1, keepdims=True)) / spread)


IDEAS = (
    Idea("MOM", "动量", "close.pct_change({w})", _momentum),
    Idea("REV", "反转", "-close.pct_change({w})", _reversal),
    Idea("VOL", "波动率", "close.pct_change().rolling({w}).std()", _volatility),
    Idea("VOLUME_RATIO", "量比", "volume / volume.rolling({w}).mean()", _volume_ratio),
    Idea("RANGE", "振幅", "((high - low) / close).rolling({w}).mean()", _range),
    Idea("MA_DEV", "均线偏离", "close / close.rolling({w}).mean() - 1", _deviation),
)
SCALES = (
    Scale("", "", "value", _unscaled),
    Scale("_RANK", "排名", "value.rank(axis=1, pct=True)", _ranked),
    Scale(
        "_Z", "标准化", "value.sub(value.mean(axis=1), axis=0).div(value.std(axis=1), axis=0)",
        _standardised,
    ),
)  # fmt: skip

SOURCE = """import pandas as pd


def calculate():
    prices = pd.read_hdf("daily_pv.h5", key="data").unstack("instrument")
    close, high, low = prices["$close"], prices["$high"], prices["$low"]
    volume = prices["$volume"]
    value = {idea}
    result = {scale}.stack().to_frame("{name}").astype("float32")
    result.to_hdf("result.h5", key="data", mode="w")


if __name__ == "__main__":
    calculate()
"""


def draw_factor(rng: np.random.Generator, experiment: int, place: int) -> DemoFactor:
    """Return a random factor, named in English or, now and then, in Chinese."""
    idea, scale = int(rng.integers(len(IDEAS))), int(rng.integers(len(SCALES)))
    window = int(rng.integers(SHORTEST, LONGEST + 1))
    if rng.random() < CHINESE:
        name = f"{IDEAS[idea].chinese}{SCALES[scale].chinese}_{window}日"
    else:
        name = f"{IDEAS[idea].english}{SCALES[scale].english}_{window}D"
    return DemoFactor(
        name=name, idea=idea, scale=scale, window=window, experiment=experiment, place=place
    )


def factor_values(factor: DemoFactor, market: Market, seed: int) -> NDArray[np.float32]:
    """Return its values (day, instrument), noisy, with a few missing; equal in every experiment."""
    rng = draw(seed, Subject.FACTOR, factor.experiment, factor.place)
    exact = IDEAS[factor.idea].values(market, factor.window)
    noisy = exact + NOISE * exact.std() * rng.standard_normal(exact.shape)
    values = SCALES[factor.scale].apply(noisy).astype(np.float32)
    values[rng.random(values.shape) < MISSING] = np.nan
    return values


def factor_source(factor: DemoFactor) -> str:
    """Return the text of the `factor.py` that computes it."""
    idea = IDEAS[factor.idea].code.format(w=factor.window)
    return SOURCE.format(idea=idea, scale=SCALES[factor.scale].code, name=factor.name)
