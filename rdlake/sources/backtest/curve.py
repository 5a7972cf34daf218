"""Read qlib's daily report of one back-test from ret.parquet or ret.pkl.

Parquet is read with pyarrow and not with polars, because a damaged file makes polars abort the
whole process.
"""

from __future__ import annotations

import datetime

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rdlake.domain.experiment import Finding
from rdlake.sources.formats.arrow_types import is_text
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain, quote
from rdlake.sources.pickles import Frame, Limits, Refused, Series, as_value, load

MAX_ROWS = 1_000_000
MAX_UNPACKED = 256 << 20
COLUMNS = ("account", "value", "cash", "return", "cost", "bench", "turnover")

_INDEX = ("datetime", "__index_level_0__", "index")
_CHECKED = ("return", "cost", "bench")
_FIRST, _LAST = np.datetime64("1900-01-01"), np.datetime64("2200-01-01")

_LIMITS = Limits(size=64 << 20, memory=MAX_UNPACKED)

Numbers = npt.NDArray[np.float64]
Dates = npt.NDArray[np.datetime64]


def read_curve(data: bytes, file: str) -> tuple[pl.DataFrame | None, list[Finding]]:
    """Return the days in order: date and COLUMNS, null where qlib wrote no finite number.

    None and an error for a file that is damaged, not daily, or without dates or returns.
    """
    try:
        return _build_curve(*_read_parquet(data), file)
    except Unreadable as error:
        return None, [_error(file, str(error))]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        return None, [_error(file, f"not a readable Parquet file: {explain(error)}")]


def read_pickled_curve(data: bytes, file: str) -> tuple[pl.DataFrame | None, list[Finding]]:
    """Return the days of a pickled frame, whichever pandas wrote it; nothing in it is run.

    None and an error for a pickle that is damaged, refused, or no such frame.
    """
    try:
        return _build_curve(*_read_pickle(data), file)
    except Unreadable as error:
        return None, [_error(file, str(error))]
    except (Refused, pa.ArrowException) as error:
        return None, [_error(file, f"not a readable pickle: {explain(error)}")]


def read_curve_table(table: pa.Table, file: str) -> tuple[pl.DataFrame | None, list[Finding]]:
    """Return the days of a report that lay in `file` in another form and is a table by now."""
    try:
        _check_rows(len(table))
        return _build_curve(table, _find_index(table.column_names), file)
    except Unreadable as error:
        return None, [_error(file, str(error))]
    except (pa.ArrowException, UnicodeDecodeError) as error:
        return None, [_error(file, f"not a readable report: {explain(error)}")]


def _build_curve(table: pa.Table, index: str, file: str) -> tuple[pl.DataFrame, list[Finding]]:
    findings: list[Finding] = []
    days = _read_days(table.column(index))
    order = _sort_days(days)
    numbers = _read_numbers(table, file, findings)
    arrays = [pa.array(days[order])]
    arrays += [pa.array(values[order], from_pandas=True) for values in numbers]
    return pl.DataFrame(pa.record_batch(arrays, names=["date", *COLUMNS])), findings


def _read_pickle(data: bytes) -> tuple[pa.Table, str]:
    """Return the wanted columns of a pickled frame, and the name of its index."""
    found = as_value(load(data, limits=_LIMITS), limits=_LIMITS)
    if isinstance(found, Series):
        raise Unreadable("a single series, where qlib's report of several columns was expected")
    if not isinstance(found, Frame):
        raise Unreadable("no frame: not qlib's daily report")
    if len(found.index) != 1:
        raise Unreadable("rows of more than one level: no daily report")
    if not 0 < found.data.height <= MAX_ROWS:
        raise Unreadable(f"{found.data.height:,} rows: no daily report")
    if "return" not in found.data.columns:
        raise Unreadable("no column `return`")
    wanted = [name for name in COLUMNS if name in found.data.columns]
    table = found.data.select(wanted).to_arrow()
    days = pa.chunked_array([found.index[0].to_arrow()])
    return table.add_column(0, _INDEX[0], days), _INDEX[0]


def _read_parquet(data: bytes) -> tuple[pa.Table, str]:
    """Return the wanted columns of the file, and the name of the column with the dates."""
    source = pq.ParquetFile(pa.BufferReader(data))
    _check_size(source.metadata)
    schema = source.schema_arrow
    index = _find_index(schema.names)
    wanted = [index, *(name for name in COLUMNS if name in schema.names)]
    if is_text(schema.field(index).type):
        source = pq.ParquetFile(pa.BufferReader(data), read_dictionary=[index])
    return source.read(columns=wanted, use_threads=False), index


def _find_index(names: list[str]) -> str:
    """Return the column with the dates. Unreadable when a needed column is missing or comes
    twice."""
    index = next((name for name in _INDEX if name in names), None)
    if index is None:
        raise Unreadable("no column of dates: neither `datetime` nor an index")
    if "return" not in names:
        raise Unreadable("no column `return`")
    for name in (index, *COLUMNS):
        if names.count(name) > 1:
            raise Unreadable(f"the column `{name}` comes twice")
    return index


def _check_size(footer: pq.FileMetaData) -> None:
    """Raise Unreadable for a file that unpacks to far more than a daily report can be."""
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    if footer.num_rows <= 0:
        raise Unreadable("not a single day in it")
    _check_rows(max(footer.num_rows, sum(group.num_rows for group in groups)))
    if sum(group.total_byte_size for group in groups) > MAX_UNPACKED:
        raise Unreadable(f"unpacks to more than {MAX_UNPACKED >> 20} MiB: no daily report")


def _check_rows(rows: int) -> None:
    if rows > MAX_ROWS:
        raise Unreadable(f"{rows:,} rows: no daily report")
    if not rows:
        raise Unreadable("not a single day in it")


def _read_days(column: pa.ChunkedArray) -> Dates:
    """Return the date of each row in the time zone of the column."""
    if column.null_count:
        raise Unreadable(f"{column.null_count} of {len(column)} rows have no date")
    stamps = _read_stamps(column)
    days = stamps.astype("datetime64[D]")
    if (days != stamps).any():
        raise Unreadable("its dates have times of day: no daily report")
    return days


def _read_stamps(column: pa.ChunkedArray) -> Dates:
    kind = column.type
    if pa.types.is_timestamp(kind):
        stamps: Dates = _to_wall_time(column).to_numpy()
    elif pa.types.is_date(kind):
        stamps = column.to_numpy()
    elif is_text(kind):
        distinct = column if pa.types.is_dictionary(kind) else column.dictionary_encode()
        stamps = np.concatenate([_parse_texts(chunk) for chunk in distinct.chunks])
    else:
        raise Unreadable(f"its dates are of type {quote(str(kind))}")
    return stamps


def _to_wall_time(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.type.tz is None:
        return column
    try:
        return pc.local_timestamp(column)
    except pa.ArrowInvalid as error:
        raise Unreadable(f"its dates have an unknown time zone: {explain(error)}") from error


def _parse_texts(chunk: pa.DictionaryArray) -> Dates:
    """Return ISO texts as wall time; each distinct text is parsed once."""
    words = chunk.dictionary.to_pylist()
    try:
        stamps = [datetime.datetime.fromisoformat(word).replace(tzinfo=None) for word in words]
    except ValueError as error:
        raise Unreadable(f"a date cannot be read: {explain(error)}") from error
    distinct: Dates = np.array(stamps, dtype="datetime64[us]")
    rows: npt.NDArray[np.int32] = chunk.indices.to_numpy()
    return distinct[rows]


def _sort_days(days: Dates) -> slice | npt.NDArray[np.intp]:
    """Return the order of the rows by date. Unreadable when a date comes twice."""
    order = slice(None) if (days[1:] > days[:-1]).all() else np.argsort(days, kind="stable")
    ordered = days[order]
    if ordered[0] < _FIRST or ordered[-1] > _LAST:
        raise Unreadable(f"its dates run from {ordered[0]} to {ordered[-1]}")
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if repeated.size:
        raise Unreadable(f"repeated dates: {repeated.size}, the first of them {repeated[0]}")
    return order


def _read_numbers(table: pa.Table, file: str, findings: list[Finding]) -> Numbers:
    """Return a row of floats for each of COLUMNS, NaN where the file has no finite number."""
    names = table.column_names
    numbers = np.full((len(COLUMNS), len(table)), np.nan)
    for place, name in enumerate(COLUMNS):
        if name in names:
            numbers[place] = _to_floats(table.column(name), name)
        else:
            findings.append(_warning(file, f"no column `{name}`; counts as unknown"))
    finite = np.isfinite(numbers)
    if not finite.all():
        numbers[~finite] = np.nan
        for name in _CHECKED:
            missing = int((~finite[COLUMNS.index(name)]).sum())
            if missing and name in names:
                reason = f"`{name}` is missing or infinite on {missing} of {len(table)} days"
                findings.append(_warning(file, reason))
    return numbers


def _to_floats(column: pa.ChunkedArray, name: str) -> Numbers:
    kind = column.type
    if pa.types.is_decimal(kind) or pa.types.is_null(kind):
        column = column.cast(pa.float64(), safe=False)
    elif not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        reason = f"the column `{name}` is of type {quote(str(kind))}, not of numbers"
        raise Unreadable(reason)
    values: Numbers = column.to_numpy()
    return values


def _error(file: str, reason: str) -> Finding:
    return Finding("error", file, reason, "run the back-test again, or remove the file")


def _warning(file: str, reason: str) -> Finding:
    return Finding("warning", file, reason, "look at the data the back-test ran on")
