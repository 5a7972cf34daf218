"""Encode pickles opcode by opcode, of objects whose classes are not installed.

A pickle is made of a tree of plain values, `Name`s (a class or function), `Call`s and `Instance`s.
An object that comes again is written as a reference, as pickle does it.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

MAGIC = b"RDAGENT_SIGNED_PICKLE_V1\n"

_FRAME, _STOP, _MARK, _MEMOIZE = b"\x95", b".", b"(", b"\x94"
_REDUCE, _NEWOBJ, _BUILD, _STACK_GLOBAL = b"R", b"\x81", b"b", b"\x93"
_OPEN = object()
_TUPLES = {0: b")", 1: b"\x85", 2: b"\x86", 3: b"\x87"}


@dataclass(frozen=True, slots=True)
class Name:
    """Name a class or function by its module and name."""

    module: str
    name: str

    @classmethod
    def of(cls, qualified: str) -> Name:
        """Return the name for `module.name`."""
        module, _, name = qualified.rpartition(".")
        return cls(module, name)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Describe what a function makes of arguments, and the state set on it."""

    of: Name
    args: tuple[object, ...] = ()
    state: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """Describe an object of a class by its attributes."""

    of: Name
    attributes: Mapping[str, object] = field(default_factory=dict)


def encode_pickle(value: object, protocol: int) -> bytes:
    """Return the pickle of a tree of values in protocol 4 or 5; raise TypeError for another
    value."""
    writer = _Writer()
    writer.put(value)
    body = bytes(writer.out) + _STOP
    return bytes([0x80, protocol]) + _FRAME + struct.pack("<Q", len(body)) + body


def sign_pickle(pickle: bytes, key: bytes) -> bytes:
    """Return the pickle in the signed envelope of RD-Agent 1.0."""
    return MAGIC + hmac.digest(key, pickle, "sha256") + pickle


class _Writer:
    """Collect the opcodes, and what can be referred to: texts by value, all else by identity."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.places: dict[object, int] = {}
        self.kept: list[object] = []

    def put(self, value: object) -> None:
        if value is None or isinstance(value, bool | int | float):
            self.out += _plain(value)
        elif (place := self.places.get(_key(value))) is not None:
            self.out += b"h" + bytes([place]) if place < 256 else b"j" + struct.pack("<I", place)
        else:
            self._new(value)

    def _new(self, value: object) -> None:
        match value:
            case str() | bytes() | bytearray():
                self.out += _octets(value)
                self._remember(value)
            case Name():
                self._each((value.module, value.name), _STACK_GLOBAL)
                self._remember(value)
            case tuple():
                self.out += _MARK if len(value) > 3 else b""
                self._each(value, _TUPLES.get(len(value), b"t"))
                self._remember(value)
            case list():
                self._begun(value, b"]")
                self._each([_OPEN, *value], b"e")
            case dict():
                self._begun(value, b"}")
                self._each([_OPEN, *chain.from_iterable(value.items())], b"u")
            case Call():
                self._each((value.of, value.args), _REDUCE)
                self._remember(value)
                self._state(value.state)
            case Instance():
                self._each((value.of,), b")" + _NEWOBJ)
                self._remember(value)
                self._state(dict(value.attributes))
            case _:
                raise TypeError(f"no pickle is written of a {type(value).__name__}")

    def _begun(self, value: object, empty: bytes) -> None:
        """Write an empty container, which its own parts can refer to."""
        self.out += empty
        self._remember(value)

    def _state(self, state: object) -> None:
        if state is not None:
            self._each((state,), _BUILD)

    def _each(self, parts: Iterable[object], then: bytes) -> None:
        for part in parts:
            if part is _OPEN:
                self.out += _MARK
            else:
                self.put(part)
        self.out += then

    def _remember(self, value: object) -> None:
        self.out += _MEMOIZE
        self.places[_key(value)] = len(self.places)
        # As long as it is kept, no other object can have its identity.
        self.kept.append(value)


def _key(value: object) -> object:
    return value if isinstance(value, str | Name) else id(value)


def _plain(value: bool | int | float | None) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    size = (value.bit_length() + 8) // 8
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def _octets(value: str | bytes | bytearray) -> bytes:
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)
    if isinstance(value, bytearray):
        return b"\x96" + struct.pack("<Q", len(octets)) + octets
    return (b"X" if isinstance(value, str) else b"B") + struct.pack("<I", len(octets)) + octets
