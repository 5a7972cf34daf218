"""Read the arguments of the text opcodes of protocol 0, strictly: one line each."""

from __future__ import annotations

import re
from codecs import decode

from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.refusal import Damaged, Refused

LONGEST_LINE = 16 << 20
LONGEST_INTEGER = 1_024
_DECIMAL = re.compile(rb"-?[0-9]+L?")
_FLOAT = re.compile(rb"[+-]?(?:inf|nan|[0-9]+\.?[0-9]*(?:e[+-]?[0-9]+)?)", re.IGNORECASE)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\\'\"abfnrtv\n])")
_ESCAPED = {
    b"\\": b"\\", b"'": b"'", b'"': b'"', b"a": b"\a", b"b": b"\b", b"f": b"\f",
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"\n": b"",
}  # fmt: skip


def line(data: bytes, at: int, budget: Budget) -> tuple[bytes, int]:
    """Return the bytes up to the next line feed, and where the next opcode stands."""
    end = data.find(b"\n", at, at + LONGEST_LINE)
    if end < 0:
        raise Damaged(f"a line that begins at byte {at:,} does not end")
    if end - at > 255:
        budget.spend(4 * (end - at))
        budget.uncounted += end - at
    return data[at:end], end + 1


def decimal(data: bytes, at: int, budget: Budget) -> tuple[int, int]:
    """Return a decimal integer, with or without Python 2's L."""
    digits, after = line(data, at, budget)
    if len(digits) > LONGEST_INTEGER:
        raise Refused("int", f"an integer of {len(digits):,} digits")
    if not _DECIMAL.fullmatch(digits):
        raise Damaged(f"no integer at byte {at:,}")
    return int(digits.rstrip(b"L")), after


def decimal_or_bool(data: bytes, at: int, budget: Budget) -> tuple[int, int]:
    """Return what INT holds: an integer, or a bool spelled 00 or 01."""
    value, after = decimal(data, at, budget)
    spelled = data[at : after - 1]
    return (spelled == b"01", after) if spelled in (b"00", b"01") else (value, after)


def number(data: bytes, at: int, budget: Budget) -> tuple[float, int]:
    """Return a float spelled as `repr` does."""
    spelled, after = line(data, at, budget)
    if len(spelled) > LONGEST_INTEGER or not _FLOAT.fullmatch(spelled):
        raise Damaged(f"no float at byte {at:,}")
    return float(spelled), after


def ascii_text(octets: bytes, at: int) -> str:
    """Return a byte string of Python 2 as text, which it must be."""
    try:
        return octets.decode("ascii")
    except UnicodeDecodeError as error:
        raise Refused("str", f"bytes of Python 2 at byte {at:,} that are no ASCII text") from error


def quoted(data: bytes, at: int, budget: Budget) -> tuple[str, int]:
    """Return what STRING holds: a quoted, escaped byte string of Python 2."""
    spelled, after = line(data, at, budget)
    if len(spelled) < 2 or spelled[:1] != spelled[-1:] or spelled[:1] not in (b"'", b'"'):
        raise Damaged(f"no quoted string at byte {at:,}")
    return ascii_text(_ESCAPE.sub(_unescape, spelled[1:-1]), at), after


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code in _ESCAPED:
        return _ESCAPED[code]
    value = int(code[1:], 16) if code[:1] == b"x" else int(code, 8)
    return bytes([value & 255])


def escaped_text(data: bytes, at: int, budget: Budget) -> tuple[str, int]:
    """Return what UNICODE holds: text in the raw-unicode-escape encoding."""
    spelled, after = line(data, at, budget)
    try:
        return decode(spelled, "raw-unicode-escape"), after
    except UnicodeDecodeError as error:
        raise Damaged(f"no text at byte {at:,}") from error


def two_names(data: bytes, at: int, budget: Budget) -> tuple[tuple[str, str], int]:
    """Return the module and the name that GLOBAL and INST ask for."""
    module, at = line(data, at, budget)
    name, after = line(data, at, budget)
    try:
        return (module.decode(), name.decode()), after
    except UnicodeDecodeError as error:
        raise Damaged(f"a global at byte {at:,} whose name is no text") from error
