"""Check which Python literals in mlflow's parameters are read, and that nothing else is."""

from __future__ import annotations

import contextlib
import datetime
import math
import time

import pytest

from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.mlruns.literals import MAX_LENGTH, read_literal


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-2.5e-3", -0.0025),
        ("1_000", 1000),
        (".5", 0.5),
        ("None", None),
        ("True", True),
        ("False", False),
        ("inf", math.inf),
        ("'a'", "a"),
        ('"it\'s"', "it's"),
        (r"'a\n\t\\\'\x41\u4e2d'", "a\n\t\\'A中"),
        ("'沪深300'", "沪深300"),
        ("[]", []),
        ("()", ()),
        ("(1,)", (1,)),
        ("(1)", 1),
        ("[1, 2,]", [1, 2]),
        ("{}", {}),
        ("{'a': [1, {'b': None}], 2: (3, 4)}", {"a": [1, {"b": None}], 2: (3, 4)}),
        (" [ 1 ,\n 2 ] ", [1, 2]),
        (
            "[datetime.date(2017, 7, 1), datetime.date(2018, 6, 29)]",
            [datetime.date(2017, 7, 1), datetime.date(2018, 6, 29)],
        ),
        ("datetime.datetime(2017, 7, 1, 9, 30)", datetime.datetime(2017, 7, 1, 9, 30)),
        ("Timestamp('2017-07-01 00:00:00')", datetime.datetime(2017, 7, 1)),
    ],
)
def test_a_literal_gives_its_value(text: str, value: object) -> None:
    assert read_literal(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "csi300",
        "2017-07-01",
        "1 2",
        "000300",
        "1 + 1",
        "-",
        "'open",
        "'",
        "[1, 2",
        "[1 2]",
        "[,]",
        "{'a'}",
        "{'a': }",
        "{[1]: 2}",
        "{(1, 2): 2}",
        "f'{1}'",
        "b'x'",
        "'a' 'b'",
        "__import__('os')",
        "__import__('os').system('touch PWNED')",
        "[().__class__.__base__]",
        "os.system('touch PWNED')",
        "eval('1')",
        "datetime.date(2017, 2, 30)",
        "datetime.date(2017, 7)",
        "datetime.date(__import__('os'), 7, 1)",
        "datetime.date('2017', 7, 1)",
        "datetime.date(10**99, 7, 1)",
        "datetime.timedelta(1)",
        "datetime.datetime.now()",
        "Timestamp(1)",
        "Timestamp()",
        "Timestamp('now')",
        "lambda: 1",
        "[x for x in ()]",
        "1 if 1 else 2",
        r"'\ud800'",
        r"'\U00110000'",
        "9" * 1000,
        "[{'class': 'A', 'kwa",
    ],
)
def test_what_is_no_literal_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_literal(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "(" * 100_000,
        "{'a':" * 50_000,
        "-" * 100_000 + "1",
        "[" + "1," * (MAX_LENGTH // 2 - 2) + "]",
        "'" + "\\" * MAX_LENGTH,
        "'" + "\\\\" * 100_000,
        "datetime.date(" * 1000,
    ],
    ids=range(8),
)
def test_a_large_or_deep_text_ends_soon(text: str) -> None:
    before = time.thread_time()
    with contextlib.suppress(Unreadable):
        read_literal(text)
    assert time.thread_time() - before < 2
