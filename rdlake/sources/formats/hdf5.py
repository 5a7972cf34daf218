"""Read frames in pandas' fixed HDF5 format through h5py alone; no pickle in the file is ever read.

`result.h5` has one factor's values, `daily_pv.h5` the prices. Both have the key `data` and rows by
datetime and instrument.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np
import numpy.typing as npt
import polars as pl

from rdlake.domain.experiment import FactorHeader, Finding
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain, quote
from rdlake.sources.workspace.hashing import open_file

KEY = "data"
MAX_BYTES = 1 << 30
MAX_COLUMNS = 1_000

_UNITS = {
    "datetime64": "ns", "datetime64[ns]": "ns", "datetime64[us]": "us",
    "datetime64[ms]": "ms", "datetime64[s]": "s",
}  # fmt: skip

T = TypeVar("T")
Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class FactorValues:
    """Hold one factor's values: its column's name, and the rows datetime, instrument, value."""

    column: str
    rows: pl.DataFrame


def read_hdf5_frame(
    path: Path, file: str, columns: Collection[str] | None = None
) -> tuple[pl.DataFrame | None, list[Finding]]:
    """Return the frame `data`: datetime, instrument, then all columns or the named ones.

    None and an error for a file that is no HDF5 file, has another format of pandas, is too large,
    or holds objects.
    """
    return _read_group(path, file, lambda group: _read_frame(group, columns))


def _read_group(
    path: Path, file: str, read: Callable[[h5py.Group], T]
) -> tuple[T | None, list[Finding]]:
    try:
        descriptor, _ = open_file(os.fspath(path))
        with os.fdopen(descriptor, "rb") as opened, h5py.File(opened, "r") as store:
            return read(_open_group(store)), []
    except Unreadable as error:
        return None, [_error(file, str(error))]
    except (OSError, RuntimeError, ValueError, TypeError, LookupError) as error:
        # h5py raises a different class for each way to tear a file.
        return None, [_error(file, f"not a readable HDF5 file: {explain(error)}")]


def read_factor_header(path: Path, file: str) -> tuple[FactorHeader | None, list[Finding]]:
    """Return what result.h5 of a factor's sub-workspace holds, without the values; None and an
    error when it has not exactly one column."""
    return _read_group(path, file, _read_header)


def read_factor_values(path: Path, file: str) -> tuple[FactorValues | None, list[Finding]]:
    """Return the values in result.h5 of a factor's sub-workspace; None and an error when it has not
    exactly one column."""
    frame, findings = read_hdf5_frame(path, file)
    if frame is None:
        return None, findings
    if frame.width != 3:
        return None, [_error(file, f"{frame.width - 2} columns of values, where one was expected")]
    column = frame.columns[2]
    return FactorValues(column, frame.rename({column: "value"})), findings


def _read_header(group: h5py.Group) -> FactorHeader:
    names = _decode_names(_read_array(group, "axis0"))
    if len(names) != 1:
        raise Unreadable(f"{len(names)} columns of values, where one was expected")
    values = _open_member(group, "block0_values")
    if not isinstance(values, h5py.Dataset) or len(values.shape) != 2:
        raise Unreadable("`block0_values` does not fit the rows and columns")
    if values.dtype.kind not in "iuf":
        raise Unreadable("`block0_values` holds no numbers")
    return FactorHeader(names[0], int(values.shape[0]))


def _open_group(store: h5py.File) -> h5py.Group:
    group = _open_member(store, KEY)
    if not isinstance(group, h5py.Group):
        raise Unreadable("no frame under the key `data`")
    if "table" in group:
        raise Unreadable("pandas' table format, which is not read")
    return group


def _open_member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """Return a member that lies in this file itself; links are never followed."""
    link = group.get(name, getlink=True)
    if link is None:
        raise Unreadable(f"no `{name}` in it: no frame of pandas'")
    if not isinstance(link, h5py.HardLink):
        raise Unreadable(f"`{name}` is a link; links are never followed")
    return group[name]


def _read_array(group: h5py.Group, name: str) -> Array:
    dataset = _open_member(group, name)
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
        raise Unreadable(f"`{name}` does not lie in this file")
    if dataset.dtype.kind not in "iufbS" or h5py.check_dtype(vlen=dataset.dtype):
        raise Unreadable(f"`{name}` holds objects, which pandas stores as a pickle; not read")
    if dataset.size is None or dataset.size * dataset.dtype.itemsize > MAX_BYTES:
        raise Unreadable(f"`{name}` is larger than {MAX_BYTES >> 20} MiB")
    values: Array = dataset[()]
    return values


def _read_frame(group: h5py.Group, columns: Collection[str] | None) -> pl.DataFrame:
    levels = list(_read_levels(group))
    times = [level for level in levels if level.dtype == pl.Datetime("ns")]
    texts = [level for level in levels if level.dtype == pl.String]
    if len(levels) != 2 or len(times) != 1 or len(texts) != 1:
        raise Unreadable("its rows are not by datetime and instrument")
    found = [times[0].alias("datetime"), texts[0].alias("instrument")]
    rows = len(found[0])
    values = {}
    for name, column in _read_columns(group, rows, columns):
        if name in values or name in ("datetime", "instrument"):
            raise Unreadable(f"two columns are called {quote(name)}")
        values[name] = column
    if columns is not None and (missing := sorted(set(columns) - values.keys())):
        raise Unreadable(f"no column {', '.join(map(quote, missing))}")
    if not values:
        raise Unreadable("no column of values")
    order = [name for name in _decode_names(_read_array(group, "axis0")) if name in values]
    return pl.DataFrame(found + [values[name].alias(name) for name in order])


def _read_levels(group: h5py.Group) -> Iterator[pl.Series]:
    """Yield the levels of the row index, each as long as the frame."""
    count = 0
    while f"axis1_level{count}" in group:
        name = f"axis1_level{count}"
        level = _decode_level(_read_array(group, name), group[name].attrs.get("kind"))
        codes = _read_array(group, f"axis1_label{count}")
        if codes.ndim != 1 or codes.dtype.kind not in "iu":
            raise Unreadable("an index without its codes")
        if len(codes) and not (int(codes.min()) >= -1 and int(codes.max()) < len(level)):
            raise Unreadable("an index whose codes are out of range")
        if (codes == -1).any():
            raise Unreadable("a row without a datetime or an instrument")
        yield level.gather(pl.Series(codes.astype(np.uint32)))
        count += 1
        if count > 2:
            return


def _decode_level(values: Array, kind: object) -> pl.Series:
    word = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    if values.ndim != 1:
        raise Unreadable("an index of more than one dimension")
    if values.dtype.kind == "S":
        return pl.Series(_decode_names(values), dtype=pl.String)
    if word in _UNITS and values.dtype == np.int64:
        unit = _UNITS[word]
        return pl.Series(values.astype(f"datetime64[{unit}]").astype("datetime64[ns]"))
    return pl.Series(values)


def _read_columns(
    group: h5py.Group, rows: int, wanted: Collection[str] | None
) -> Iterator[tuple[str, pl.Series]]:
    """Yield the columns with their names, block by block."""
    place = 0
    while f"block{place}_items" in group:
        names = _decode_names(_read_array(group, f"block{place}_items"))
        if len(names) > MAX_COLUMNS:
            raise Unreadable(f"more than {MAX_COLUMNS:,} columns")
        name = f"block{place}_values"
        if wanted is None or not set(names).isdisjoint(wanted):
            values = _read_array(group, name)
            if "value_type" in group[name].attrs or values.dtype.kind == "S":
                raise Unreadable(f"`{name}` holds no numbers")
            if values.shape != (rows, len(names)):
                raise Unreadable(f"`{name}` does not fit the rows and columns")
            for column, label in enumerate(names):
                if wanted is None or label in wanted:
                    yield label, pl.Series(np.ascontiguousarray(values[:, column]))
        place += 1


def _decode_names(values: Array) -> list[str]:
    if values.dtype.kind != "S" or values.ndim != 1:
        raise Unreadable("names that are no text")
    try:
        return [bytes(each).decode("utf-8") for each in values.tolist()]
    except UnicodeDecodeError as error:
        raise Unreadable("names that are not UTF-8 text") from error


def _error(file: str, reason: str) -> Finding:
    return Finding("error", file, reason, "make the file again, or remove it")
