"""Decode pandas' own array types: times, categories, texts, and numbers with a mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import polars as pl

from rdlake.sources.pickles.arrays import Array, as_array
from rdlake.sources.pickles.arrow import read_arrow_texts
from rdlake.sources.pickles.columns import column, convert_zone, take_codes, text_column
from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.names import is_word, refuse, word
from rdlake.sources.pickles.records import Global, Record, attributes, record
from rdlake.sources.pickles.times import zone_name

Levels = Callable[[object, Budget], pl.Series]

PER_ROW = 512
_ARRAYS: Final = frozenset({"reconstruct", "frombuffer"})
_MASKED: Final = frozenset({"IntegerArray", "FloatingArray", "BooleanArray"})


def as_columns(values: object, levels: Levels, budget: Budget) -> list[pl.Series]:
    """Return the rows of two dimensions, or the single one of one dimension, each as a column.

    `levels` decodes the index that holds the categories.
    """
    found = record(values, "an array of pandas")
    name = word(found)
    if name in _ARRAYS:
        return [column(row, budget) for row in _rows(found, as_array(found, budget), budget)]
    if name in _MASKED:
        return [_masked(found, budget)]
    if name == "ArrowStringArray":
        state = attributes(found)
        return [
            text_column(
                read_arrow_texts(state.get("_pa_array", state.get("_data")), budget), budget
            )
        ]
    name, dtype, content = _backed(found)
    rows = _rows(found, as_array(content, budget), budget)
    if name in ("DatetimeArray", "TimedeltaArray"):
        return [_time(row, dtype, name, budget) for row in rows]
    if name == "Categorical":
        categories = levels(_categories(dtype), budget)
        return [take_codes(categories, row, budget) for row in rows]
    if name == "StringArray":
        return [_texts(found, row, budget) for row in rows]
    raise refuse(found, "is not an array that is read")


def _backed(found: Record) -> tuple[str | None, object, object]:
    """Return kind, element type and content of an array that pandas keeps in one of numpy."""
    if is_word(found, "backed"):
        kind = found.args[0] if found.args else None
        if type(kind) is not Global or type(found.state) is not tuple or len(found.state) < 2:
            raise refuse(found, "an array without a state")
        pair = found.state[:2]
        first = 0 if word(pair[0]) in _ARRAYS else 1
        name = word(kind)
        if name is None:
            raise refuse(kind, "is not an array that is read")
        return name, pair[1 - first], pair[first]
    name = word(found)
    if name is None:
        raise refuse(found, "is not an array that is read")
    state = attributes(found)
    content = next((state[key] for key in ("_ndarray", "_data", "_codes") if key in state), None)
    return name, state.get("_dtype"), content


def _rows(found: Record, array: Array, budget: Budget) -> list[Array]:
    if array.ndim not in (1, 2):
        raise refuse(found, f"a column of {array.ndim} dimensions")
    budget.spend(PER_ROW * array.shape[0] if array.ndim == 2 else 0)
    return [array] if array.ndim == 1 else list(array)


def _time(row: Array, dtype: object, name: str, budget: Budget) -> pl.Series:
    if row.dtype.kind != ("M" if name == "DatetimeArray" else "m"):
        raise refuse(dtype, "times whose elements are no times")
    times = column(row, budget)
    if not is_word(dtype, "DatetimeTZDtype"):
        return times
    return convert_zone(times, zone_name(attributes(dtype).get("tz"), budget))


def _texts(found: Record, row: Array, budget: Budget) -> pl.Series:
    texts = column(row, budget)
    if texts.dtype not in (pl.String, pl.Null):
        raise refuse(found, f"text that is {texts.dtype}")
    return texts.cast(pl.String)


def _categories(dtype: object) -> object:
    if not is_word(dtype, "CategoricalDtype"):
        raise refuse(dtype, "categories without a list of them")
    return attributes(dtype).get("categories")


def _masked(found: Record, budget: Budget) -> pl.Series:
    state: dict[str, Any] = attributes(found)
    values, mask = (as_array(state.get(key), budget) for key in ("_data", "_mask"))
    if values.ndim != 1 or mask.shape != values.shape or mask.dtype.kind != "b":
        raise refuse(found, "a mask that does not fit its values")
    plain = column(values, budget)
    return plain.zip_with(pl.Series(~mask), pl.Series([None], dtype=plain.dtype))
