"""Decode byte strings as each protocol spells them, and numpy's element types."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np

from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.names import is_word, refuse, word
from rdlake.sources.pickles.records import Record, record

_CODE: Final = re.compile(r"b1|[iu][1248]|f[248]|c8|c16|[US][1-9][0-9]{0,4}|O|O4|O8|[Mm]8")
_UNITS: Final = frozenset({b"D", b"h", b"m", b"s", b"ms", b"us", b"ns"})


def as_bytes(value: object, budget: Budget) -> bytes | memoryview:
    """Return a byte string, also one spelled by the protocols before it had an opcode."""
    if type(value) is bytes or type(value) is memoryview:
        return value
    found = record(value, "a byte string")
    args, name = found.args, word(found)
    if name in ("bytes", "bytearray", "arrow buffer") and len(args) <= 1:
        return as_bytes(args[0], budget) if args else b""
    if name == "encoded" and len(args) == 2 and type(args[0]) is str and args[1] == "latin1":
        budget.spend(len(args[0]))
        try:
            return args[0].encode("latin-1")
        except UnicodeEncodeError as error:
            raise refuse(value, "is no byte string") from error
    raise refuse(value, "is no byte string")


def as_dtype(value: object, budget: Budget) -> np.dtype[Any]:
    """Return the element type: bool, int, float, complex, text, bytes, time or object."""
    found = record(value, "an element type")
    code = found.args[0] if is_word(found, "dtype") and found.args else None
    if type(code) is not str or not _CODE.fullmatch(code):
        raise refuse(found, f"an element type {code!r:.40} is not read")
    order, unit = _details(found, budget)
    if code in ("O", "O4", "O8"):
        return np.dtype(object)
    if code in ("M8", "m8"):
        return np.dtype(f"{order}{code}[{unit.decode()}]")
    return np.dtype(f"{order}{code}")


def _details(found: Record, budget: Budget) -> tuple[str, bytes]:
    """Return byte order and time unit; refuse fields, subarrays and units of several steps."""
    state, code = found.state, found.args[0]
    timed = code in ("M8", "m8")
    if state is None and not timed:
        return "<", b""
    if type(state) is not tuple or len(state) < 5 or state[1] not in ("<", ">", "|"):
        raise refuse(found, "an element type with a state of another kind")
    if any(part is not None for part in state[2:5]):
        raise refuse(found, "a structured element type")
    if not timed:
        return state[1], b""
    unit = state[8] if len(state) > 8 else None
    if type(unit) is not tuple or len(unit) != 2 or type(unit[1]) is not tuple:
        raise refuse(found, "a time without a unit")
    name, *steps = unit[1]
    octets = as_bytes(name, budget)
    if type(octets) is not bytes or octets not in _UNITS or steps != [1, 1, 1]:
        raise refuse(found, f"a time in units of {octets!r:.20}")
    return state[1], octets
