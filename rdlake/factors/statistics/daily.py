"""Compare a factor with a label day by day: IC, rank IC, and what the top earns over the bottom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rdlake.domain.panel import Days, Label, Panel, Reals

AT_ONCE = 1 << 20
"""About so many rows are computed at a time, so that a long table needs no more memory."""
SMALL = 1e-100
"""Values whose square is smaller are scaled up before they are squared."""
FIFTHS, LEAST = 5, 10
"""The spread is between the outer fifths, on days with at least so many pairs."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DailyFigures:
    """Hold the figures of the days on which some instrument has both values; NaN where
    undefined."""

    days: Days
    pairs: Counts
    ic: Reals
    rank_ic: Reals
    fifths: Reals
    """The mean labels of the fifths, one row a day, the lowest factor values first."""

    @property
    def spread(self) -> Reals:
        """Return what the highest fifth earns over the lowest."""
        spread: Reals = self.fifths[:, -1] - self.fifths[:, 0]
        return spread

    def between(self, first: int, last: int) -> DailyFigures:
        """Return the figures of some days, bounds included."""
        part = slice(*np.searchsorted(self.days, [first, last + 1]).tolist())
        return DailyFigures(
            days=self.days[part],
            pairs=self.pairs[part],
            ic=self.ic[part],
            rank_ic=self.rank_ic[part],
            fifths=self.fifths[part],
        )


def daily_figures(panel: Panel, label: Label) -> DailyFigures:
    """Return the figures of each day on which factor and label share an instrument."""
    parts = [_figures(*part) for part in _parts(panel, label)]
    if not parts:
        none = np.empty(0)
        fifths = np.empty((0, FIFTHS))
        return DailyFigures(
            days=np.empty(0, np.int32),
            pairs=np.empty(0, np.int64),
            ic=none,
            rank_ic=none,
            fifths=fifths,
        )
    days, pairs, ic, rank_ic, fifths = (np.concatenate(each) for each in zip(*parts, strict=True))
    return DailyFigures(days=days, pairs=pairs, ic=ic, rank_ic=rank_ic, fifths=fifths)


def mean_rank_correlation(one: Panel, other: Panel) -> tuple[float | None, int]:
    """Return the mean daily rank correlation of two factors, and the number of days that have
    one."""
    try:
        rank_ic = daily_figures(one, Label.from_panel("factor", other)).rank_ic
    except ValueError:  # too many cells for a matrix
        return None, 0
    known = rank_ic[np.isfinite(rank_ic)]
    return (float(known.sum()) / len(known) if len(known) else None), len(known)


def _parts(panel: Panel, label: Label) -> Iterator[tuple[Days, Reals, Reals]]:
    """Yield days, factor values and labels of whole days, where both values exist."""
    ends = np.flatnonzero(np.diff(panel.days)) + 1
    start = 0
    while start < len(panel.days):
        later = ends[np.searchsorted(ends, start + AT_ONCE) :]
        end = int(later[0]) if len(later) else len(panel.days)
        part = Panel(
            panel.days[start:end], panel.codes[start:end], panel.names, panel.values[start:end]
        )
        labels = label.values_at(part)
        both = np.isfinite(labels)
        if both.any():
            yield part.days[both], part.values[both], labels[both]
        start = end


def _figures(days: Days, factor: Reals, label: Reals) -> tuple[Days, Counts, Reals, Reals, Reals]:
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    pairs = np.diff(starts, append=len(days))
    rank = ranks(factor, starts, pairs)
    return (
        days[starts],
        pairs,
        correlation(factor, label, starts, pairs),
        correlation(rank, ranks(label, starts, pairs), starts, pairs),
        _fifths(rank, label, starts, pairs),
    )


def ranks(values: Reals, starts: Counts, counts: Counts) -> Reals:
    """Return the average rank of each value in its group, from 1. Groups begin at `starts`."""
    order = np.empty(len(values), np.int64)
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        order[start : start + count] = np.argsort(values[start : start + count])
    order += np.repeat(starts, counts)
    ordered = values[order]
    new = np.ones(len(values), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    new[starts] = True
    firsts = np.flatnonzero(new)
    equal = np.diff(firsts, append=len(values))
    average = np.empty(len(values))
    average[order] = np.repeat(firsts + (equal + 1) / 2, equal)
    average -= np.repeat(starts, counts)
    return average


def correlation(one: Reals, other: Reals, starts: Counts, counts: Counts) -> Reals:
    """Return Pearson's correlation of each group; NaN where a side is constant."""
    defined = np.ones(len(starts), bool)
    sides = []
    for side in (one, other):
        low, high = np.minimum.reduceat(side, starts), np.maximum.reduceat(side, starts)
        defined &= low < high
        even = scaled(side, np.maximum(-low, high), counts)
        away = even - np.repeat(np.add.reduceat(even, starts) / counts, counts)
        sides.append(scaled(away, np.maximum.reduceat(np.abs(away), starts), counts))
    x, y = sides
    products, x_squares, y_squares = (
        np.add.reduceat(a * b, starts) for a, b in ((x, y), (x, x), (y, y))
    )
    with np.errstate(all="ignore"):
        pearson = products / (np.sqrt(x_squares) * np.sqrt(y_squares))
    return np.where(defined, pearson.clip(-1, 1), np.nan)


def scaled(values: Reals, largest: Reals, counts: Counts) -> Reals:
    """Return the values, each group divided by a power of two if its squares would not fit.

    A power of two rounds nothing, so equal values have equal figures in whatever company.
    """
    known = largest[largest > 0]
    if not len(known) or (known.min() > SMALL and known.max() < 1 / SMALL):
        return values
    powers = np.ldexp(1.0, (-np.frexp(largest)[1]).clip(-1000, 1000))
    even: Reals = values * np.repeat(powers, counts)
    return even


def _fifths(rank: Reals, label: Reals, starts: Counts, pairs: Counts) -> Reals:
    """Return the mean label of each fifth by rank; NaN on days with few pairs or an empty outer
    fifth."""
    fifth = np.floor(FIFTHS * (rank - 0.5) / np.repeat(pairs, pairs))
    means = np.empty((len(starts), FIFTHS))
    with np.errstate(all="ignore"):
        for place in range(FIFTHS):
            inside = fifth >= place if place == FIFTHS - 1 else fifth == place
            total = np.add.reduceat(np.where(inside, label, 0.0), starts)
            means[:, place] = total / np.add.reduceat(inside, starts, dtype=np.int64)
    means[(pairs < LEAST) | ~np.isfinite(means[:, -1] - means[:, 0])] = np.nan
    return means
