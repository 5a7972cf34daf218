"""Read the arguments of the opcodes. Each is measured before it is taken."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from rdlake.sources.pickles import text
from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.refusal import Damaged, Refused

Reader = Callable[[bytes, int, Budget], tuple[Any, int]]

HIGHEST_PROTOCOL = 5
LARGE = 1 << 20
_UINT16: Final = struct.Struct("<H").unpack_from
_INT32: Final = struct.Struct("<i").unpack_from
_UINT32: Final = struct.Struct("<I").unpack_from
_UINT64: Final = struct.Struct("<Q").unpack_from
_DOUBLE: Final = struct.Struct(">d").unpack_from


def _uint8(data: bytes, at: int, _: Budget) -> tuple[int, int]:
    return data[at], at + 1


def _uint16(data: bytes, at: int, _: Budget) -> tuple[int, int]:
    return _UINT16(data, at)[0], at + 2


def _int32(data: bytes, at: int, _: Budget) -> tuple[int, int]:
    return _INT32(data, at)[0], at + 4


def _uint32(data: bytes, at: int, _: Budget) -> tuple[int, int]:
    return _UINT32(data, at)[0], at + 4


def _uint64(data: bytes, at: int, _: Budget) -> tuple[int, int]:
    return _UINT64(data, at)[0], at + 8


def _double(data: bytes, at: int, _: Budget) -> tuple[float, int]:
    return _DOUBLE(data, at)[0], at + 8


def _short_text(data: bytes, at: int, _: Budget) -> tuple[str, int]:
    end = at + 1 + data[at]
    return str(data[at + 1 : end], "utf-8", "surrogatepass"), end


def _short_bytes(data: bytes, at: int, _: Budget) -> tuple[bytes, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end], end


def _short_ascii(data: bytes, at: int, _: Budget) -> tuple[str, int]:
    end = at + 1 + data[at]
    return text.ascii_text(data[at + 1 : end], at), end


def _short_integer(data: bytes, at: int, _: Budget) -> tuple[int, int]:
    end = at + 1 + data[at]
    return int.from_bytes(data[at + 1 : end], "little", signed=True), end


def _integer(data: bytes, at: int, _: Budget) -> tuple[int, int]:
    end = at + 4 + _INT32(data, at)[0]
    if not 0 <= end - at - 4 <= text.LONGEST_INTEGER:
        raise Refused("int", f"an integer of {end - at - 4:,} bytes")
    return int.from_bytes(data[at + 4 : end], "little", signed=True), end


def _read_size(size: Reader, data: bytes, at: int, budget: Budget) -> tuple[int, int]:
    length, at = size(data, at, budget)
    if not 0 <= length <= len(data) - at:
        raise Damaged(f"{length:,} bytes announced at byte {at:,}, {len(data) - at:,} are left")
    budget.uncounted += length
    return at, at + length


def _payload(size: Reader) -> Reader:
    """Return a reader of what follows such a size: bytes, or a view of them if they are large."""

    def payload(data: bytes, at: int, budget: Budget) -> tuple[bytes | memoryview, int]:
        start, end = _read_size(size, data, at, budget)
        if end - start > LARGE:
            return memoryview(data)[start:end], end
        budget.spend(end - start)
        return data[start:end], end

    return payload


def _text(size: Reader) -> Reader:
    def long_text(data: bytes, at: int, budget: Budget) -> tuple[str, int]:
        start, end = _read_size(size, data, at, budget)
        budget.spend(end - start)
        octets = data[start:end]
        if not octets.isascii():
            # One letter beyond ASCII can make each of them take four bytes.
            budget.spend(4 * len(octets))
        return str(octets, "utf-8", "surrogatepass"), end

    return long_text


def _ascii(data: bytes, at: int, budget: Budget) -> tuple[str, int]:
    start, end = _read_size(_int32, data, at, budget)
    budget.spend(2 * (end - start))
    return text.ascii_text(data[start:end], at), end


def _constant(value: object) -> Reader:
    def constant(_data: bytes, at: int, _budget: Budget) -> tuple[object, int]:
        return value, at

    return constant


def _protocol(data: bytes, at: int, _: Budget) -> tuple[None, int]:
    if data[at] > HIGHEST_PROTOCOL:
        raise Refused("pickle", f"protocol {data[at]} is newer than this reader")
    return None, at + 1


def _frame(data: bytes, at: int, _: Budget) -> tuple[None, int]:
    length, at = _UINT64(data, at)[0], at + 8
    if at + length > len(data):
        raise Damaged(f"a frame of {length:,} bytes at byte {at:,}, {len(data) - at:,} are left")
    return None, at


def _never(what: str, why: str) -> Reader:
    def refuse(_data: bytes, _at: int, _budget: Budget) -> tuple[None, int]:
        raise Refused(what, why)

    return refuse


READERS: Final[dict[int, Reader]] = {
    ord("N"): _constant(None),
    0x88: _constant(True),
    0x89: _constant(False),
    ord(")"): _constant(()),
    ord("I"): text.decimal_or_bool,
    ord("L"): text.decimal,
    ord("F"): text.number,
    ord("S"): text.quoted,
    ord("V"): text.escaped_text,
    ord("c"): text.two_names,
    ord("i"): text.two_names,
    ord("g"): text.decimal,
    ord("p"): text.decimal,
    ord("J"): _int32,
    ord("K"): _uint8,
    ord("M"): _uint16,
    ord("G"): _double,
    ord("h"): _uint8,
    ord("j"): _uint32,
    ord("q"): _uint8,
    ord("r"): _uint32,
    ord("U"): _short_ascii,
    ord("T"): _ascii,
    ord("X"): _text(_uint32),
    ord("B"): _payload(_uint32),
    ord("C"): _short_bytes,
    0x8A: _short_integer,
    0x8B: _integer,
    0x8C: _short_text,
    0x8D: _text(_uint64),
    0x8E: _payload(_uint64),
    0x96: _payload(_uint64),
    0x80: _protocol,
    0x95: _frame,
    ord("P"): _never("persistent id", "stands for an object outside the file"),
    ord("Q"): _never("persistent id", "stands for an object outside the file"),
    0x82: _never("extension code", "names a global by a number of the writer's registry"),
    0x83: _never("extension code", "names a global by a number of the writer's registry"),
    0x84: _never("extension code", "names a global by a number of the writer's registry"),
    0x97: _never("out-of-band buffer", "its bytes are outside the file"),
    0x98: _never("out-of-band buffer", "its bytes are outside the file"),
}
