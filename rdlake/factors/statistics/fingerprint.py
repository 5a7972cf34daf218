"""Digest the order in which a factor puts instruments, on days that the calendar alone chooses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256

import numpy as np

from rdlake.domain.panel import DEFINITIONS, Panel, Reals
from rdlake.factors.statistics.windows import ORIGIN

ANCHOR_EVERY, ANCHOR_AT = 28, 6
"""Every fourth Wednesday from 1970-01-07: never a weekend, and the same days for any two
periods."""
LEAST_APART = 10
"""A day with fewer different values says too little about an order."""


def fingerprint(panel: Panel) -> tuple[str, ...]:
    """Return a digest of the order on each anchor day, such as `20220706:…`.

    An order and its reverse have one digest. Values count as float32, so that it does not matter in
    which precision they were written.
    """
    return tuple(_digests(panel))


def _digests(panel: Panel) -> Iterator[str]:
    starts = np.flatnonzero(np.diff(panel.days, prepend=np.int32(-(1 << 30))))
    ends = np.append(starts[1:], len(panel.days))
    anchors = panel.days[starts] % ANCHOR_EVERY == ANCHOR_AT
    for start, end in zip(starts[anchors].tolist(), ends[anchors].tolist(), strict=True):
        order = _order(panel.values[start:end])
        if int(order.max()) + 1 < LEAST_APART:
            continue
        digest = sha256(DEFINITIONS)
        digest.update("\0".join(panel.names[code] for code in panel.codes[start:end]).encode())
        digest.update(
            min(order.astype("<i4").tobytes(), (order.max() - order).astype("<i4").tobytes())
        )
        day = ORIGIN + timedelta(int(panel.days[start]))
        yield f"{day:%Y%m%d}:{digest.hexdigest()[:12]}"


def _order(values: Reals) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the dense rank of each value, from 0."""
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32)
    return np.unique(rounded, return_inverse=True)[1].astype(np.int64)
