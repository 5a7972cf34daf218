"""Write pickles by hand: each function returns the opcodes that leave one value on the stack."""

from __future__ import annotations

import struct

MARK, STOP, POP, DUP = b"(", b".", b"0", b"2"
NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"
EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT, EMPTY_SET = b")", b"]", b"}", b"\x8f"
REDUCE, NEWOBJ, NEWOBJ_EX, OBJ, BUILD = b"R", b"\x81", b"\x92", b"o", b"b"
APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS = b"a", b"e", b"s", b"u", b"\x90"
MEMOIZE, TUPLE, TUPLE1, TUPLE2, FROZENSET = b"\x94", b"t", b"\x85", b"\x86", b"\x91"
PROTO4, PROTO5 = b"\x80\x04", b"\x80\x05"


def text(value: str) -> bytes:
    octets = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(octets)) + octets


def octets(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def long(value: int) -> bytes:
    size = (value.bit_length() + 8) // 8
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def real(value: float) -> bytes:
    return b"G" + struct.pack(">d", value)


def tup(*parts: bytes) -> bytes:
    return MARK + b"".join(parts) + TUPLE


def lst(*parts: bytes) -> bytes:
    return EMPTY_LIST + MARK + b"".join(parts) + APPENDS


def dct(**parts: bytes) -> bytes:
    pairs = b"".join(text(name) + value for name, value in parts.items())
    return EMPTY_DICT + MARK + pairs + SETITEMS


def glob(name: str) -> bytes:
    """Return a GLOBAL of protocol 0; the module is all before the last dot."""
    module, _, attribute = name.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def stack_glob(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


def call(name: str, *args: bytes) -> bytes:
    return glob(name) + tup(*args) + REDUCE


def get(place: int) -> bytes:
    return b"j" + struct.pack("<I", place)


def dtype(code: str, order: str = "<") -> bytes:
    state = tup(integer(3), text(order), NONE, NONE, NONE, integer(-1), integer(-1), integer(0))
    return call("numpy.dtype", text(code), FALSE, TRUE) + state + BUILD


def times(unit: str, code: str = "M8") -> bytes:
    parts = (integer(4), text("<"), NONE, NONE, NONE, integer(-1), integer(-1), integer(0))
    unit_of = tup(octets(unit.encode()), integer(1), integer(1), integer(1))
    return call("numpy.dtype", text(code), FALSE, TRUE) + tup(*parts, tup(NONE, unit_of)) + BUILD


def array(kind: bytes, shape: bytes, elements: bytes) -> bytes:
    """Return an ndarray of such an element type, shape and bytes or objects."""
    start = call(
        "numpy.core.multiarray._reconstruct", glob("numpy.ndarray"), tup(integer(0)), octets(b"b")
    )
    return start + tup(integer(1), shape, kind, FALSE, elements) + BUILD


def objects(*elements: bytes) -> bytes:
    return array(dtype("O8", "|"), tup(integer(len(elements))), lst(*elements))


def doubles(*values: float) -> bytes:
    packed = struct.pack(f"<{len(values)}d", *values)
    return array(dtype("f8"), tup(integer(len(values))), octets(packed))


def index(data: bytes, kind: str = "pandas.core.indexes.base.Index") -> bytes:
    return call("pandas.core.indexes.base._new_Index", glob(kind), dct(data=data, name=NONE))


def counted(stop: bytes, start: bytes = integer(0), step: bytes = integer(1)) -> bytes:
    parts = dct(name=NONE, start=start, stop=stop, step=step)
    return call(
        "pandas.core.indexes.base._new_Index", glob("pandas.core.indexes.range.RangeIndex"), parts
    )


def several(levels: bytes, codes: bytes, names: bytes) -> bytes:
    parts = dct(levels=levels, codes=codes, sortorder=NONE, names=names)
    return call(
        "pandas.core.indexes.base._new_Index", glob("pandas.core.indexes.multi.MultiIndex"), parts
    )


def block(values: bytes, first: int = 0, stop: int = 1) -> bytes:
    places = call("builtins.slice", integer(first), integer(stop), integer(1))
    return call("pandas._libs.internals._unpickle_block", values, places, integer(2))


def frame(blocks: bytes, columns: bytes, rows: bytes) -> bytes:
    manager = call("pandas.core.internals.managers.BlockManager", blocks, lst(columns, rows))
    return call("pandas.core.frame.DataFrame") + dct(_mgr=manager) + BUILD


def series(values: bytes, rows: bytes) -> bytes:
    places = call("builtins.slice", integer(0), integer(1), integer(1))
    content = dct(axes=lst(rows), blocks=lst(dct(values=values, mgr_locs=places)))
    versioned = EMPTY_DICT + MARK + text("0.14.1") + content + SETITEMS
    state = tup(lst(rows), lst(NONE), lst(rows), versioned)
    manager = call("pandas.core.internals.managers.SingleBlockManager") + state + BUILD
    return call("pandas.core.series.Series") + dct(_mgr=manager, _name=text("s")) + BUILD


def backed(kind: str, dtype: bytes, values: bytes) -> bytes:
    start = call(
        "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked", glob(kind), integer(82904607), NONE
    )
    return start + tup(dtype, values, EMPTY_DICT) + BUILD
