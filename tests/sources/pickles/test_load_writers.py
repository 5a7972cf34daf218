"""Compare what each pandas wrote, from 1.0 to 3.1, with the lists it was made of."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import polars as pl
import pytest

from rdlake.sources.pickles import (
    Axis,
    Frame,
    Refused,
    Series,
    as_frame,
    as_path,
    as_series,
    as_value,
    load,
)  # fmt: skip
from tests.places import WRITERS
from tests.sources.pickles.plain import label, plain

EXPECTED: dict[str, dict[str, Any]] = json.loads((WRITERS / "expected.json").read_text("utf-8"))
FOLDERS = sorted(path.name for path in WRITERS.glob("pandas-*"))
TOO_OLD = {("pandas-1.0.5", "nullable"), ("pandas-1.0.5", "hours_away")}
SHAPED = {
    "ret_in_single_blocks": "ret", "ret_turned": "ret", "ret_every_second_row": "ret",
    "ret_columns_reversed_twice": "ret", "mixed_in_two_parts": "mixed", "mixed_cut_out": "mixed",
}  # fmt: skip
NAMES = [*EXPECTED["frames"], *SHAPED]
KINDS: dict[str, pl.DataType] = {
    "int8": pl.Int8(), "int64": pl.Int64(), "uint16": pl.UInt16(), "bool": pl.Boolean(),
    "float32": pl.Float32(), "float64": pl.Float64(), "text": pl.String(),
    "category": pl.String(), "Int64": pl.Int64(), "boolean": pl.Boolean(), "string": pl.String(),
    "Float64": pl.Float64(),
}  # fmt: skip

every_writer = pytest.mark.parametrize("writer", FOLDERS)


@cache
def group(writer: str, name: str) -> dict[str, Any]:
    found = load((WRITERS / writer / f"{name}.pkl").read_bytes())
    assert isinstance(found, dict)
    return found


def same_index(names: object, levels: tuple[pl.Series, ...], wanted: Any, rows: int) -> None:
    wanted = wanted or [{"name": None, "kind": "int64", "values": list(range(rows))}]
    assert names == tuple(level["name"] for level in wanted)
    assert [plain(level) for level in levels] == [level["values"] for level in wanted]


def test_there_is_a_folder_for_each_generation() -> None:
    assert {name.rpartition(".")[0] for name in FOLDERS} == {
        "pandas-1.0", "pandas-1.5", "pandas-2.1", "pandas-2.3", "pandas-3.0", "pandas-3.1",
    }  # fmt: skip


@every_writer
@pytest.mark.parametrize("name", NAMES)
def test_a_frame_has_its_index_columns_types_and_values(writer: str, name: str) -> None:
    if (writer, name) in TOO_OLD:
        pytest.skip("this pandas has no such type")
    wanted = EXPECTED["frames"][SHAPED.get(name, name)]
    found = as_frame(group(writer, "frames")[name])
    assert [label(column) for column in found.columns] == wanted["columns"]
    assert [plain(column) for column in found.data] == wanted["data"]
    for column, kind in zip(found.data, wanted["kinds"], strict=True):
        if kind in KINDS and wanted["rows"]:
            assert column.dtype == KINDS[kind]
    same_index(found.index_names, found.index, wanted["index"], wanted["rows"])


@every_writer
@pytest.mark.parametrize("name", EXPECTED["series"])
def test_a_series_has_its_name_index_and_values(writer: str, name: str) -> None:
    wanted = EXPECTED["series"][name]
    found = as_series(group(writer, "series")[name])
    assert label(found.name) == wanted["name"]
    assert plain(found.values) == wanted["data"]
    same_index(found.index_names, found.index, wanted["index"], len(wanted["data"]))


@every_writer
@pytest.mark.parametrize("name", EXPECTED["indexes"])
def test_an_index_has_its_names_and_levels(writer: str, name: str) -> None:
    if (writer, name) in TOO_OLD:
        pytest.skip("this pandas has no such type")
    found = as_value(group(writer, "indexes")[name])
    assert isinstance(found, Axis)
    same_index(found.names, found.levels, EXPECTED["indexes"][name], 0)


@every_writer
def test_a_range_counts(writer: str) -> None:
    found = as_value(group(writer, "indexes")["counted"])
    assert (found.names, found.labels) == (("row",), (2, 5, 8, 11))


@every_writer
@pytest.mark.parametrize("name", EXPECTED["arrays"])
def test_an_array_has_its_type_shape_and_values(writer: str, name: str) -> None:
    wanted = EXPECTED["arrays"][name]
    found = as_value(group(writer, "arrays")[name])
    truth = np.array(wanted["values"], dtype=wanted["dtype"])
    assert (found.dtype, found.shape) == (truth.dtype, truth.shape)
    if found.dtype.kind in "Mm":
        found, truth = found.view("i8"), truth.view("i8")
    assert np.array_equal(found, truth)


@every_writer
def test_scalars_are_what_python_has_for_them(writer: str) -> None:
    found = as_value(group(writer, "scalars"))
    moment = dt.datetime(2020, 1, 2, 3, 4, 5)
    in_china = dt.timezone(dt.timedelta(hours=8))
    assert found == {
        "float64": 0.1, "float32": 0.5, "int64": -7, "uint8": 200, "bool": True, "str": "涨停",
        "datetime64": np.datetime64("2020-01-02T03:04:05.000000006"),
        "datetime64_day": np.datetime64("2020-01-02"), "timedelta64": np.timedelta64(90, "s"),
        "timestamp": np.datetime64("2020-01-02T03:04:05.000000006"),
        "timestamp_zone": moment.replace(tzinfo=in_china),
        "timestamp_utc": moment.replace(tzinfo=dt.UTC), "nat": None,
        "timedelta": dt.timedelta(days=1, seconds=1), "datetime": moment.replace(microsecond=6),
        "datetime_utc": moment.replace(tzinfo=dt.UTC),
        "datetime_zone": moment.replace(tzinfo=in_china), "date": dt.date(2020, 1, 2),
        "time": dt.time(9, 30), "plain_timedelta": dt.timedelta(1, 2, 3),
    }  # fmt: skip
    assert found["timestamp_zone"].utcoffset() == dt.timedelta(hours=8)


@every_writer
def test_objects_of_the_standard_library_are_read(writer: str) -> None:
    found = as_value(group(writer, "objects"))
    assert found == {
        "path": PurePosixPath("/mnt/f/研究/ws"), "posix": PurePosixPath("/mnt/f/研究/ws"),
        "windows": PureWindowsPath(r"F:\Dev\RD-Agent-main\ws"), "relative": PurePosixPath("a/b"),
        "ordered": {"z": 1, "a": 2}, "counted": {"a": [1]}, "counter": {"a": 2, "b": 1},
        "set": {1, 2, 3}, "frozenset": frozenset({5, 6}), "slice": slice(0, 9, 2),
        "complex": complex(1, -2), "bytes": b"\x00\xff", "big": 2**100, "bytearray": b"ab",
        "deque": [1, 2], "range": range(2, 9, 3),
    }  # fmt: skip
    assert list(found["ordered"]) == ["z", "a"]
    assert str(as_path(group(writer, "objects")["windows"])) == r"F:\Dev\RD-Agent-main\ws"


@every_writer
@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("period", "Period"), ("interval", "Interval"), ("offset", "BusinessDay"),
        ("function", "read_pickle"), ("fraction", "fractions.Fraction"),
        ("structured", "numpy.dtype"), ("period_series", "PeriodArray"),
        ("interval_series", "Interval"), ("sparse_series", "SparseArray"),
        ("mixed_objects", "dict"), ("functions", "builtins.len"),
    ],
)  # fmt: skip
def test_what_no_decoder_knows_is_refused_by_name(writer: str, name: str, refused: str) -> None:
    with pytest.raises(Refused) as refusal:
        as_value(group(writer, "refused")[name])
    assert refused in refusal.value.name


@every_writer
def test_protocols_agree(writer: str) -> None:
    for protocol in range(6):
        found = group(writer, f"protocol{protocol}")
        ret, metrics = as_frame(found["ret"]), as_series(found["metrics"])
        wanted = EXPECTED["frames"]["ret"]
        assert [plain(column) for column in ret.data] == [values[:3] for values in wanted["data"]]
        assert plain(metrics.values) == EXPECTED["series"]["metrics"]["data"][:3]
        assert plain(metrics.index[0]) == EXPECTED["series"]["metrics"]["index"][0]["values"][:3]


def test_a_table_puts_the_index_first() -> None:
    frames, several = group("pandas-3.0.0", "frames"), group("pandas-3.0.0", "series")
    ret = as_frame(frames["ret"]).table()
    assert ret.columns[:2] == ["datetime", "account"]
    assert as_frame(frames["risk"]).table().columns == ["level_0", "level_1", "risk"]
    factors = as_frame(frames["factors"]).table()
    assert factors.columns[2] == "('feature', 'MOM_5D')"
    assert as_series(several["ic"]).table().columns == ["datetime", "0"]
    assert as_series(several["words"]).table().columns == ["index", "words"]


def test_a_frame_is_no_series_and_a_series_no_frame() -> None:
    frame = group("pandas-2.3.3", "frames")["ret"]
    series = group("pandas-2.3.3", "series")["ic"]
    assert isinstance(as_value(frame), Frame)
    assert isinstance(as_value(series), Series)
    for wrong, value in ((as_frame, series), (as_series, frame), (as_path, frame)):
        with pytest.raises(Refused, match="is not a"):
            wrong(value)
