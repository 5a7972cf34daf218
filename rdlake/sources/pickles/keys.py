"""Fill dicts and sets with keys from outside, so that hashing and comparing them stays cheap.

Python hashes a tuple in C, as a tree. A tuple that shares its parts doubles the work with each
level, and neither that nor a row of colliding keys can be interrupted. So a key is weighed before
it is hashed, and the clock is read between insertions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.records import Global, Record
from rdlake.sources.pickles.refusal import Refused, type_name

HEAVIEST = 1_000
BETWEEN_LOOKS = 16
PER_ENTRY = 104
PER_MEMBER = 136
_SIMPLE: Final = frozenset(
    {
        str, int, float, bool, bytes, complex, type(None), Global, Record,
        dt.date, dt.datetime, dt.time, dt.timedelta, PurePosixPath, PureWindowsPath,
    }
)  # fmt: skip


def fill(target: dict[object, object], flat: Sequence[object], budget: Budget) -> None:
    """Put key, value, key, value … into the dict; Refused for a key that no dict should hold."""
    budget.spend(PER_ENTRY * len(flat) // 2)
    keys = flat[::2]
    _weigh_all(keys)
    for start in range(0, len(keys), BETWEEN_LOOKS):
        stop = start + BETWEEN_LOOKS
        target.update(zip(keys[start:stop], flat[2 * start + 1 : 2 * stop : 2], strict=True))
        if len(target) > BETWEEN_LOOKS:
            budget.watch()


def add(target: set[object], members: Sequence[object], budget: Budget) -> None:
    """Put the members into the set; Refused for one that no set should hold."""
    budget.spend(PER_MEMBER * len(members))
    _weigh_all(members)
    for start in range(0, len(members), BETWEEN_LOOKS):
        target.update(members[start : start + BETWEEN_LOOKS])
        budget.watch()


def _weigh_all(keys: Sequence[object]) -> None:
    for key in keys:
        if type(key) not in _SIMPLE:
            _weigh(key)


def _weigh(key: object) -> None:
    """Walk through the key as hashing does; Refused when that takes too many steps."""
    waiting, steps = [key], 0
    while waiting:
        part = waiting.pop()
        steps += 1
        if isinstance(part, tuple | frozenset):
            if len(part) + len(waiting) + steps > HEAVIEST:
                raise Refused("key", f"a nested key of more than {HEAVIEST:,} parts")
            waiting.extend(part)
        elif type(part) not in _SIMPLE:
            raise Refused("key", f"a {type_name(part)} as key")
