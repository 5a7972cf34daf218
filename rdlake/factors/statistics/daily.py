"""A factor against a label, day by day: IC, rank IC and what the top earns over the bottom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rdlake.domain.panel import Days, Label, Panel, Reals

AT_ONCE = 1 << 20
"""About how many rows are worked on at a time, so that a long table needs no more memory."""
SMALL = 1e-100
FIFTHS, LEAST = 5, 10
"""The spread is of fifths, on days with at least so many pairs."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Daily:
    """The days on which some instrument has both values; a figure that is not defined is NaN."""

    days: Days
    pairs: Counts
    ic: Reals
    rank_ic: Reals
    fifths: Reals
    """Mean labels of the fifths, a row a day, the lowest first."""

    @property
    def spread(self) -> Reals:
        """What the highest fifth earns over the lowest."""
        found: Reals = self.fifths[:, -1] - self.fifths[:, 0]
        return found

    def between(self, first: int, last: int) -> Daily:
        """Of these days, bounds included."""
        part = slice(*np.searchsorted(self.days, [first, last + 1]).tolist())
        return Daily(
            self.days[part], self.pairs[part], self.ic[part], self.rank_ic[part], self.fifths[part]
        )


def daily(panel: Panel, label: Label) -> Daily:
    """The figures of each day."""
    found = [_figures(*part) for part in _parts(panel, label)]
    if not found:
        none = np.empty(0)
        fifths = np.empty((0, FIFTHS))
        return Daily(np.empty(0, np.int32), np.empty(0, np.int64), none, none, fifths)
    return Daily(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def correlated(one: Panel, other: Panel) -> tuple[float | None, int]:
    """The mean daily rank correlation of two factors, and on how many days it is defined."""
    try:
        found = daily(one, Label.from_panel("factor", other)).rank_ic
    except ValueError:
        return None, 0
    found = found[np.isfinite(found)]
    return (float(found.sum()) / len(found) if len(found) else None), len(found)


def _parts(panel: Panel, label: Label) -> Iterator[tuple[Days, Reals, Reals]]:
    """Whole days of pairs of which both values exist."""
    ends = np.flatnonzero(np.diff(panel.days)) + 1
    start = 0
    while start < len(panel.days):
        later = ends[np.searchsorted(ends, start + AT_ONCE) :]
        end = int(later[0]) if len(later) else len(panel.days)
        part = Panel(
            panel.days[start:end], panel.codes[start:end], panel.names, panel.values[start:end]
        )
        beside = label.values_at(part)
        both = np.isfinite(beside)
        if both.any():
            yield part.days[both], part.values[both], beside[both]
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
    """The average rank of each value in its group, from 1; the groups begin at `starts`."""
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
    found = np.empty(len(values))
    found[order] = np.repeat(firsts + (equal + 1) / 2, equal)
    found -= np.repeat(starts, counts)
    return found


def correlation(one: Reals, other: Reals, starts: Counts, counts: Counts) -> Reals:
    """Pearson's of each group, which begin at `starts`; NaN where a side is constant."""
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
        found = products / (np.sqrt(x_squares) * np.sqrt(y_squares))
    return np.where(defined, found.clip(-1, 1), np.nan)


def scaled(values: Reals, largest: Reals, counts: Counts) -> Reals:
    """The same values, or, where their squares could not be held, each group divided by a power of
    two: that rounds nothing, so equal values have equal figures whatever stands beside them."""
    known = largest[largest > 0]
    if not len(known) or (known.min() > SMALL and known.max() < 1 / SMALL):
        return values
    powers = np.ldexp(1.0, (-np.frexp(largest)[1]).clip(-1000, 1000))
    even: Reals = values * np.repeat(powers, counts)
    return even


def _fifths(rank: Reals, label: Reals, starts: Counts, pairs: Counts) -> Reals:
    """The mean label of each fifth by rank, NaN where it is empty; and where the pairs are few."""
    fifth = np.floor(FIFTHS * (rank - 0.5) / np.repeat(pairs, pairs))
    means = np.empty((len(starts), FIFTHS))
    with np.errstate(all="ignore"):
        for place in range(FIFTHS):
            held = fifth >= place if place == FIFTHS - 1 else fifth == place
            total = np.add.reduceat(np.where(held, label, 0.0), starts)
            means[:, place] = total / np.add.reduceat(held, starts, dtype=np.int64)
    means[(pairs < LEAST) | ~np.isfinite(means[:, -1] - means[:, 0])] = np.nan
    return means
