"""Make pickles that would take all time or memory; large ones are recipes."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

from tests.sources.pickles.assemble import (
    ADDITEMS,
    APPEND,
    APPENDS,
    BUILD,
    DUP,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    FROZENSET,
    MARK,
    MEMOIZE,
    NONE,
    POP,
    PROTO4,
    PROTO5,
    REDUCE,
    SETITEM,
    SETITEMS,
    STOP,
    TUPLE,
    TUPLE1,
    TUPLE2,
    array,
    call,
    dct,
    dtype,
    get,
    glob,
    index,
    integer,
    long,
    lst,
    objects,
    octets,
    real,
    series,
    several,
    text,
    tup,
)
from tests.sources.pickles.calls import SYSTEM, TOUCH
from tests.sources.pickles.forged import TWO, rows_of
from tests.sources.pickles.misused import Fate


class Hostile(NamedTuple):
    """Hold bytes, or a recipe for them, and what `load` must do with them."""

    fate: Fate
    data: bytes | Callable[[], bytes]

    def bytes(self) -> bytes:
        return self.data if isinstance(self.data, bytes) else self.data()


def nested(wrap: bytes, depth: int, inner: bytes = NONE) -> bytes:
    return inner + wrap * depth


def doubled(levels: int, wrap: bytes) -> bytes:
    return EMPTY_TUPLE + (DUP + wrap) * levels


def doubled_deques(levels: int) -> bytes:
    step = "collections.deque"
    return EMPTY_TUPLE + b"".join(
        DUP + TUPLE2 + TUPLE1 + MEMOIZE + POP + glob(step) + get(place) + REDUCE
        for place in range(levels)
    )


def shared_text(count: int) -> bytes:
    """Return objects that are all the same megabyte of text: small here, huge in any column."""
    elements = get(0) * count
    return (
        text("x" * (1 << 20))
        + MEMOIZE
        + POP
        + rows_of(
            array(dtype("O8", "|"), tup(integer(count)), EMPTY_LIST + MARK + elements + APPENDS)
        )
    )


def shared_level(rows: int) -> bytes:
    codes = array(dtype("i1", "|"), tup(integer(rows)), octets(bytes(rows)))
    level = index(objects(text("x" * (1 << 20))))
    return series(TWO, several(lst(level), lst(codes), lst(NONE)))


def twin_towers(levels: int) -> bytes:
    """Return two equal keys that share nothing: comparing them takes two to the power of the
    levels."""
    tower = EMPTY_TUPLE + (DUP + TUPLE2) * levels
    return EMPTY_DICT + MARK + tower + NONE + tower + NONE + SETITEMS


def frozen_towers(levels: int) -> bytes:
    tower = MARK + FROZENSET
    for place in range(levels):
        tower += MEMOIZE + POP + MARK + get(place) + get(place) + TUPLE1 + FROZENSET
    return EMPTY_SET + MARK + tower + ADDITEMS


def colliding(count: int) -> bytes:
    """Return integers of one hash value: a dict of them takes the square of their number."""
    prime = (1 << 61) - 1
    return EMPTY_DICT + MARK + b"".join(long(prime * k) + NONE for k in range(count)) + SETITEMS


def colliding_slowly(count: int) -> bytes:
    prime = (1 << 61) - 1
    return EMPTY_DICT + b"".join(long(prime * k) + NONE + SETITEM for k in range(count))


def in_itself(kind: bytes, put: bytes) -> bytes:
    return kind + MEMOIZE + put


def letters(count: int) -> bytes:
    return rows_of(
        array(dtype("U1"), tup(integer(count)), octets("涨".encode("utf-32-le") * count))
    )


def unpacking(mebibytes: int) -> bytes:
    """Return a gzip file of a few hundred kilobytes that holds a pickle of so many."""
    pack, zeros = zlib.compressobj(1, wbits=31), bytes(1 << 20)
    packed = [pack.compress(b"B" + struct.pack("<I", mebibytes << 20))]
    packed += [pack.compress(zeros) for _ in range(mebibytes)]
    return b"".join([*packed, pack.compress(STOP), pack.flush()])


BOMBS: dict[str, Hostile] = {
    "a tuple in 100,000 tuples": Hostile("refused", nested(TUPLE1, 100_000) + STOP),
    "a list in 100,000 lists": Hostile("refused", EMPTY_LIST * 100_000 + APPEND * 99_999 + STOP),
    "a dict in 100,000 dicts": Hostile(
        "refused", (EMPTY_DICT + NONE) * 100_000 + NONE + SETITEM * 100_000 + STOP),
    "100,000 open marks": Hostile("refused", MARK * 100_000 + STOP),
    "a call of 100,000 calls": Hostile(
        "refused", SYSTEM * 100_000 + EMPTY_TUPLE + (REDUCE + TUPLE1) * 99_999 + REDUCE + STOP),
    "the call of the call of the call": Hostile(
        "refused", SYSTEM + (EMPTY_TUPLE + REDUCE) * 100_000 + STOP),
    "state in state": Hostile(
        "refused", call("a.B") * 50_000 + BUILD * 49_999 + STOP),
    "1,100 frozensets in each other": Hostile("refused", MARK * 1_100 + FROZENSET * 1_100 + STOP),
    "a deep tuple hidden behind a flat list": Hostile(
        "refused", EMPTY_LIST + EMPTY_TUPLE + (TUPLE1 + MEMOIZE) * 50_000 + APPEND
        + MARK + b"".join(get(place) for place in range(50_000)) + APPENDS + STOP),
    "a tuple doubled 60 times": Hostile("refused", doubled(60, TUPLE2) + STOP),
    "a tuple doubled 39 times": Hostile("refused", doubled(39, TUPLE2) + STOP),
    "a tuple doubled 60 times as key": Hostile(
        "refused", EMPTY_DICT + doubled(60, TUPLE2) + NONE + SETITEM + STOP),
    "a tuple doubled 60 times in a set": Hostile(
        "refused", EMPTY_SET + MARK + doubled(60, TUPLE2) + ADDITEMS + STOP),
    "a list doubled 60 times": Hostile(
        "refused", EMPTY_LIST + (DUP + TUPLE2 + TUPLE1) * 60 + STOP),
    "deques doubled 60 times": Hostile("inert", lambda: doubled_deques(60) + STOP),
    "two towers as keys": Hostile("refused", twin_towers(40) + STOP),
    "towers of frozensets": Hostile("refused", lambda: frozen_towers(40) + STOP),
    "a list in itself": Hostile("inert", in_itself(EMPTY_LIST, get(0) + APPEND) + STOP),
    "a list in itself 300,000 times": Hostile("inert", lambda: in_itself(
        EMPTY_LIST, MARK + get(0) * 300_000 + APPENDS) + STOP),
    "a list in itself twice": Hostile(
        "inert", in_itself(EMPTY_LIST, MARK + get(0) + get(0) + APPENDS) + STOP),
    "a dict in itself": Hostile(
        "inert", in_itself(EMPTY_DICT, text("a") + get(0) + SETITEM) + STOP),
    "a record in its own state": Hostile("inert", in_itself(call("a.B"), dct(a=get(0)) + BUILD)
                                         + STOP),
    "an OrderedDict in itself": Hostile("inert", in_itself(
        call("collections.OrderedDict"), text("a") + get(0) + SETITEM) + STOP),
    "5,000,000 empty sets": Hostile("refused", lambda: MARK + EMPTY_SET * 5_000_000 + TUPLE + STOP),
    "5,000,000 empty dicts": Hostile(
        "refused", lambda: MARK + EMPTY_DICT * 5_000_000 + TUPLE + STOP),
    "5,000,000 records": Hostile(
        "refused", lambda: SYSTEM + MEMOIZE + MARK + (b"h\x00" + EMPTY_TUPLE + REDUCE) * 5_000_000
        + TUPLE + STOP),
    "sets of five": Hostile("refused", lambda: MARK + (
        EMPTY_SET + MARK + b"K\x01K\x02K\x03K\x04K\x05" + ADDITEMS) * 1_000_000 + TUPLE + STOP),
    "20,000,000 opcodes": Hostile("refused", lambda: (NONE + POP) * 10_000_000 + NONE + STOP),
    "20,000,000 places in the memo": Hostile(
        "refused", lambda: NONE + MEMOIZE * 20_000_000 + STOP),
    "a place far out in the memo": Hostile("refused", NONE + b"r\xff\xff\xff\xff" + STOP),
    "a place further out than counting goes": Hostile(
        "refused", NONE + b"p" + b"9" * 1_000 + b"\n" + STOP),
    "bytes of 16 EiB": Hostile("refused", b"\x8e" + b"\xff" * 8 + STOP),
    "a bytearray of 8 EiB": Hostile("refused", PROTO5 + b"\x96" + b"\xff" * 7 + b"\x7f" + STOP),
    "text of 4 GiB": Hostile("refused", b"X\xff\xff\xff\xff" + STOP),
    "text of 16 EiB": Hostile("refused", b"\x8d" + b"\xff" * 8 + STOP),
    "bytes of 4 GiB": Hostile("refused", b"B\xff\xff\xff\xff" + STOP),
    "a string of -1 bytes": Hostile("refused", b"T\xff\xff\xff\xff" + STOP),
    "an integer of 2 GiB": Hostile("refused", b"\x8b\xff\xff\xff\x7f" + STOP),
    "an integer of -1 bytes": Hostile("refused", b"\x8b\xff\xff\xff\xff" + STOP),
    "an integer of 10,000,000 bytes": Hostile("refused", lambda: b"\x8b" + struct.pack(
        "<i", 10_000_000) + b"\x7f" * 10_000_000 + STOP),
    "an integer of 10,000,000 digits": Hostile(
        "refused", lambda: b"I" + b"9" * 10_000_000 + b"\n."),
    "a long of 10,000,000 digits": Hostile("refused", lambda: b"L" + b"9" * 10_000_000 + b"L\n."),
    "a float of 10,000,000 digits": Hostile("refused", lambda: b"F" + b"9" * 10_000_000 + b"\n."),
    "a line without an end": Hostile("refused", lambda: b"S'" + b"a" * 20_000_000),
    "a name of 30,000,000 letters": Hostile(
        "refused", lambda: b"c" + b"a" * 15_000_000 + b"\n" + b"b" * 15_000_000 + b"\n."),
    "one letter that widens 200 MB": Hostile("refused", lambda: b"X" + struct.pack(
        "<I", 200_000_004) + "𝄞".encode() + b"a" * 200_000_000 + STOP),
    "short texts that widen": Hostile("refused", lambda: MARK + (
        b"\x8c\xfe" + "𝄞".encode() + b"a" * 250) * 400_000 + TUPLE + STOP),
    "a frame longer than the file": Hostile(
        "refused", PROTO4 + b"\x95" + struct.pack("<Q", 1 << 62) + NONE + STOP),
    "a frame shorter than its opcodes": Hostile(
        "inert", PROTO4 + b"\x95" + struct.pack("<Q", 1) + TOUCH + STOP),
    "a frame of nothing, a million times": Hostile(
        "inert", lambda: PROTO4 + (b"\x95" + bytes(8)) * 1_000_000 + NONE + STOP),
    "100,000 colliding integers": Hostile("refused", lambda: colliding(100_000) + STOP),
    "100,000 colliding integers, one by one": Hostile(
        "refused", lambda: colliding_slowly(100_000) + STOP),
    "200,000 floats as keys": Hostile("inert", lambda: EMPTY_DICT + MARK + b"".join(
        real(float(k)) + NONE for k in range(200_000)) + SETITEMS + STOP),
    "a gzip file of 1 GiB of nothing": Hostile(
        "refused", lambda: unpacking(1_024)),
    "a gzip file of 200 MiB": Hostile("inert", lambda: unpacking(200)),
    "a gzip file within a gzip file": Hostile(
        "refused", lambda: gzip.compress(gzip.compress(TOUCH + STOP))),
    "a gzip file that ends early": Hostile("refused", gzip.compress(TOUCH + STOP)[:-9]),
    "a gzip file with another checksum": Hostile(
        "refused", gzip.compress(NONE + STOP)[:-8] + bytes(8)),
    "a call within gzip": Hostile("inert", gzip.compress(TOUCH + STOP)),
    "a call within an envelope": Hostile(
        "inert", b"RDAGENT_SIGNED_PICKLE_V1\n" + bytes(32) + TOUCH + STOP),
    "an envelope within an envelope": Hostile(
        "refused", (b"RDAGENT_SIGNED_PICKLE_V1\n" + bytes(32)) * 2 + TOUCH + STOP),
    "an empty envelope": Hostile("refused", b"RDAGENT_SIGNED_PICKLE_V1\n" + bytes(32)),
    "an envelope cut in its signature": Hostile(
        "refused", b"RDAGENT_SIGNED_PICKLE_V1\n" + bytes(7)),
    "half a magic word": Hostile("refused", b"RDAGENT_SIG"),
    "the same megabyte 100,000 times": Hostile("inert", lambda: shared_text(100_000) + STOP),
    "a level of a megabyte for a million rows": Hostile(
        "inert", lambda: shared_level(1_000_000) + STOP),
    "a path of a megabyte, many times": Hostile("inert", lambda: (
        text("x/" * (1 << 19)) + MEMOIZE + POP + glob("pathlib.PosixPath") + MEMOIZE + POP
        + lst((get(1) + get(0) + TUPLE1 + REDUCE) * 20_000)) + STOP),
    "single letters beyond Latin": Hostile("inert", lambda: letters(5_000_000) + STOP),
    "a text array as an index as a text array": Hostile(
        "inert", series(TWO, index(series(TWO, index(TWO)))) + STOP),
}  # fmt: skip
