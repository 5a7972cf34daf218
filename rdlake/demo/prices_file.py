"""Write `daily_pv.h5` in the layout that pandas calls "fixed", without pandas or PyTables."""

from __future__ import annotations

from io import BytesIO

import h5py
import numpy as np
from numpy.typing import NDArray

from rdlake.demo.market import FIELDS, Market

Attributes = dict[str, str | bytes | int]

GROUP: Attributes = {"CLASS": "GROUP", "TITLE": "", "VERSION": "1.0"}
ARRAY: Attributes = {"CLASS": "CARRAY", "TITLE": "", "VERSION": "1.1"}
FRAME: Attributes = {
    "axis0_variety": "regular", "axis1_nlevels": 2, "axis1_variety": "multi",
    "block0_items_variety": "regular", "encoding": "UTF-8", "errors": "strict", "nblocks": 1,
    "ndim": 2, "pandas_type": "frame", "pandas_version": "0.15.2",
}  # fmt: skip
# PyTables stores the name None as an ASCII pickle, and reads it back as None.
UNNAMED: Attributes = {"kind": "string", "name": b"N."}


def prices_h5(market: Market) -> bytes:
    """Return the market as an HDF5 file with one frame `data` over (datetime, instrument)."""
    buffer = BytesIO()
    with h5py.File(buffer, "w") as file:
        _describe(file, GROUP | {"PYTABLES_FORMAT_VERSION": "2.1"})
        frame = file.create_group("data")
        _describe(frame, GROUP | FRAME)
        _put(frame, "axis0", np.array(FIELDS, "S"), UNNAMED)
        _put(frame, "block0_items", np.array(FIELDS, "S"), UNNAMED)
        _put(frame, "block0_values", market.prices.reshape(-1, len(FIELDS)), {})
        _put_index(frame, market)
    return buffer.getvalue()


def _put_index(frame: h5py.Group, market: Market) -> None:
    days, instruments = len(market.days), len(market.instruments)
    day_codes = np.repeat(np.arange(days, dtype=np.int16), instruments)
    instrument_codes = np.tile(np.arange(instruments, dtype=np.int8), days)
    _put(frame, "axis1_level0", market.days.view(np.int64), _level("datetime", "datetime64[ns]"))
    _put(frame, "axis1_level1", np.array(market.instruments, "S"), _level("instrument", "string"))
    _put(frame, "axis1_label0", day_codes, {})
    _put(frame, "axis1_label1", instrument_codes, {})


def _level(name: str, kind: str) -> Attributes:
    return {f"axis1_name{name}": name, "name": name, "kind": kind}


def _put(frame: h5py.Group, name: str, values: NDArray[np.generic], about: Attributes) -> None:
    array = frame.create_dataset(
        name, data=values, chunks=values.shape, compression="gzip", shuffle=True, track_times=False
    )
    _describe(array, ARRAY | about)
    array.attrs["transposed"] = np.uint8(1)


def _describe(node: h5py.Group | h5py.Dataset, about: Attributes) -> None:
    for name, value in about.items():
        if isinstance(value, int):
            node.attrs[name] = np.int64(value)
        elif isinstance(value, bytes):
            node.attrs[name] = np.bytes_(value)
        elif value:
            # PyTables takes text for text only when it is marked as UTF-8.
            node.attrs.create(name, value.encode(), dtype=h5py.string_dtype("utf-8", len(value)))
        else:
            # A fixed-length HDF5 string cannot be empty.
            node.attrs[name] = h5py.Empty("S1")
