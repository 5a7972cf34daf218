"""Hold values by day and instrument: the rows of a table, one column's finite values, a label.

Days are counted from 1970-01-01. An instrument has one name, however its code is written. Equal
content gives equal bits here, whatever the order of the rows in a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Matrix = tuple[Days, tuple[str, ...], Reals]
"""Days, instruments, and a row of values for each day."""

MAX_CELLS = 100_000_000
DEFINITIONS = b"rdlake statistics 1\0"
"""A part of every digest; raised when the same values are to give other figures."""

_PREFIXED = re.compile(r"(SH|SZ|BJ)[._]?(\d{6})")
_SUFFIXED = re.compile(r"(\d{6})[._]?(SH|SZ|BJ|SS|XSHG|XSHE)")
_MARKETS = {"SS": "SH", "XSHG": "SH", "XSHE": "SZ"}


@lru_cache(maxsize=1 << 16)
def normalize_instrument(code: str) -> str:
    """Return one name for SH600000, sh600000, 600000.SH and 600000.XSHG; any other code in
    capitals."""
    text = code.strip().upper()
    if found := _PREFIXED.fullmatch(text):
        return found[1] + found[2]
    if found := _SUFFIXED.fullmatch(text):
        return _MARKETS.get(found[2], found[2]) + found[1]
    return text


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Hold one column's finite values, sorted by day and instrument; each pair comes once."""

    days: Days
    codes: Days
    """The place of each row's instrument in `names`."""
    names: tuple[str, ...]
    values: Reals

    @property
    def digest(self) -> str:
        """Return the digest of the values with their days and instruments, whatever else the table
        holds."""
        held = np.zeros(len(self.names), bool)
        held[self.codes] = True
        places = np.cumsum(held, dtype=np.int32) - 1
        found = sha256(DEFINITIONS)
        found.update("\0".join(np.array(self.names, object)[held]).encode())
        for part in (self.days, places.astype("<i4")[self.codes], self.values):
            found.update(part.astype(part.dtype.newbyteorder("<"), copy=False).data)
        return found.hexdigest()

    def rows_between(self, first: int, last: int) -> slice:
        """Return the rows of these days, bounds included."""
        return slice(*np.searchsorted(self.days, [first, last + 1]).tolist())


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PanelRows:
    """Describe the rows of a table by day and instrument.

    `order` sorts its columns; it is None when they are sorted. `firsts` are the first places of
    equal rows; it is None when no row comes twice.
    """

    days: Days
    codes: Days
    names: tuple[str, ...]
    order: Places | None
    firsts: Places | None

    @classmethod
    def from_columns(cls, days: Days, codes: Days, names: Sequence[str]) -> PanelRows:
        """Make the rows from a file's columns; `codes` are places in `names`."""
        called = [normalize_instrument(name) for name in names]
        known = sorted(set(called))
        place = {name: at for at, name in enumerate(known)}
        codes = np.array([place[name] for name in called], np.int32)[codes]
        keys = days.astype(np.int64) * max(len(known), 1) + codes
        order = None
        if (keys[1:] < keys[:-1]).any():
            order = np.argsort(keys, kind="stable")
            days, codes, keys = days[order], codes[order], keys[order]
        new = np.ones(len(keys), bool)
        new[1:] = keys[1:] != keys[:-1]
        firsts = None if new.all() else np.flatnonzero(new)
        return cls(days=days, codes=codes, names=tuple(known), order=order, firsts=firsts)

    @property
    def repeated(self) -> int:
        """Return how many rows have the day and instrument of another row."""
        return 0 if self.firsts is None else len(self.days) - len(self.firsts)

    def column(self, values: Reals) -> tuple[Panel, int]:
        """Return a column's finite values, and how many equal rows contradict each other.

        A contradicted value counts as missing, because no row is more credible than another.
        """
        values = (values if self.order is None else values[self.order]) + 0.0
        days, codes, contradicted = self.days, self.codes, 0
        if self.firsts is not None:
            known = np.isfinite(values)
            low, high = (
                side.reduceat(np.where(known, values, none), self.firsts)
                for side, none in ((np.minimum, np.inf), (np.maximum, -np.inf))
            )
            days, codes = days[self.firsts], codes[self.firsts]
            contradicted = int((low < high).sum())
            values = np.where(low == high, low, np.nan)
        finite = np.isfinite(values)
        if finite.all():
            return Panel(days, codes, self.names, values), contradicted
        return Panel(days[finite], codes[finite], self.names, values[finite]), contradicted

    def count_between(self, first: int, last: int) -> tuple[int, int, int]:
        """Return how many rows, days and instruments there are in these days, bounds included."""
        start, end = np.searchsorted(self.days, [first, last + 1]).tolist()
        days, held = self.days[start:end], np.zeros(len(self.names), bool)
        held[self.codes[start:end]] = True
        return end - start, int((np.diff(days) > 0).sum()) + bool(len(days)), int(held.sum())


@dataclass(frozen=True, eq=False)
class Label:
    """Hold what factors are compared with: a value for each day and instrument, NaN where there is
    none.

    `source` is label.pkl or prices. The values are read only when they are needed: a label with a
    known digest may never be read.
    """

    source: str
    digest: str
    read: Callable[[], Matrix]

    @classmethod
    def from_panel(cls, source: str, panel: Panel) -> Label:
        """Make the label from a panel's values. ValueError when it has too many days and
        instruments."""
        held = build_matrix(panel)
        return cls(source, panel.digest, lambda: held)

    @cached_property
    def _matrix(self) -> Matrix:
        return self.read()

    def values_at(self, panel: Panel) -> Reals:
        """Return the label of each row of the panel."""
        days, names, values = self._matrix
        if not len(days) or not names:
            return np.full(len(panel.days), np.nan)
        place = {name: at for at, name in enumerate(names)}
        columns = np.array([place.get(name, -1) for name in panel.names], np.int64)[panel.codes]
        rows = np.searchsorted(days, panel.days).clip(max=len(days) - 1)
        there = (days[rows] == panel.days) & (columns >= 0)
        return np.where(there, values[rows, columns], np.nan)


def build_matrix(panel: Panel, calendar: Days | None = None) -> Matrix:
    """Return days, instruments and a row of values for each day, NaN where there is none.

    The days are those of the calendar, if one is given. ValueError when there are too many cells.
    """
    days = np.unique(panel.days if calendar is None else calendar)
    if len(days) * len(panel.names) > MAX_CELLS:
        raise ValueError(f"{len(days):,} days × {len(panel.names):,} instruments are too many")
    values = np.full((len(days), len(panel.names)), np.nan)
    values[np.searchsorted(days, panel.days), panel.codes] = panel.values
    return days, panel.names, values
