"""Check that JSON is read as plain values, or refused with the reason."""

from __future__ import annotations

import time

import pytest

from rdlake.sources.formats.json_text import MAX_BYTES, read_json
from rdlake.sources.formats.unreadable import Unreadable


def test_plain_values_are_themselves() -> None:
    data = '{"a": [1, 2.5, true, null, "动量"], "b": {}}'.encode()
    assert read_json(data) == {"a": [1, 2.5, True, None, "动量"], "b": {}}


def test_a_byte_order_mark_is_none_of_the_text() -> None:
    assert read_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400])
def test_what_is_no_finite_number_is_unknown(number: str) -> None:
    assert read_json(f'{{"a": {number}}}'.encode()) == {"a": None}


def test_a_huge_integer_is_kept_exactly() -> None:
    assert read_json(b"123456789012345678901234567890") == 123456789012345678901234567890


def test_half_of_a_surrogate_pair_can_be_stored() -> None:
    assert read_json(rb'["\ud83d\ude00", "\ud83d"]') == ["😀", "\\ud83d"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"a": 1', "line 1"),
        (b"{'a': 1}", "no JSON"),
        (b'{"a": 1} x', "Extra data"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"x": {"a": 1, "a": 1}}', "'a' comes twice"),
        (b"[" * 100_000 + b"]" * 100_000, "deeper than"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "deeper than"),
        (b" " * (MAX_BYTES + 1), "larger than 4 MiB"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_json(data)


def test_brackets_in_a_text_are_no_depth() -> None:
    text = "[{" * 1000
    assert read_json(f'["{text}", "\\"{text}"]'.encode()) == [text, f'"{text}']


@pytest.mark.parametrize("piece", [b'"', b'\\"', b'"\\', b"[", b'{"a":'])
def test_hostile_repetition_takes_no_time(piece: bytes) -> None:
    begun = time.monotonic()
    with pytest.raises(Unreadable):
        read_json(piece * (MAX_BYTES // len(piece)))
    assert time.monotonic() - begun < 10
