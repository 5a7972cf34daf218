"""A digest over an owner's rows changes with every value, and with nothing else."""

from __future__ import annotations

import json
import random
import struct
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import polars as pl
import pytest

from rdlake.operations.archive.digests import bytes_by_owner
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import Table
from rdlake.schema.tables.schema import (
    BOOL,
    DATE,
    FIGURES,
    INT,
    REAL,
    TEXT,
    TEXTS,
    TIME,
    Column,
)

ENTRY = Table(
    name="things",
    meaning="for this test",
    key=("workspace_id", "number"),
    columns=(
        Column("workspace_id", TEXT, ""),
        Column("number", INT, ""),
        Column("word", TEXT, ""),
        Column("words", TEXTS, ""),
        Column("figures", FIGURES, ""),
        Column("real", REAL, ""),
        Column("told", BOOL, ""),
        Column("day", DATE, ""),
        Column("moment", TIME, ""),
        Column("seen", TIME, "", clock=True),
    ),
)
FIRST: dict[str, Any] = {
    "workspace_id": "a", "number": 1, "word": "盘", "words": ["x", None], "figures": {"ic": 0.5},
    "real": 0.25, "told": True, "day": date(2020, 1, 2), "moment": datetime(2020, 1, 2, 3, 4, 5, 6),
    "seen": datetime(2021, 1, 1),
}  # fmt: skip
ROWS: list[dict[str, Any]] = [
    FIRST,
    {**FIRST, "number": 2, "real": None, "told": None, "day": None, "moment": None},
    {**FIRST, "number": 3, "word": None, "words": [], "figures": None, "real": float("nan")},
    {**FIRST, "workspace_id": "b", "number": 1},
    {"workspace_id": "c", "number": None},
]
OTHERS: dict[str, list[Any]] = {
    "number": [0, 9, None],
    "word": ["", "盤", None, '"'],
    "words": [[], ["x"], ["x", ""], None],
    "figures": [{}, {"ic": 0.25}, {"rank": 0.5}, None],
    "real": [0.0, -0.25, 0.25000000000000006, float("nan"), float("inf"), None],
    "told": [False, None],
    "day": [date(1970, 1, 1), None],
    "moment": [datetime(1970, 1, 1), datetime(2020, 1, 2, 3, 4, 5, 7), None],
}


def digests(rows: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for owner, parts in bytes_by_owner(ENTRY, frame_of(ENTRY, rows)):
        digest = sha256()
        for part in parts:
            digest.update(part)
        found[owner] = digest.hexdigest()
    return found


def test_neither_order_nor_company_nor_clocks_matter() -> None:
    expected = digests(ROWS)
    assert list(expected) == ["a", "b", "c"]
    for seed in range(5):
        assert digests(random.Random(seed).sample(ROWS, len(ROWS))) == expected
    later = [{**row, "seen": datetime(2026, 1, 1)} for row in ROWS]
    assert digests(later) == expected
    for owner in "abc":
        mine = [row for row in ROWS if row["workspace_id"] == owner]
        assert digests(mine) == {owner: expected[owner]}


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_value_gives_another_digest_of_its_owner_alone(name: str) -> None:
    before = digests(ROWS)
    seen = [before["a"]]
    for value in OTHERS[name]:
        now = digests([{**FIRST, name: value}, *ROWS[1:]])
        assert {key: now[key] for key in "bc"} == {key: before[key] for key in "bc"}
        seen.append(now["a"])
    assert len(set(seen)) == len(seen)


def test_rows_that_come_twice_or_go_give_another_digest() -> None:
    assert len({digests(rows)["a"] for rows in (ROWS, ROWS[1:], [FIRST, *ROWS])}) == 3


def test_the_digest_is_of_the_bytes_that_the_documentation_says() -> None:
    """Written by hand: columns and number, words run by run, whole figures, others, nulls."""
    entry = Table(
        name="small",
        meaning="",
        key=("workspace_id", "number"),
        columns=(
            Column("workspace_id", TEXT, ""),
            Column("number", INT, ""),
            Column("real", REAL, ""),
        ),
    )
    rows = [
        {"workspace_id": "a", "number": 2, "real": 0.5},
        {"workspace_id": "a", "number": 1, "real": None},
    ]
    head = json.dumps(["small", ["workspace_id"], ["number"], ["real"]]).encode() + b" 2\n"
    line = b'{"len":2,"value":{"workspace_id":"a"}}\n'
    figures = struct.pack("<qqdd", 1, 2, 0.0, 0.5) + bytes([0, 1, 0, 0])
    ((owner, parts),) = bytes_by_owner(entry, frame_of(entry, rows))
    assert owner == "a" and b"".join(map(bytes, parts)) == head + line + figures
    assert not list(bytes_by_owner(entry, pl.DataFrame(schema=frame_of(entry, rows).schema)))
