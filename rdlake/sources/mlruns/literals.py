"""Parse the Python literals in mlflow's parameters with our own parser; nothing is run."""

from __future__ import annotations

import datetime
import re

from rdlake.sources.formats.unreadable import Unreadable

MAX_LENGTH = 256 << 10
MAX_DEPTH = 40
MAX_DIGITS = 400

_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9.]*")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\n": "", "0": "\0"}
_WORDS: dict[str, object] = {
    "None": None, "True": True, "False": False, "nan": float("nan"), "inf": float("inf"),
}  # fmt: skip
_TIMES = {"datetime.date": 3, "datetime.datetime": 7, "Timestamp": 1}


def read_literal(text: str) -> object:
    """Return None, a bool, number, text, date or time, or a list, tuple or dict of them.

    Unreadable for anything else: a call, a name or an operator is never evaluated.
    """
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"longer than {MAX_LENGTH:,} letters")
    parser = _LiteralParser(text)
    value = parser.parse_value(MAX_DEPTH)
    parser.skip()
    if parser.at != len(text):
        raise Unreadable(f"something follows at letter {parser.at + 1}")
    return value


class _LiteralParser:
    """Hold the text and the place that was reached in it."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def next_is(self, letter: str) -> bool:
        """Return whether the next letter is this one, and step over it if so."""
        self.skip()
        if not self.text.startswith(letter, self.at):
            return False
        self.at += 1
        return True

    def expect(self, letter: str) -> None:
        if not self.next_is(letter):
            raise Unreadable(f"no {letter!r} at letter {self.at + 1}")

    def parse_value(self, depth: int) -> object:
        if depth < 0:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels")
        if self.next_is("["):
            return self.parse_values("]", depth)[0]
        if self.next_is("("):
            values, has_comma = self.parse_values(")", depth)
            return tuple(values) if has_comma or not values else values[0]
        if self.next_is("{"):
            return self.parse_dict(depth)
        self.skip()
        if self.text.startswith(("'", '"'), self.at):
            return self.parse_text()
        if found := _NUMBER.match(self.text, self.at):
            self.at = found.end()
            return _parse_number(found[0])
        return self.parse_word(depth)

    def parse_values(self, end: str, depth: int) -> tuple[list[object], bool]:
        """Return the values up to the end, and whether there was a comma."""
        values: list[object] = []
        has_comma = False
        while not self.next_is(end):
            values.append(self.parse_value(depth - 1))
            if not self.next_is(","):
                self.expect(end)
                break
            has_comma = True
        return values, has_comma

    def parse_dict(self, depth: int) -> object:
        if self.next_is("}"):
            return {}
        pairs: dict[object, object] = {}
        first = self.parse_key(depth)
        if not self.next_is(":"):
            raise Unreadable("a set, which has no order")
        pairs[first] = self.parse_value(depth - 1)
        while self.next_is(","):
            if self.next_is("}"):
                return pairs
            name = self.parse_key(depth)
            self.expect(":")
            pairs[name] = self.parse_value(depth - 1)
        self.expect("}")
        return pairs

    def parse_key(self, depth: int) -> object:
        name = self.parse_value(depth - 1)
        if name is not None and not isinstance(name, str | int | float | datetime.date):
            raise Unreadable("a key that is no word, number or date")
        return name

    def parse_text(self) -> str:
        mark = self.text[self.at]
        end = self.at + 1
        while end < len(self.text) and self.text[end] != mark:
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise Unreadable("a text that does not end")
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return _ESCAPE.sub(_unescape, inside) if "\\" in inside else inside

    def parse_word(self, depth: int) -> object:
        found = _WORD.match(self.text, self.at)
        if not found:
            raise Unreadable(f"no value at letter {self.at + 1}")
        if found[0] in _WORDS:
            self.at = found.end()
            return _WORDS[found[0]]
        if found[0] not in _TIMES:
            raise Unreadable("a name or call that is not read")
        self.at = found.end()
        self.expect("(")
        parts, _ = self.parse_values(")", depth)
        return _build_time(found[0], parts)


def _parse_number(text: str) -> int | float:
    digits = text.replace("_", "")
    if len(digits) > MAX_DIGITS:
        raise Unreadable(f"a number of more than {MAX_DIGITS} digits")
    try:
        if not digits.lstrip("+-").isdecimal():
            return float(digits)
        if digits.lstrip("+-").startswith("0") and int(digits):
            raise Unreadable("a number that begins with 0")
        return int(digits)
    except ValueError as error:
        raise Unreadable("no number") from error


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) > 1:
        place = int(code[1:], 16)
        if place > 0x10FFFF or 0xD800 <= place < 0xE000:
            raise Unreadable("a letter that does not exist")
        return chr(place)
    return _ESCAPED.get(code, code)


def _build_time(name: str, parts: list[object]) -> object:
    try:
        if name == "Timestamp":
            (text,) = parts
            if not isinstance(text, str):
                raise Unreadable("a time that is no text")
            return datetime.datetime.fromisoformat(text)
        numbers = [part for part in parts if type(part) is int]
        if len(numbers) != len(parts) or not 3 <= len(numbers) <= _TIMES[name]:
            raise Unreadable("a date that is not of numbers")
        year, month, day, hour, minute, second, micro = [*numbers, 0, 0, 0, 0][:7]
        if name == "datetime.date":
            return datetime.date(year, month, day)
        return datetime.datetime(year, month, day, hour, minute, second, micro)
    except (ValueError, OverflowError) as error:
        raise Unreadable("no date of the calendar") from error
