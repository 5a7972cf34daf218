"""Decode numpy's arrays and scalars; their bytes must fit type and shape exactly."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.names import is_word, refuse, word
from rdlake.sources.pickles.octets import as_bytes, as_dtype
from rdlake.sources.pickles.records import Record, record

Array = np.ndarray[Any, np.dtype[Any]]
Order = Literal["C", "F"]

MOST_DIMENSIONS = 8
HIGHEST_LETTER = 0x10FFFF


def as_array(value: object, budget: Budget) -> Array:
    """Return the array, read-only and without a copy where its elements are bytes of the file.

    The elements of an object array stay as they were loaded.
    """
    found = record(value, "an array")
    if word(found) == "frombuffer":
        return _from_buffer(found, budget)
    if word(found) != "reconstruct" or not found.args or not is_word(found.args[0], "ndarray"):
        raise refuse(found, "is no plain array")
    state = found.state
    if type(state) is not tuple or len(state) not in (4, 5):
        raise refuse(found, "an array without a state")
    shape, dtype, columns_first, elements = state[-4:]
    if type(columns_first) not in (bool, int):
        raise refuse(found, "an array without an order")
    order: Order = "F" if columns_first else "C"
    kind, sizes = as_dtype(dtype, budget), _sizes(found, shape)
    if kind.hasobject:
        budget.spend(8 * math.prod(sizes))
        return _objects(found, elements, sizes, order)
    return _fill(found, as_bytes(elements, budget), kind, sizes, order)


def as_numpy_scalar(value: object, budget: Budget) -> Any:
    """Return the numpy scalar of one element."""
    found = record(value, "a scalar")
    if word(found) != "scalar" or len(found.args) != 2:
        raise refuse(found, "is no plain scalar")
    kind = as_dtype(found.args[0], budget)
    if kind.hasobject:
        raise refuse(found, "is no plain scalar")
    budget.spend(kind.itemsize)
    return _fill(found, as_bytes(found.args[1], budget), kind, ())[()]


def _from_buffer(found: Record, budget: Budget) -> Array:
    if len(found.args) != 4 or found.args[3] not in ("C", "F"):
        raise refuse(found, "an array with other arguments")
    elements, dtype, shape, order = found.args
    kind = as_dtype(dtype, budget)
    if kind.hasobject:
        raise refuse(found, "an array of objects from bytes")
    octets = as_bytes(elements, budget)
    return _fill(found, octets, kind, _sizes(found, shape), "F" if order == "F" else "C")


def _sizes(found: Record, shape: object) -> tuple[int, ...]:
    if type(shape) is not tuple or len(shape) > MOST_DIMENSIONS:
        raise refuse(found, "an array without a shape")
    if not all(type(size) is int and 0 <= size < 1 << 48 for size in shape):
        raise refuse(found, "an array of an impossible shape")
    return shape


def _fill(
    found: Record,
    octets: bytes | memoryview,
    kind: np.dtype[Any],
    shape: tuple[int, ...],
    order: Order = "C",
) -> Array:
    if math.prod(shape) * kind.itemsize != len(octets):
        raise refuse(found, f"{len(octets):,} bytes do not make an array of shape {shape}")
    array = np.frombuffer(octets, kind) if len(octets) else np.empty(0, kind)
    _check_elements(found, array)
    return _reshape(found, array, shape, order)


def _reshape(found: Record, array: Array, shape: tuple[int, ...], order: Order) -> Array:
    try:
        return array.reshape(shape, order=order)
    except ValueError as error:  # empty, but with other dimensions beyond what numpy counts
        raise refuse(found, f"an array of shape {shape}") from error


def _check_elements(found: Record, array: Array) -> None:
    """Refuse bytes that are no value of their type, which Python and Rust rely on."""
    if array.dtype.kind == "b" and (array.view(np.uint8) > 1).any():
        raise refuse(found, "a bool that is neither true nor false")
    if array.dtype.kind == "U":
        letters = array.view(array.dtype.str[0] + "u4")
        if (letters > HIGHEST_LETTER).any():
            raise refuse(found, "text with letters that do not exist")


def _objects(found: Record, elements: object, shape: tuple[int, ...], order: Order) -> Array:
    if type(elements) is not list or len(elements) != math.prod(shape):
        raise refuse(found, f"its objects do not make an array of shape {shape}")
    array = np.fromiter(elements, dtype=object, count=len(elements))
    return _reshape(found, array, shape, order)
