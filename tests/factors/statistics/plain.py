"""State the definitions once more, in a few lines of plain Python over lists of floats.

Nothing here comes from the package: the tests compare the package with these lines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Values = Mapping[tuple[int, str], float]
"""A value by day and instrument."""


def mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def std(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    middle = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((each - middle) ** 2 for each in values) / (len(values) - 1))


def pearson(x: Sequence[float], y: Sequence[float]) -> float | None:
    if len(set(x)) < 2 or len(set(y)) < 2:
        return None
    a, b = math.fsum(x) / len(x), math.fsum(y) / len(y)
    both = math.fsum((p - a) * (q - b) for p, q in zip(x, y, strict=True))
    squares = math.fsum((p - a) ** 2 for p in x), math.fsum((q - b) ** 2 for q in y)
    return both / math.sqrt(squares[0]) / math.sqrt(squares[1])


def ranks(values: Sequence[float]) -> list[float]:
    """Return average ranks, from 1."""
    return [
        sum(each < value for each in values) + (sum(each == value for each in values) + 1) / 2
        for value in values
    ]


def spread(x: Sequence[float], y: Sequence[float]) -> float | None:
    if len(x) < 10:
        return None
    bins = [min(4, math.floor(5 * (rank - 0.5) / len(x))) for rank in ranks(x)]
    top = mean([each for each, fifth in zip(y, bins, strict=True) if fifth == 4])
    bottom = mean([each for each, fifth in zip(y, bins, strict=True) if fifth == 0])
    return None if top is None or bottom is None else top - bottom


def fifths(days: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[float | None] | None:
    """Return the mean over days of the mean label of each fifth, on days that have a spread."""
    found: list[list[float]] = [[], [], [], [], []]
    for x, y in days:
        if spread(x, y) is None:
            continue
        bins = [min(4, math.floor(5 * (rank - 0.5) / len(x))) for rank in ranks(x)]
        for fifth in range(5):
            held = [each for each, place in zip(y, bins, strict=True) if place == fifth]
            found[fifth] += [math.fsum(held) / len(held)] if held else []
    return [mean(each) for each in found] if found[0] else None


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def drawdown(spreads: Sequence[float]) -> float | None:
    value, peak, deepest = 1.0, 1.0, 0.0
    for each in spreads:
        value *= 1 + each
        peak = max(peak, value)
        deepest = min(deepest, value / peak - 1)
    return deepest if spreads else None


def by_day(factor: Values, label: Values) -> dict[int, tuple[list[float], list[float]]]:
    """Return the pairs of each day, in the order of the instruments."""
    found: dict[int, tuple[list[float], list[float]]] = {}
    for day, code in sorted(factor):
        if (day, code) in label:
            x, y = found.setdefault(day, ([], []))
            x.append(factor[day, code])
            y.append(label[day, code])
    return found


def label_of(closes: Values) -> dict[tuple[int, str], float]:
    """Return close[t+2] / close[t+1] − 1 over the calendar of all instruments."""
    days = sorted({day for day, _ in closes})
    found = {}
    for day, one, two in zip(days, days[1:], days[2:], strict=False):
        for at, code in closes:
            if at == one and closes.get((two, code)) is not None:
                found[day, code] = closes[two, code] / closes[one, code] - 1
    return found
