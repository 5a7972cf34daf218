"""Forge records of numpy, pandas and Arrow with a call, a lie or a size of their own in them.

All of them load; none may decode.
"""

from __future__ import annotations

import struct

from tests.sources.pickles.assemble import (
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    FALSE,
    MARK,
    MEMOIZE,
    NONE,
    POP,
    SETITEMS,
    array,
    backed,
    block,
    call,
    counted,
    dct,
    doubles,
    dtype,
    frame,
    get,
    glob,
    index,
    integer,
    long,
    lst,
    objects,
    octets,
    series,
    several,
    text,
    times,
    tup,
)
from tests.sources.pickles.calls import SHELL, SYSTEM, TOUCH


def rows_of(values: bytes) -> bytes:
    return series(values, counted(integer(2)))


DATETIMES = "pandas.core.arrays.datetimes.DatetimeArray"
NEW_INDEX = "pandas.core.indexes.base._new_Index"
CATEGORIES = "pandas.core.indexes.category.CategoricalIndex"
CATEGORICAL = "pandas.core.arrays.categorical.Categorical"


def categories(of: bytes) -> bytes:
    return call("pandas.CategoricalDtype") + dct(categories=of, ordered=FALSE) + BUILD


def arrow(kind: bytes, length: int, offsets: tuple[int, ...], octets_: bytes) -> bytes:
    packed = struct.pack(f"<{len(offsets)}q", *offsets)
    buffers = lst(
        NONE, call("pyarrow.lib.py_buffer", octets(packed)),
        call("pyarrow.lib.py_buffer", octets(octets_)),
    )  # fmt: skip
    parts = tup(kind, integer(length), integer(0), integer(0), buffers, EMPTY_LIST)
    content = dct(_pa_array=call("pyarrow.lib._restore_array", parts))
    return call("pandas.arrays.ArrowStringArray") + content + BUILD


LARGE_STRING = call("pyarrow.lib.type_for_alias", text("large_string"))
TWO = doubles(1.0, 2.0)
RECORDS = {
    "a call as element type": rows_of(array(TOUCH, tup(integer(2)), octets(b"12345678" * 2))),
    "a call as elements": rows_of(array(dtype("f8"), tup(integer(2)), TOUCH)),
    "a call as shape": rows_of(array(dtype("f8"), TOUCH, octets(b"12345678" * 2))),
    "calls among objects": rows_of(objects(TOUCH, SYSTEM)),
    "a call as index": series(TWO, TOUCH),
    "a function as kind of index": series(TWO, index(TWO, "os.system")),
    "a call as level": series(TWO, several(lst(TOUCH), lst(TWO), lst(NONE))),
    "a call as name": frame(tup(block(TWO)), index(objects(TOUCH)), counted(integer(2))),
    "a call as block": frame(tup(TOUCH), counted(integer(1)), counted(integer(2))),
    "a call as manager": call("pandas.core.frame.DataFrame") + dct(_mgr=TOUCH) + BUILD,
    "a call as time zone": rows_of(
        backed(DATETIMES, call("pandas.DatetimeTZDtype") + dct(tz=TOUCH, unit=text("ns")) + BUILD,
               array(times("ns"), tup(integer(2)), octets(bytes(16))))),
    "a time zone outside the database": rows_of(
        backed(DATETIMES, call("pandas.DatetimeTZDtype") + dct(
            tz=call("zoneinfo.ZoneInfo._unpickle", text("../../../etc/passwd"), integer(1)),
            unit=text("ns")) + BUILD, array(times("ns"), tup(integer(2)), octets(bytes(16))))),
    "a call as categories": rows_of(backed(CATEGORICAL, categories(TOUCH), TWO)),
    "a function as array": rows_of(backed("os.system", TWO, TWO)),
    "a code outside its categories": rows_of(backed(
        CATEGORICAL, categories(index(objects(text("a")))),
        array(dtype("i1", "|"), tup(integer(2)), octets(b"\x00\x7f")))),
    "a bool that is 7": rows_of(array(dtype("b1", "|"), tup(integer(2)), octets(b"\x07\x01"))),
    "letters beyond Unicode": rows_of(
        array(dtype("U1"), tup(integer(2)), octets(b"\xff\xff\xff\x7f" * 2))),
    "objects made of bytes": rows_of(array(dtype("O8", "|"), tup(integer(2)), octets(bytes(16)))),
    "objects through a buffer": rows_of(call(
        "numpy._core.numeric._frombuffer", octets(bytes(16)), dtype("O8", "|"), tup(integer(2)),
        text("C"))),
    "more rows than bytes": rows_of(array(dtype("f8"), tup(integer(2**30)), octets(bytes(16)))),
    "elements without size": rows_of(array(dtype("S0"), tup(integer(2**30)), octets(b""))),
    "no rows but a trillion columns": frame(
        tup(block(array(dtype("f8"), tup(long(10**12), integer(0)), octets(b"")))),
        counted(long(10**12)), counted(integer(0))),
    "sizes that overflow": rows_of(
        array(dtype("f8"), tup(long(2**47), long(2**47), integer(0)), octets(b""))),
    "a size below zero": rows_of(array(dtype("f8"), tup(integer(-1)), octets(bytes(8)))),
    "a structured type": rows_of(array(dtype("V8"), tup(integer(2)), octets(bytes(16)))),
    "a range of a quintillion rows": series(TWO, counted(long(10**18))),
    "a range beyond 64 bits": series(TWO, counted(long(10**30))),
    "a range of steps of zero": series(TWO, counted(integer(2), step=integer(0))),
    "arrow offsets beyond the text": rows_of(arrow(LARGE_STRING, 2, (0, 4, 1 << 40), b"text")),
    "arrow offsets that run back": rows_of(arrow(LARGE_STRING, 2, (0, 4, -4), b"text")),
    "arrow with more rows than offsets": rows_of(arrow(LARGE_STRING, 1 << 30, (0, 4), b"text")),
    "arrow text that is no UTF-8": rows_of(arrow(LARGE_STRING, 2, (0, 1, 2), b"\xff\xfe")),
    "arrow of a type that runs code": rows_of(arrow(TOUCH, 2, (0, 1, 2), b"ab")),
    "defaultdict of os.system": call("collections.defaultdict", SYSTEM)
    + MARK + text("a") + text(SHELL) + SETITEMS,
    "a path of calls": call("pathlib.PosixPath", TOUCH),
    "a datetime of a million bytes": call("datetime.datetime", octets(bytes(10**6))),
    "a datetime of month 99": call("datetime.datetime", octets(b"\x07\xe4\x63\x01" + bytes(6))),
    "a timedelta of a googol days": call("datetime.timedelta", long(10**100)),
    "a level that is its own index": EMPTY_DICT + MEMOIZE + POP + call(
        NEW_INDEX, glob(CATEGORIES), get(0) + MARK + text("data") + backed(
            CATEGORICAL, categories(call(NEW_INDEX, glob(CATEGORIES), get(0))),
            array(dtype("i1", "|"), tup(integer(0)), octets(b""))) + SETITEMS),
    "a series of letters that have no UTF-8": rows_of(objects(text("\ud800"), NONE)),
    "integers beyond 64 bits": rows_of(objects(long(10**30), integer(1))),
}  # fmt: skip
