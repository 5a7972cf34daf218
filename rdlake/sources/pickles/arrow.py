"""Decode Arrow's text arrays from their buffers."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.names import refuse, word
from rdlake.sources.pickles.octets import as_bytes
from rdlake.sources.pickles.records import Record, record

_OFFSETS: Final = {"large_string": "<i8", "string": "<i4", "large_utf8": "<i8", "utf8": "<i4"}
PER_TEXT = 160


def read_arrow_texts(value: object, budget: Budget) -> list[str | None]:
    """Return the texts of an Arrow array or of its chunks; Refused for another type of elements."""
    found = record(value, "an Arrow array")
    if word(found) == "arrow chunks" and found.args and type(found.args[0]) is list:
        chunks = [read_arrow_texts(_one_array(chunk), budget) for chunk in found.args[0]]
        return [text for chunk in chunks for text in chunk]
    parts = found.args[0] if word(found) == "arrow array" and len(found.args) == 1 else None
    if type(parts) is not tuple or len(parts) < 6:
        raise refuse(found, "is no Arrow array of text")
    kind, length, _, offset, buffers = parts[:5]
    alias = kind.args[0] if type(kind) is Record and word(kind) == "arrow type" else None
    if type(alias) is not str or alias not in _OFFSETS:
        raise refuse(found, "an Arrow array of something other than text")
    if not all(type(n) is int and 0 <= n < 1 << 40 for n in (length, offset)):
        raise refuse(found, "an Arrow array of an impossible length")
    if type(buffers) is not list or len(buffers) != 3:
        raise refuse(found, "an Arrow array with other buffers")
    if not length:
        return []
    budget.spend(PER_TEXT * length)
    bounds = _bounds(found, buffers[1], _OFFSETS[alias], offset, length, budget)
    present = _present(found, buffers[0], offset, length, budget)
    return _texts(found, buffers[2], bounds, present, budget)


def _one_array(chunk: object) -> object:
    if word(chunk) == "arrow chunks":
        raise refuse(chunk, "chunks within chunks")
    return chunk


def _bounds(
    found: Record, buffer: object, code: str, offset: int, length: int, budget: Budget
) -> NDArray[np.int64]:
    octets = as_bytes(buffer, budget)
    if (offset + length + 1) * np.dtype(code).itemsize > len(octets):
        raise refuse(found, "an Arrow array that ends early")
    every = np.frombuffer(octets, code, count=offset + length + 1)[offset:].astype(np.int64)
    if every[0] < 0 or (np.diff(every) < 0).any():
        raise refuse(found, "an Arrow array whose texts overlap")
    return every


def _present(
    found: Record, buffer: object, offset: int, length: int, budget: Budget
) -> NDArray[np.bool_]:
    if buffer is None:
        return np.ones(length, np.bool_)
    octets = as_bytes(buffer, budget)
    if len(octets) * 8 < offset + length:
        raise refuse(found, "an Arrow array that ends early")
    first, stop = offset // 8, (offset + length + 7) // 8
    bits = np.unpackbits(np.frombuffer(octets, np.uint8)[first:stop], bitorder="little")
    return bits[offset % 8 : offset % 8 + length].astype(np.bool_)


def _texts(
    found: Record,
    buffer: object,
    bounds: NDArray[np.int64],
    present: NDArray[np.bool_],
    budget: Budget,
) -> list[str | None]:
    octets = b"" if buffer is None else as_bytes(buffer, budget)
    if bounds[-1] > len(octets):
        raise refuse(found, "an Arrow array that ends early")
    budget.spend(4 * int(bounds[-1] - bounds[0]))
    places = bounds.tolist()
    try:
        return [
            str(octets[places[i] : places[i + 1]], "utf-8") if there else None
            for i, there in enumerate(present.tolist())
        ]
    except UnicodeDecodeError as error:
        raise refuse(found, "text that is not UTF-8") from error
