"""Decode pandas' frames and series into polars columns."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rdlake.sources.pickles.arrays import as_array
from rdlake.sources.pickles.extension import as_columns
from rdlake.sources.pickles.indexes import as_axis, as_level
from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.names import is_word, refuse, word
from rdlake.sources.pickles.records import Record, attributes, record
from rdlake.sources.pickles.refusal import Refused
from rdlake.sources.pickles.scalars import as_label

PER_COLUMN = 512


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Hold a frame: rows by index, and the columns by their old names (a tuple for several levels).

    `data` has the same columns under the text of their names.
    """

    index_names: tuple[Hashable, ...]
    index: tuple[pl.Series, ...]
    columns: tuple[Hashable, ...]
    data: pl.DataFrame

    def table(self) -> pl.DataFrame:
        """Return index and columns side by side; a level without a name is called as pandas does.

        Refused when a level and a column have the same name.
        """
        return _join_index(self.index_names, self.index, self.data)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Hold one named column of values by index."""

    name: Hashable
    index_names: tuple[Hashable, ...]
    index: tuple[pl.Series, ...]
    values: pl.Series

    def table(self) -> pl.DataFrame:
        """Return index and values side by side, the values as `0` if they have no name."""
        named = self.values.rename("0" if self.name is None else str(self.name))
        return _join_index(self.index_names, self.index, named.to_frame())


def decode_frame(value: object, budget: Budget) -> Frame:
    """Return a pandas DataFrame; Refused for anything else or anything in it that is not read."""
    found = record(value, "a DataFrame")
    if word(found) != "DataFrame":
        raise refuse(found, "is not a DataFrame")
    axes, blocks = _open_manager(found, "BlockManager")
    if len(axes) != 2:
        raise refuse(found, "a frame without rows and columns")
    names, rows = as_axis(axes[0], budget), as_axis(axes[1], budget)
    budget.spend(PER_COLUMN * len(names))
    placed: list[pl.Series | None] = [None] * len(names)
    for values, places in blocks:
        columns = as_columns(values, as_level, budget)
        for place, column in zip(
            _places(found, places, len(columns), budget), columns, strict=True
        ):
            if not 0 <= place < len(names) or placed[place] is not None or len(column) != len(rows):
                raise refuse(found, "blocks that do not fit the rows and columns")
            placed[place] = column
    columns = [column for column in placed if column is not None]
    if len(columns) != len(names):
        raise refuse(found, "a column without values")
    labels = names.labels
    return Frame(rows.names, rows.levels, labels, _table(found, labels, columns, budget))


def decode_series(value: object, budget: Budget) -> Series:
    """Return a pandas Series; Refused for anything else or anything in it that is not read."""
    found = record(value, "a Series")
    if word(found) != "Series":
        raise refuse(found, "is not a Series")
    axes, blocks = _open_manager(found, "SingleBlockManager")
    if len(axes) != 1 or len(blocks) != 1:
        raise refuse(found, "a series of several columns")
    rows = as_axis(axes[0], budget)
    columns = as_columns(blocks[0][0], as_level, budget)
    if len(columns) != 1 or len(columns[0]) != len(rows):
        raise refuse(found, "values that do not fit the index")
    state = attributes(found)
    name = as_label(state.get("_name", state.get("name")), budget)
    return Series(name, rows.names, rows.levels, columns[0])


def _open_manager(found: Record, kind: str) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """Return the axes of the block manager, and the values and places of each block."""
    state = attributes(found)
    manager = state.get("_mgr", state.get("_data"))
    if type(manager) is not Record or word(manager) != kind:
        raise refuse(manager, f"is no {kind}")
    if manager.args:
        blocks, axes, *_ = (*manager.args, None)
        many = blocks if isinstance(blocks, list | tuple) else [blocks]
        return _list(manager, axes), [_block(block) for block in many]
    content = _open_old_state(manager)
    blocks = _list(manager, content.get("blocks"))
    if not all(type(block) is dict for block in blocks):
        raise refuse(manager, "a block of another kind")
    pairs = [(block.get("values"), block.get("mgr_locs")) for block in blocks]
    return _list(manager, content.get("axes")), pairs


def _open_old_state(manager: Record) -> dict[str, object]:
    """Return the state of pandas 1, which carries the version that introduced it."""
    state = manager.state
    versions = state[3] if type(state) is tuple and len(state) >= 4 else None
    content = versions.get("0.14.1") if type(versions) is dict else None
    if type(content) is not dict:
        raise refuse(manager, "a state of another kind")
    return content


def _block(block: object) -> tuple[object, object]:
    found = record(block, "a block")
    if word(found) != "block" or len(found.args) < 2:
        raise refuse(found, "is no block that is read")
    return found.args[0], found.args[1]


def _list(found: Record, value: object) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    raise refuse(found, "a part that should be a list")


def _places(found: Record, places: object, count: int, budget: Budget) -> list[int]:
    """Return which columns a block's values are, as many as there are."""
    if is_word(places, "slice") and type(places) is Record and len(places.args) == 3:
        numbers = [part for part in places.args if type(part) is int and abs(part) < 1 << 48]
        if len(numbers) == 3 and numbers[2] and len(chosen := range(*numbers)) == count:
            return list(chosen)
    else:
        array = as_array(places, budget)
        if array.dtype.kind in "iu" and array.shape == (count,):
            return [int(place) for place in np.asarray(array)]
    raise refuse(found, "a block without places for its columns")


def _table(
    found: Record, labels: tuple[Hashable, ...], columns: list[pl.Series], budget: Budget
) -> pl.DataFrame:
    named: dict[str, pl.Series] = {}
    for label, column in zip(labels, columns, strict=True):
        text = str(label)
        budget.spend(PER_COLUMN + 4 * len(text))
        if text in named:
            raise refuse(found, f"two columns are called {text!r:.60}")
        named[text] = column
    return pl.DataFrame([column.alias(text) for text, column in named.items()])


def _join_index(
    names: tuple[Hashable, ...], index: tuple[pl.Series, ...], data: pl.DataFrame
) -> pl.DataFrame:
    alone = len(index) == 1
    called = [
        str(name) if name is not None else ("index" if alone else f"level_{place}")
        for place, name in enumerate(names)
    ]
    columns = [level.alias(name) for level, name in zip(index, called, strict=True)]
    columns += data.get_columns()
    if len({column.name for column in columns}) != len(columns):
        raise Refused("DataFrame", "a level of the index and a column have the same name")
    return pl.DataFrame(columns)
