"""Build numpy's and pandas' objects as pickles hold them, by the versions that RD-Agent ran
with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from rdlake.demo.pickles import Call, Instance, Name

Numbers = NDArray[np.floating]
Days = NDArray[np.datetime64]

_PLACES = "pandas._libs.internals._unpickle_block"
_BACKED = "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked"
_BACKED_CHECK = 82904607
_MANAGERS = "pandas.core.internals.managers"
_NEWEST_PATHS = (3, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Describe how a release of RD-Agent and its pandas write."""

    release: str
    protocol: int
    numpy: str
    pandas: int
    python: tuple[int, int] = (3, 11)

    @property
    def signed(self) -> bool:
        """Return whether this release signs its messages."""
        return self.release >= "1.0"

    def named(self, new: str, old: str) -> Name:
        """Return a class of pandas by the name this version has for it."""
        return Name.of(new if self.pandas >= 3 else old)


_STYLES = {
    "0.4.0": Style(release="0.4.0", protocol=4, numpy="numpy.core", pandas=2),
    "0.6.1": Style(release="0.6.1", protocol=4, numpy="numpy.core", pandas=2),
    "0.8.0": Style(release="0.8.0", protocol=4, numpy="numpy.core", pandas=2),
    "1.0.0": Style(release="1.0.0", protocol=5, numpy="numpy._core", pandas=2),
    "1.0.0 with pandas 3": Style(
        release="1.0.0", protocol=5, numpy="numpy._core", pandas=3, python=(3, 13)
    ),
}


def style_of(version: str) -> Style:
    """Return how 0.4.0, 0.6.1, 0.8.0, 1.0.0 or `1.0.0 with pandas 3` writes."""
    return _STYLES[version]


def series(values: Mapping[str, float], style: Style) -> Instance:
    """Return a pandas Series of numbers by name, called `0` as qlib's metrics are."""
    axis = _text_index(list(values), style)
    numbers = _array(np.array(list(values.values()), dtype="f8"), style)
    block = {"values": numbers, "mgr_locs": _slice(0, len(values))}
    state = ([axis], [numbers], [axis], {"0.14.1": {"axes": [axis], "blocks": [block]}})
    manager = Call(Name(_MANAGERS, "SingleBlockManager"), (), state)
    content = {"_mgr": manager, "_typ": "series", "_metadata": ["_name"], "attrs": {}}
    flags = {"_flags": {"allows_duplicate_labels": True}, "_name": "0"}
    return Instance(style.named("pandas.Series", "pandas.core.series.Series"), content | flags)


def frame(days: Days, columns: Mapping[str, Numbers], style: Style) -> Instance:
    """Return a pandas DataFrame of numbers by day, as qlib's daily report is one."""
    places, blocks = 0, []
    for _, group in groupby(columns.values(), key=lambda column: column.dtype):
        rows = np.array(list(group))
        place = _slice(places, places + len(rows))
        blocks.append(Call(Name.of(_PLACES), (_array(rows, style), place, 2)))
        places += len(rows)
    axes = [_text_index(list(columns), style), _day_index(days, style)]
    manager = Call(Name(_MANAGERS, "BlockManager"), (tuple(blocks), axes))
    content = {"_mgr": manager, "_typ": "dataframe", "_metadata": [], "attrs": {}}
    kind = style.named("pandas.DataFrame", "pandas.core.frame.DataFrame")
    return Instance(kind, content | {"_flags": {"allows_duplicate_labels": True}})


def path(place: PurePosixPath, style: Style) -> Call:
    """Return a PosixPath; since Python 3.13 it is one text, not its parts."""
    if style.python >= _NEWEST_PATHS:
        return Call(Name("pathlib._local", "PosixPath"), (str(place),))
    return Call(Name("pathlib", "PosixPath"), place.parts)


def time(moment: datetime) -> Call:
    """Return an aware datetime in UTC."""
    utc = moment.astimezone(UTC)
    packed = utc.year.to_bytes(2, "big") + bytes(
        (utc.month, utc.day, utc.hour, utc.minute, utc.second)
    )
    packed += utc.microsecond.to_bytes(3, "big")
    zero = timedelta()
    nothing = Call(Name("datetime", "timedelta"), (zero.days, zero.seconds, zero.microseconds))
    zone = Call(Name("datetime", "timezone"), (nothing,))
    return Call(Name("datetime", "datetime"), (packed, zone))


def _slice(start: int, stop: int) -> Call:
    return Call(Name("builtins", "slice"), (start, stop, 1))


def _dtype(kind: str, order: str = "<") -> Call:
    state: tuple[object, ...] = (3, order, None, None, None, -1, -1, 0)
    if kind == "M8":
        state = (4, order, None, None, None, -1, -1, 0, ({}, (b"ns", 1, 1, 1)))
    return Call(Name("numpy", "dtype"), (kind, False, True), state)


def _array(values: NDArray[np.generic], style: Style) -> Call:
    """Return an array of numbers or times: from a buffer in protocol 5, with a state before."""
    kind = values.dtype.str[1:].replace("[ns]", "")
    if style.protocol < 5 or kind == "M8":
        return _built(values.shape, _dtype(kind), values.tobytes(), style)
    buffer = Name(f"{style.numpy}.numeric", "_frombuffer")
    return Call(buffer, (bytearray(values.tobytes()), _dtype(kind), values.shape, "C"))


def _built(shape: tuple[int, ...], dtype: Call, content: object, style: Style) -> Call:
    start = (Name("numpy", "ndarray"), (0,), b"b")
    state = (1, shape, dtype, False, content)
    return Call(Name(f"{style.numpy}.multiarray", "_reconstruct"), start, state)


def _text_index(texts: Sequence[str], style: Style) -> Call:
    if style.pandas >= 3:
        data: object = _arrow_texts(texts)
    else:
        data = _built((len(texts),), _dtype("O8", "|"), list(texts), style)
    kind = style.named("pandas.Index", "pandas.core.indexes.base.Index")
    content = {"data": data, "name": None}
    return Call(Name("pandas.core.indexes.base", "_new_Index"), (kind, content))


def _arrow_texts(texts: Sequence[str]) -> Instance:
    octets = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, octets)], dtype="<i8").tobytes()
    buffers = [None, *(_buffer(part) for part in (offsets, b"".join(octets)))]
    kind = Call(Name("pyarrow.lib", "type_for_alias"), ("large_string",))
    parts: tuple[object, ...] = (kind, len(texts), 0, 0, buffers, [], None)
    array = Call(Name("pyarrow.lib", "_restore_array"), (parts,))
    dtype = Call(Name("pandas", "StringDtype"), ("pyarrow", float("nan")))
    content = {"_pa_array": array, "_dtype": dtype}
    return Instance(Name("pandas.arrays", "ArrowStringArray"), content)


def _buffer(content: bytes) -> Call:
    return Call(Name("pyarrow.lib", "py_buffer"), (content,))


def _day_index(days: Days, style: Style) -> Call:
    stamps = days.astype("datetime64[ns]")
    home = "pandas.core.arrays.datetimes.DatetimeArray"
    kind = style.named("pandas.arrays.DatetimeArray", home)
    state = (_dtype("M8"), _array(stamps, style), {"_freq": None})
    data = Call(Name.of(_BACKED), (kind, _BACKED_CHECK, None), state)
    index = style.named("pandas.DatetimeIndex", "pandas.core.indexes.datetimes.DatetimeIndex")
    content = {"data": data, "name": "datetime"}
    return Call(Name("pandas.core.indexes.datetimes", "_new_DatetimeIndex"), (index, content))
