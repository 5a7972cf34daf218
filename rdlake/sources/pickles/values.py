"""Decode whole values with everything in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import chain
from typing import Any, Final

import numpy as np

from rdlake.sources.pickles import keys
from rdlake.sources.pickles.arrays import Array, as_array
from rdlake.sources.pickles.frames import decode_frame, decode_series
from rdlake.sources.pickles.indexes import as_axis
from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.names import refuse, word
from rdlake.sources.pickles.octets import as_bytes, as_dtype
from rdlake.sources.pickles.paths import as_path
from rdlake.sources.pickles.records import Record
from rdlake.sources.pickles.refusal import Refused
from rdlake.sources.pickles.scalars import PLAIN, as_scalar

DEEPEST = 100
PER_VALUE = 64
BETWEEN_LOOKS = 1_024


def decode(value: object, budget: Budget, depth: int = DEEPEST) -> Any:
    """Return the value with every record in it decoded, also in lists, tuples, dicts and sets.

    Refused by its name for the first record that no decoder knows.
    """
    budget.contain(PER_VALUE)
    if budget.containers % BETWEEN_LOOKS == 0:
        budget.watch()
    if depth < 0:
        raise Refused("value", f"nested deeper than {DEEPEST} levels")
    match value:
        case list() | tuple():
            return type(value)(_each(value, budget, depth))
        case set() | frozenset():
            return type(value)(_members(value, budget, depth))
        case dict():
            return _dict(value.items(), budget, depth)
        case Record():
            return _record(value, budget, depth)
        case memoryview():
            return _bytes(value, budget)
    return as_scalar(value, budget)


def _each(values: Collection[object], budget: Budget, depth: int) -> list[Any]:
    budget.spend(PER_VALUE * len(values))
    return [value if type(value) in PLAIN else decode(value, budget, depth - 1) for value in values]


def _dict(pairs: Iterable[tuple[object, object]], budget: Budget, depth: int) -> dict[Any, Any]:
    decoded: dict[object, object] = {}
    flat = list(chain.from_iterable(pairs))
    keys.fill(decoded, _each(flat, budget, depth), budget)
    return decoded


def _members(values: Collection[object], budget: Budget, depth: int) -> set[Any]:
    decoded: set[object] = set()
    keys.add(decoded, _each(values, budget, depth), budget)
    return decoded


def _record(found: Record, budget: Budget, depth: int) -> Any:
    name = word(found)
    match name:
        case "reconstruct":
            return _array(as_array(found, budget), budget, depth)
        case "OrderedDict" | "defaultdict" | "Counter":
            last = found.args[-1] if found.args else None
            given = list(last.items()) if type(last) is dict else []
            return _dict(given + found.entries, budget, depth)
        case "deque" | "set" | "frozenset":
            return _collect(found, budget, depth)
        case "slice" | "range":
            return _bounds(found)
    decoder = _DECODERS.get(name or "")
    return decoder(found, budget) if decoder else as_scalar(found, budget)


def _collect(found: Record, budget: Budget, depth: int) -> list[Any] | set[Any] | frozenset[Any]:
    given = found.args[0] if found.args else []
    if not isinstance(given, list | tuple):
        raise refuse(found, "made of something other than a list")
    members = [*given, *found.items]
    if word(found) == "deque":
        return _each(members, budget, depth)
    made = _members(members, budget, depth)
    return made if word(found) == "set" else frozenset(made)


def _array(array: Array, budget: Budget, depth: int) -> Array:
    if not array.dtype.hasobject:
        return array
    elements = _each(array.ravel().tolist(), budget, depth)
    return np.fromiter(elements, dtype=object, count=len(elements)).reshape(array.shape)


def _bounds(found: Record) -> slice | range:
    bounds = [part for part in found.args if part is None or type(part) is int]
    if len(bounds) != len(found.args) or len(bounds) != 3:
        raise refuse(found, "with bounds that are no numbers")
    if word(found) == "slice":
        return slice(*bounds)
    start, stop, step = bounds
    if start is None or stop is None or not step:
        raise refuse(found, "with bounds that are no numbers")
    return range(start, stop, step)


def _bytes(found: object, budget: Budget) -> bytes:
    octets = as_bytes(found, budget)
    budget.spend(len(octets))
    return bytes(octets)


_DECODERS: Final[dict[str, Callable[[Record, Budget], Any]]] = {
    "DataFrame": decode_frame,
    "Series": decode_series,
    "new index": as_axis,
    "frombuffer": as_array,
    "dtype": as_dtype,
    "Posix": lambda found, _: as_path(found),
    "Windows": lambda found, _: as_path(found),
    "bytes": _bytes,
    "bytearray": _bytes,
    "encoded": _bytes,
}
