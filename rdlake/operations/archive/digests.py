"""Compute a digest over the rows of each owner; files and order of rows do not matter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl

from rdlake.schema.tables import Table
from rdlake.schema.tables.schema import BOOL, DATE, INT, REAL, TIME

WHOLE = (BOOL, DATE, INT, TIME)


def bytes_by_owner(entry: Table, rows: pl.DataFrame) -> Iterator[tuple[str, list[Any]]]:
    """Yield each owner with the bytes to digest: rows sorted by key, without clock columns.

    First come the columns and the number of rows, then one line of JSON for each run of rows with
    equal texts, then the figures with eight bytes each, whole numbers first, then one byte per
    figure that tells whether it is null.
    """
    assert entry.owner is not None
    solid = [column for column in entry.columns if not column.clock]
    whole = [column.name for column in solid if column.type in WHOLE]
    real = [column.name for column in solid if column.type == REAL]
    words = [column.name for column in solid if column.name not in {*whole, *real}]
    told = rows.sort(entry.owner, *entry.key)
    runs = told.select(pl.struct(words).rle().alias("run")).unnest("run")
    written = BytesIO()
    runs.write_ndjson(written)
    text = written.getbuffer()
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
    stops = runs["len"].cum_sum().to_numpy()
    figures = [
        told.select(pl.col(whole).to_physical().cast(pl.Int64).fill_null(0)),
        told.select(pl.col(real).fill_null(0.0).fill_nan(float("nan"))),
        told.select(pl.col(whole + real).is_null().cast(pl.UInt8)),
    ]
    matrices = [frame.to_numpy(order="c") for frame in figures if frame.width]
    head = json.dumps([entry.name, words, whole, real])
    owners = told[entry.owner].rle().struct.unnest()
    lasts = ends[np.searchsorted(stops, owners["len"].cum_sum().to_numpy())].tolist()
    first, begin = 0, 0
    for (count, owner), end in zip(owners.rows(), lasts, strict=True):
        parts = [matrix[begin : begin + count] for matrix in matrices]
        yield owner, [f"{head} {count}\n".encode(), text[first:end], *parts]
        first, begin = end, begin + count
