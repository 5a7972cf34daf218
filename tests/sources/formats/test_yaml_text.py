"""Check that YAML gives plain values or a reason."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest
import yaml

from rdlake.sources.formats import yaml_text
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.yaml_text import MAX_BYTES, read_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 20)}]}}\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


def refusal(text: bytes | str) -> str:
    with pytest.raises(Unreadable) as caught:
        read_yaml(text if isinstance(text, bytes) else text.encode())
    assert len(str(caught.value)) < 400
    return str(caught.value)


def test_anchors_dates_and_numbers_are_values() -> None:
    text = "m: &m csi300\nd: 2017-07-01\nn: [1, 0.5, null, true]\nuse: {instruments: *m}\n"
    assert read_yaml(text.encode()) == {
        "m": "csi300",
        "d": datetime.date(2017, 7, 1),
        "n": [1, 0.5, None, True],
        "use": {"instruments": "csi300"},
    }
    assert read_yaml(b"") is None
    assert read_yaml("\ufeff市场: 沪深300".encode()) == {"市场": "沪深300"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("n_epochs: {{ n_epochs }}", "Jinja"),
        ("{% if step_len %}\na: 1\n{% endif %}", "Jinja"),
        (b"\xff\xfea", "not UTF-8"),
        (b"a: b\x00", "plain values"),
        (bytes(MAX_BYTES + 1), "larger than"),
        ("a: [1", "plain values"),
        ("a: *nothing", "plain values"),
        ("a: 1\n---\nb: 2", "plain values"),
        ("!!python/object/apply:os.system [touch PWNED]", "plain values"),
        ("!!python/name:os.system x", "plain values"),
        ("!mine x", "plain values"),
        ("? [1, 2]\n: 3", "plain values"),
        ("!!int x", "does not fit its tag"),
        ("!!timestamp x", "does not fit its tag"),
        ("!!bool x", "does not fit its tag"),
        ("2017-02-30", "does not fit its tag"),
        ("[" * 50 + "]" * 50, "nested deeper"),
        ("- " * 100_000 + "x", "nested deeper"),
        ("{ " * 100_000, "nested deeper"),
        ("a: &a [*a]", "part of itself"),
        ("a: &a {b: *a}", "part of itself"),
        (BOMB, "expand"),
        (MERGES, "expand"),
        ("[" + "1," * 150_000 + "]", "more than"),
    ],
)
def test_anything_else_is_refused_soon(text: bytes | str, reason: str) -> None:
    before = time.thread_time()
    assert reason in refusal(text)
    assert time.thread_time() - before < 5
    assert not list(Path.cwd().glob("PWNED"))


def test_only_safe_tags_are_known() -> None:
    assert issubclass(yaml_text._Loader, (yaml.CSafeLoader, yaml.SafeLoader))
