"""Read the values in combined_factors_df.parquet, one factor at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from rdlake.domain.panel import Days, Panel, PanelRows, Reals
from rdlake.sources.backtest.factor_table import find_key_columns
from rdlake.sources.formats.arrow_types import is_text
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain, quote
from rdlake.sources.workspace.hashing import open_file

PIECE = 1 << 19
MAX_ROWS = 40_000_000
FIRST, LAST = date(1900, 1, 1), date(2200, 1, 1)
ORIGIN = date(1970, 1, 1)


class FactorTable:
    """Hold an open table of factors: its rows, and each column on request."""

    def __init__(self, table: pq.ParquetFile) -> None:
        self._table = table
        self.rows = _read_rows(table)

    def column(self, name: str) -> tuple[Panel, int]:
        """Return a column's finite values and the number of contradictions. Unreadable when it is
        damaged."""
        values: Reals = np.empty(len(self.rows.days))
        at = 0
        for piece in _read_pieces(self._table, [name]):
            numbers = piece.column(piece.num_columns - 1).cast(pa.float64(), safe=False)
            if at + len(numbers) > len(values):
                raise Unreadable("its columns are not of one length")
            values[at : at + len(numbers)] = numbers.to_numpy(zero_copy_only=False)
            at += len(numbers)
        if at != len(values):
            raise Unreadable("its columns are not of one length")
        return self.rows.column(values)


@contextmanager
def open_factor_table(path: Path) -> Iterator[FactorTable]:
    """Open the table at `path`, to be read column by column.

    Unreadable when its rows are not by day and instrument, or when there are too many of them.
    """
    try:
        descriptor, _ = open_file(os.fspath(path))
        with os.fdopen(descriptor, "rb") as opened, pq.ParquetFile(opened) as table:
            yield FactorTable(table)
    except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        raise _report_damage(error) from error


def _read_pieces(
    table: pq.ParquetFile, columns: Sequence[str]
) -> Iterator[pa.RecordBatch | pa.Table]:
    """Yield some columns of a table in pieces. Unreadable when they are damaged."""
    try:
        if table.metadata.num_rows <= PIECE:
            yield table.read(list(columns), use_threads=False)
        else:
            yield from table.iter_batches(PIECE, columns=list(columns), use_threads=False)
    except (pa.ArrowException, OSError, OverflowError) as error:
        raise _report_damage(error) from error


def _report_damage(error: Exception) -> Unreadable:
    return Unreadable(f"it cannot be read: {explain(error)}")


def _read_rows(table: pq.ParquetFile) -> PanelRows:
    if table.metadata.num_rows > MAX_ROWS:
        raise Unreadable(f"more than {MAX_ROWS:,} rows; its figures were not computed")
    day, code = _find_keys(table.schema_arrow)
    names: dict[str, int] = {}
    days, codes = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for piece in _read_pieces(table, [day, code]):
        days.append(to_epoch_days(_to_series(piece.column(day))))
        column = piece.column(code)
        if column.null_count:
            raise Unreadable("a row without an instrument")
        for part in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
            texts = part if pa.types.is_dictionary(part.type) else part.dictionary_encode()
            known = texts.dictionary.to_pylist()
            if None in known:
                raise Unreadable("a row without an instrument")
            places = [names.setdefault(text, len(names)) for text in known]
            codes.append(np.array(places, np.int32)[texts.indices.to_numpy()])
    return PanelRows.from_columns(np.concatenate(days), np.concatenate(codes), list(names))


def _to_series(column: pa.Array) -> pl.Series:
    series = pl.from_arrow(column)
    assert isinstance(series, pl.Series)
    return series


def _find_keys(schema: pa.Schema) -> tuple[str, str]:
    """Return the columns with days and instruments, whatever their order and names."""
    keys = [field for field in schema if field.name in find_key_columns(schema)]
    times = [field.name for field in keys if pa.types.is_temporal(field.type)]
    texts = [field.name for field in keys if is_text(field.type)]
    if not times and "datetime" in texts:
        texts.remove("datetime")
        times = ["datetime"]
    if len(times) != 1 or len(texts) != 1:
        raise Unreadable("its rows are not by day and instrument")
    return times[0], texts[0]


def to_epoch_days(column: pl.Series) -> Days:
    """Return days from 1970-01-01 of a column of days, of midnights in its time zone, or of ISO
    text.

    Unreadable for anything else.
    """
    if column.dtype in (pl.String, pl.Categorical):
        texts = column.cast(pl.String).str.strip_suffix(" 00:00:00")
        column = texts.str.to_date("%Y-%m-%d", strict=False)
    if column.has_nulls():
        raise Unreadable("a row without a day")
    if isinstance(column.dtype, pl.Datetime):
        here = column.dt.replace_time_zone(None)
        column = here.dt.date()
        if (column.cast(here.dtype) != here).any():
            raise Unreadable("times of day, where days were expected")
    if column.dtype != pl.Date:
        raise Unreadable(f"days of type {quote(str(column.dtype))}")
    days = column.to_physical().to_numpy()
    if len(days) and not (
        (FIRST - ORIGIN).days <= int(days.min()) and int(days.max()) <= (LAST - ORIGIN).days
    ):
        raise Unreadable(f"days outside of {FIRST} to {LAST}")
    return days.astype(np.int32)
