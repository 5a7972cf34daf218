"""Check combined_factors_df.parquet: the factors' names in every spelling."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rdlake.domain.experiment import FactorColumn, Finding
from rdlake.sources.backtest.factor_table import MAX_FOOTER, read_factor_columns
from tests.places import DATA

WORKSPACES = DATA / "workspaces"
NAME = "combined_factors_df.parquet"


def stored(folder: Path, *columns: str, metadata: dict[str, Any] | bytes | None = None) -> Path:
    """Write a factor table with these value columns, then datetime and instrument."""
    values = [pa.array([0.5, 1.5], pa.float32())] * len(columns)
    dates = pa.array([0, 1], pa.timestamp("ns"))
    arrays = [*values, dates, pa.array(["SH600000", "SZ000001"])]
    table = pa.table(arrays, names=[*columns, "datetime", "instrument"])
    if metadata is not None:
        note = metadata if isinstance(metadata, bytes) else json.dumps(metadata).encode()
        table = table.replace_schema_metadata({b"pandas": note})
    pq.write_table(table, folder / NAME)
    return folder / NAME


def read(path: Path) -> tuple[tuple[FactorColumn, ...] | None, list[Finding]]:
    factors, findings = read_factor_columns(path, NAME)
    assert (factors is None) == any(finding.level == "error" for finding in findings)
    assert all(finding.file == NAME and finding.fix for finding in findings)
    return factors, findings


def names(path: Path) -> list[str]:
    factors, findings = read(path)
    assert not findings
    return [factor.name for factor in factors or ()]


def warned(path: Path) -> tuple[list[tuple[str, str]], list[str]]:
    factors, findings = read(path)
    pairs = [(factor.name, factor.column) for factor in factors or ()]
    return pairs, [finding.reason for finding in findings]


def test_a_pair_gives_its_name_the_files_column_and_its_place(tmp_path: Path) -> None:
    factors, _ = read(stored(tmp_path, "('feature', 'MOM_5D')", "('feature', '动量_10日')"))
    assert factors == (
        FactorColumn(name="MOM_5D", column="('feature', 'MOM_5D')", position=0),
        FactorColumn(name="动量_10日", column="('feature', '动量_10日')", position=1),
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["('MOM_5D', 'feature')", "('VOL', 'feature')"], ["MOM_5D", "VOL"]),
        (["MOM_5D", "VOL"], ["MOM_5D", "VOL"]),
        (["feature_MOM_5D", "feature_VOL"], ["MOM_5D", "VOL"]),
        (["feature_MOM_5D", "VOL"], ["feature_MOM_5D", "VOL"]),
        (["feature_"], ["feature_"]),
        (["('feature', 'feature_X')"], ["feature_X"]),
        (["('feature', 'MOM')", "('label', 'LABEL0')"], ["MOM"]),
        (["('MOM', 'feature')", "('LABEL0', 'label')"], ["MOM"]),
        (["('feature', 'MOM')", "('datetime', '')", "('instrument', '')"], ["MOM"]),
        (["MOM", "__index_level_0__"], ["MOM"]),
        (["(a + b)", "(1, 2", "label"], ["(a + b)", "(1, 2", "label"]),
        (["""('feature', "it's")""", r"('feature', 'a\nb')"], ["it's", "a\nb"]),
        (["('feature', '(1 - close/open)')"], ["(1 - close/open)"]),
        (["('feature', 'feature')"], ["feature"]),
    ],
)
def test_a_name_is_found_in_every_writing(
    tmp_path: Path, columns: list[str], expected: list[str]
) -> None:
    assert names(stored(tmp_path, *columns)) == expected


def test_columns_that_pandas_calls_its_index_are_no_factors(tmp_path: Path) -> None:
    note = {"index_columns": ["date", {"kind": "range", "start": 0, "stop": 2}]}
    assert names(stored(tmp_path, "MOM", "date", metadata=note)) == ["MOM"]


@pytest.mark.parametrize(
    "note", [b"", b"{", b"[]", b"7", b'{"index_columns": 7}', b"[" * 100_000, b"\xff"]
)
def test_a_broken_note_of_pandas_costs_nothing(tmp_path: Path, note: bytes) -> None:
    assert names(stored(tmp_path, "MOM", metadata=note)) == ["MOM"]


def test_of_two_columns_with_one_name_the_last_counts(tmp_path: Path) -> None:
    columns = ["('feature', 'A')", "('feature', 'B')", "('A', 'feature')"]
    pairs, reasons = warned(stored(tmp_path, *columns))
    assert pairs == [("B", "('feature', 'B')"), ("A", "('A', 'feature')")]
    assert reasons == ["'A' comes twice; the last column counts"]


@pytest.mark.parametrize(
    "column",
    [
        "('feature', 'X', 'Y')",
        "('feature', 5)",
        "('feature', '')",
        "('other', 'X')",
        "('feature', X)",
        "('feature', __import__('os').system('true'))",
        "('feature', 'X'",
        "('feature', '" + "x" * 600 + "')",
        "y" * 600,
        "",
    ],
)
def test_a_column_without_a_factors_name_is_left_out_with_a_warning(
    tmp_path: Path, column: str
) -> None:
    pairs, reasons = warned(stored(tmp_path, "('feature', 'A')", column))
    assert [name for name, _ in pairs] == ["A"]
    assert len(reasons) == 1
    assert "no factor's name; it was left out" in reasons[0]
    assert len(reasons[0]) < 300


def test_a_column_of_text_is_left_out_with_a_warning(tmp_path: Path) -> None:
    pq.write_table(pa.table({"MOM": [0.5], "industry": ["bank"]}), tmp_path / NAME)
    pairs, reasons = warned(tmp_path / NAME)
    assert pairs == [("MOM", "MOM")]
    assert reasons == ["the column 'industry' is of type 'string'; it was left out"]


def test_a_column_without_any_value_is_still_a_factor(tmp_path: Path) -> None:
    pq.write_table(pa.table({"MOM": pa.nulls(2)}), tmp_path / NAME)
    assert names(tmp_path / NAME) == ["MOM"]


def test_a_table_without_factor_columns_is_an_error(tmp_path: Path) -> None:
    factors, findings = read(stored(tmp_path))
    assert factors is None
    assert findings[-1].reason == "no factor column in it"


def test_a_footer_longer_than_usual_is_read(tmp_path: Path) -> None:
    columns = [f"('feature', 'FACTOR_{number:04}')" for number in range(500)]
    assert len(names(stored(tmp_path, *columns))) == 500


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PAR1",
        b"date,MOM\n2020-01-02,1\n",
        b"PAR1" + bytes(100),
        b"PAR1" + bytes(100) + (50).to_bytes(4, "little") + b"PAR1",
        b"PAR1" + bytes(100) + (MAX_FOOTER + 1).to_bytes(4, "little") + b"PAR1",
        b"PAR1" + bytes(100) + b"\xff\xff\xff\xff" + b"PAR1",
    ],
)
def test_a_file_that_is_no_parquet_is_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    factors, _ = read(tmp_path / NAME)
    assert factors is None


def test_a_half_written_file_is_an_error(tmp_path: Path) -> None:
    path = stored(tmp_path, "MOM")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    assert read(path)[0] is None


@pytest.mark.parametrize("kind", ["missing", "folder", "link", "broken link", "pipe"])
def test_what_is_no_file_is_an_error_and_never_followed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "here" / NAME
    path.parent.mkdir()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(stored(tmp_path, "MOM"))
    elif kind == "broken link":
        path.symlink_to("gone")
    elif kind == "pipe":
        os.mkfifo(path)
    factors, findings = read(path)
    assert factors is None
    assert str(tmp_path) not in findings[0].reason


def test_flipped_bytes_of_the_footer_never_end_the_process(tmp_path: Path) -> None:
    chance = random.Random(7)
    whole = next(iter(sorted(WORKSPACES.glob(f"*/{NAME}")))).read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 2, 4])):
            damaged[len(whole) - 1 - chance.randrange(footer)] = chance.randrange(256)
        (tmp_path / NAME).write_bytes(bytes(damaged))
        read(tmp_path / NAME)
