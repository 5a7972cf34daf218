"""A table or its notes that are not as they should be: refused with what, where and the fix, and
nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rdlake.errors import BadInput
from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.ingest.external.tables import table, versions

Write = Callable[[Path], object]


def parquet(*change: Callable[[pl.DataFrame], pl.DataFrame]) -> tuple[str, Write]:
    def write(path: Path) -> None:
        frame = table("A", "B")
        for each in change:
            frame = each(frame)
        frame.write_parquet(path)

    return "t.parquet", write


def csv(text: str | bytes) -> tuple[str, Write]:
    data = text.encode() if isinstance(text, str) else text
    return "t.csv", lambda path: path.write_bytes(data)


ROW = "2020-01-01,SH600000,1\n2020-01-01,SH600001,2\n"
REFUSED: dict[str, tuple[tuple[str, Write], str]] = {
    "a column of words": (
        parquet(lambda frame: frame.with_columns(note=pl.lit("x"))),
        "'note' is of type",
    ),
    "a label": (
        parquet(lambda frame: frame.rename({"B": "('label', 'LABEL0')"})),
        "label.*is no factor",
    ),
    "a column name that is no factor's": (
        parquet(lambda frame: frame.rename({"B": "('other', 'B', 'C')"})),
        "is no factor's name",
    ),
    "one factor by two columns": (
        parquet(lambda frame: frame.rename({"B": "('feature', 'A')"})),
        "'A' comes twice",
    ),
    "no datetime": (parquet(lambda frame: frame.drop("datetime")), "no column of days"),
    "no instrument": (
        parquet(lambda frame: frame.drop("instrument")),
        "no column of instruments",
    ),
    "neither": (parquet(lambda frame: frame.select("A", "B")), "no column of days"),
    "keys alone": (
        parquet(lambda frame: frame.select("datetime", "instrument")),
        "no factor column",
    ),
    "not a row": (parquet(lambda frame: frame.head(0)), "not a single row"),
    "all null": (
        parquet(lambda frame: frame.with_columns(B=pl.lit(None, pl.Float64))),
        "not a single finite value is in the column B",
    ),
    "all infinite": (
        parquet(lambda frame: frame.with_columns(B=pl.lit(float("inf")))),
        "not a single finite value is in the column B",
    ),
    "a row twice": (
        parquet(lambda frame: pl.concat([frame, frame.head(1)])),
        "1 rows have the day and instrument of another row.*SH600000 on 2020-01-01",
    ),
    "one instrument by two codes": (
        parquet(
            lambda frame: pl.concat(
                [frame, frame.head(1).with_columns(instrument=pl.lit("600000.SH"))]
            )
        ),
        "1 rows have the day and instrument of another row",
    ),
    "a row without a day": (
        parquet(lambda frame: frame.with_columns(datetime=pl.lit(None, pl.Date))),
        "a row without a day",
    ),
    "a row without an instrument": (
        parquet(lambda frame: frame.with_columns(instrument=pl.lit(None, pl.String))),
        "a row without an instrument",
    ),
    "times of day": (
        parquet(
            lambda frame: frame.with_columns(
                pl.col("datetime").cast(pl.Datetime("us")) + pl.duration(hours=9)
            )
        ),
        "times of day",
    ),
    "midnights of another time zone": (
        parquet(
            lambda frame: frame.with_columns(
                pl.col("datetime")
                .cast(pl.Datetime("us"))
                .dt.replace_time_zone("Asia/Shanghai")
                .dt.convert_time_zone("UTC")
            )
        ),
        "times of day",
    ),
    "days far away": (
        parquet(lambda frame: frame.with_columns(datetime=pl.lit(date(9000, 1, 1)))),
        "days outside of",
    ),
    "keys that were mistaken for each other": (
        csv("instrument,datetime,A\n" + ROW),
        "a row without a day",
    ),
    "codes as numbers": (
        parquet(lambda frame: frame.with_columns(instrument=pl.lit(600000))),
        "not by day and instrument",
    ),
    "no Parquet": (("t.parquet", lambda path: path.write_bytes(b"PAR1 no")), "Parquet"),
    "empty Parquet": (("t.parquet", lambda path: path.write_bytes(b"")), "Parquet"),
    "another kind of file": (("t.xlsx", lambda path: path.write_bytes(b"x")), "neither"),
    "a folder": (("t.csv", lambda path: path.mkdir()), "cannot be read"),
    "nothing there": (("t.csv", lambda path: None), "cannot be read"),
    "empty CSV": (csv(""), "empty"),
    "a header alone": (csv("datetime,instrument,A\n"), "not a single row"),
    "Chinese keys": (csv("日期,代码,A\n" + ROW), "no column of days, 'datetime'"),
    "a column twice": (csv("datetime,instrument,A,A\n2020-01-01,a,1,2\n"), "'A'"),
    "words for numbers": (csv("datetime,instrument,A\n2020-01-01,SH600000,high\n"), "high"),
    "rows of another length": (csv("datetime,instrument,A\n2020-01-01,SH600000\n"), "columns"),
    "another coding": (
        csv("datetime,instrument,动量\n2020-01-01,a,1\n".encode("gbk")),
        "cannot be read",
    ),
    "days in another spelling": (
        csv("datetime,instrument,A\n20200101,SH600000,1\n"),
        "a row without a day",
    ),
    "text with zones": (
        csv("datetime,instrument,A\n2020-01-01T00:00:00+08:00,SH600000,1\n"),
        "a row without a day",
    ),
}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init_store(tmp_path / "lake")


@pytest.mark.parametrize(("written", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_bad_table_is_refused_whole(
    lake: Lake, tmp_path: Path, written: tuple[str, Write], reason: str
) -> None:
    path = tmp_path / written[0]
    written[1](path)
    before = versions(lake)
    with pytest.raises(BadInput, match=reason) as error:
        Library(lake).add_factors(path)
    assert path.name in error.value.where
    assert error.value.fix
    assert versions(lake) == before


BAD_NOTES: dict[str, tuple[str, str]] = {
    "a key that is not known": ("author: me\n", "'author', which is not known"),
    "one of a factor": ("factors: {A: {formula: x}, B: {}}\n", "'formula', which is not known"),
    "a factor that is not there": ("factors: {A: {}, B: {}, C: {}}\n", "names 'C', which the"),
    "a column that is not named": ("factors: {A: {}}\n", "column 'B' is not known"),
    "a number for a text": ("freq: 1\n", "freq is not what it should be"),
    "text for tags": ("tags: momentum\n", "tags is not what"),
    "numbers for meanings": ("factors: {A: {variables: {x: 1}}, B: {}}\n", "variables.x is not"),
    "a list": ("- A\n", "the file is not what"),
    "a list of factors": ("factors: [A, B]\n", "factors is not what"),
    "an object of Python": ("region: !!python/object:os.system {}\n", "cannot be used"),
    "a call of Python": ("region: !!python/object/apply:os.system ['x']\n", "cannot be used"),
    "a template": ("region: {{ region }}\n", "Jinja"),
    "a bomb": (
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        "expand to more",
    ),
    "deeper than any": ("region: " + "[" * 5_000, "deeper"),
    "larger than any": ("# " + "x" * (2 << 20), "larger than"),
    "no text": ("region: \x00\n", "cannot be used"),
}


@pytest.mark.parametrize(("text", "reason"), BAD_NOTES.values(), ids=BAD_NOTES)
def test_bad_notes_are_refused_with_the_table(
    lake: Lake, tmp_path: Path, text: str, reason: str
) -> None:
    table("A", "B").write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.yaml").write_text(text, "utf-8")
    before = versions(lake)
    with pytest.raises(BadInput, match=reason) as error:
        Library(lake).add_factors(tmp_path / "t.parquet")
    assert error.value.where.endswith("t.yaml")
    assert error.value.fix
    assert versions(lake) == before


def test_empty_notes_say_nothing(lake: Lake, tmp_path: Path) -> None:
    table("A").write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.yaml").write_text("", "utf-8")
    Library(lake).add_factors(tmp_path / "t.parquet")
    assert lake.read("factors")["region"].to_list() == [None]


@pytest.mark.parametrize("name", ["../up", "a/b", "a b", ".hidden", "x" * 101, "a\n"])
def test_a_name_is_part_of_an_id(lake: Lake, tmp_path: Path, name: str) -> None:
    table("A").write_parquet(tmp_path / "t.parquet")
    with pytest.raises(BadInput, match="this cannot be a name"):
        Library(lake).add_factors(tmp_path / "t.parquet", name=name)


@pytest.mark.parametrize("source", ["rdagent_generated", "qlib_alpha158", "sota", "x"])
def test_a_source_of_others_cannot_be_added_to(lake: Lake, tmp_path: Path, source: str) -> None:
    table("A").write_parquet(tmp_path / "t.parquet")
    with pytest.raises(BadInput, match="cannot be added under this source"):
        Library(lake).add_factors(tmp_path / "t.parquet", source=source)


def test_what_is_no_file_is_not_read(lake: Lake, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(BadInput, match="cannot be read"):
        Library(lake).add_factors(tmp_path / "t.csv")


def test_no_prices_where_they_were_named_is_refused(lake: Lake, tmp_path: Path) -> None:
    table("A").write_parquet(tmp_path / "t.parquet")
    with pytest.raises(BadInput, match="no such file of prices"):
        Library(lake).add_factors(tmp_path / "t.parquet", prices=tmp_path / "none.h5")
