"""Check which forms of ret.parquet give a curve, and which are refused."""

from __future__ import annotations

import datetime
import io
import math
import random
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rdlake.domain.experiment import Finding
from rdlake.sources.backtest import curve as reader
from rdlake.sources.backtest.curve import COLUMNS, read_curve, read_curve_table
from tests.places import DATA

WORKSPACES = DATA / "workspaces"
DAYS = [datetime.datetime(2020, 1, day) for day in (2, 3, 6)]
DATES = [day.date() for day in DAYS]


def report(**overrides: Any) -> pa.Table:
    """Return qlib's daily report of three days; a column set to None is left out."""
    columns: dict[str, Any] = {
        "account": [1e8, 1.01e8, 1.02e8],
        "return": [0.0, 0.01, 0.02],
        "total_turnover": [0.0, 1.0, 2.0],
        "turnover": [0.0, 0.5, 0.25],
        "total_cost": [0.0, 1.0, 2.0],
        "cost": [0.0, 0.001, 0.002],
        "value": [0.0, 9e7, 9e7],
        "cash": [1e8, 1e7, 1e7],
        "bench": pa.array([0.0, 0.5, 0.25], pa.float32()),
        "datetime": pa.array(DAYS, pa.timestamp("ns")),
    } | overrides
    return pa.table({name: column for name, column in columns.items() if column is not None})


def stored(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def read(table: pa.Table, **options: Any) -> tuple[pl.DataFrame | None, list[Finding]]:
    return read_curve(stored(table, **options), "ret.parquet")


def curve_of(table: pa.Table, **options: Any) -> pl.DataFrame:
    curve, findings = read(table, **options)
    assert curve is not None
    assert not findings
    return curve


def refusal(data: bytes | pa.Table) -> str:
    curve, findings = read_curve(data if isinstance(data, bytes) else stored(data), "ret.parquet")
    assert curve is None
    (finding,) = findings
    assert (finding.level, finding.file) == ("error", "ret.parquet")
    assert len(finding.reason) < 400
    return finding.reason


def test_a_report_gives_its_days_with_exactly_the_columns_of_a_curve() -> None:
    curve = curve_of(report())
    floats = dict.fromkeys(COLUMNS, pl.Float64())
    assert dict(curve.schema) == {"date": pl.Date(), **floats}
    assert curve.columns == ["date", *COLUMNS]
    assert curve["date"].to_list() == DATES
    assert curve["return"].to_list() == [0.0, 0.01, 0.02]
    assert curve["bench"].to_list() == [0.0, 0.5, 0.25]


def test_days_are_sorted() -> None:
    shuffled = report().take([2, 0, 1])
    assert curve_of(shuffled).equals(curve_of(report()))


def test_a_file_of_many_row_groups_is_read_whole() -> None:
    assert curve_of(report(), row_group_size=1).equals(curve_of(report()))


def test_a_file_that_polars_wrote_is_read() -> None:
    buffer = io.BytesIO()
    pl.DataFrame(report()).write_parquet(buffer)
    curve, findings = read_curve(buffer.getvalue(), "ret.parquet")
    assert not findings
    assert curve is not None
    assert curve.equals(curve_of(report()))


@pytest.mark.parametrize("name", ["index", "__index_level_0__"])
def test_dates_may_lie_in_an_unnamed_index(name: str) -> None:
    table = report(datetime=None).append_column(name, pa.array(DAYS, pa.timestamp("ns")))
    assert curve_of(table)["date"].to_list() == DATES


@pytest.mark.parametrize(
    "kind",
    [
        pa.timestamp("s"),
        pa.timestamp("ms"),
        pa.timestamp("us"),
        pa.timestamp("ns"),
        pa.timestamp("ns", "UTC"),
        pa.date32(),
        pa.date64(),
    ],
)
def test_dates_may_have_any_type_of_date(kind: pa.DataType) -> None:
    dates = pa.array(DAYS, pa.timestamp("us")).cast(kind)
    assert curve_of(report(datetime=dates))["date"].to_list() == DATES


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "+08:00"])
def test_midnight_in_a_zone_is_the_date_in_that_zone(zone: str) -> None:
    wall = pa.array(DAYS, pa.timestamp("ns"))
    if zone == "+08:00":
        stamps = pa.array([day - datetime.timedelta(hours=8) for day in DAYS], pa.timestamp("ns"))
        local = stamps.cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("ns", zone))
    else:
        local = pa.compute.assume_timezone(wall, zone)
    assert curve_of(report(datetime=local))["date"].to_list() == DATES


def test_midnight_elsewhere_than_in_the_files_zone_is_no_date() -> None:
    utc = pa.array(DAYS, pa.timestamp("ns")).cast(pa.timestamp("ns", "UTC"))
    shanghai = utc.cast(pa.timestamp("ns", "Asia/Shanghai"))
    assert "times of day" in refusal(report(datetime=shanghai))


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S+08:00", "%Y%m%d"]
)
@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_dates_may_be_iso_text(form: str, kind: pa.DataType) -> None:
    words = pa.array([day.strftime(form) for day in DAYS], pa.string()).cast(kind)
    table = report(datetime=words)
    assert curve_of(table, row_group_size=2)["date"].to_list() == DATES


@pytest.mark.parametrize(
    "words",
    [
        ["2020-01-02", "03.01.2020", "2020-01-06"],
        ["", "2020-01-03", "2020-01-06"],
        ["x" * 100_000, "2020-01-03", "2020-01-06"],
        ["2020-01-02", "2020-01-03", "2020-02-30"],
    ],
)
def test_other_text_is_no_date(words: list[str]) -> None:
    assert "a date cannot be read" in refusal(report(datetime=words))


@pytest.mark.parametrize(
    "dates", [[20200102, 20200103, 20200106], [1.0, 2.0, 3.0], [True, False, True], [b"a"] * 3]
)
def test_other_types_are_no_dates(dates: list[Any]) -> None:
    assert "of type" in refusal(report(datetime=dates))


def test_times_of_day_are_no_daily_curve() -> None:
    hours = [DAYS[0].replace(hour=hour) for hour in (9, 10, 11)]
    assert "times of day" in refusal(report(datetime=pa.array(hours, pa.timestamp("ns"))))


def test_a_missing_date_is_refused() -> None:
    dates = pa.array([DAYS[0], None, DAYS[2]], pa.timestamp("ns"))
    assert refusal(report(datetime=dates)) == "1 of 3 rows have no date"


@pytest.mark.parametrize("seconds", [-(10**10), 10**10, 10**15])
def test_a_date_far_from_our_time_is_refused(seconds: int) -> None:
    stamps = pa.array([0, 86400, seconds // 86400 * 86400], pa.timestamp("s"))
    assert "its dates run from" in refusal(report(datetime=stamps))


def test_a_date_that_comes_twice_leaves_no_curve() -> None:
    dates = pa.array([DAYS[1], DAYS[0], DAYS[1]], pa.timestamp("ns"))
    reason = refusal(report(datetime=dates))
    assert reason == "repeated dates: 1, the first of them 2020-01-03"


def test_a_missing_return_is_refused() -> None:
    assert refusal(report(**{"return": None})) == "no column `return`"


def test_missing_dates_are_refused() -> None:
    assert "no column of dates" in refusal(report(datetime=None))


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "return"])
def test_another_missing_column_is_unknown_with_a_warning(name: str) -> None:
    curve, findings = read(report(**{name: None}))
    assert curve is not None
    assert curve.columns == ["date", *COLUMNS]
    assert curve[name].null_count() == 3
    (finding,) = findings
    assert (finding.level, finding.reason) == ("warning", f"no column `{name}`; counts as unknown")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize("name", ["return", "cost", "bench"])
def test_a_value_that_is_no_finite_number_is_null_and_counted(name: str, bad: float | None) -> None:
    curve, findings = read(report(**{name: pa.array([0.5, bad, bad], pa.float64())}))
    assert curve is not None
    assert curve[name].to_list() == [0.5, None, None]
    (finding,) = findings
    assert finding.level == "warning"
    assert finding.reason == f"`{name}` is missing or infinite on 2 of 3 days"


def test_an_unknown_value_of_another_column_is_null() -> None:
    curve = curve_of(report(account=[1.0, math.nan, math.inf]))
    assert curve["account"].to_list() == [1.0, None, None]


def test_values_follow_their_days_when_these_are_sorted() -> None:
    curve, _ = read(report(cost=[math.nan, 0.1, 0.2]).take([1, 2, 0]))
    assert curve is not None
    assert curve["cost"].to_list() == [None, 0.1, 0.2]


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.uint8(), pa.float16(), pa.float32(), pa.decimal128(10, 2)]
)
def test_every_type_of_number_is_taken(kind: pa.DataType) -> None:
    values = pa.array([0, 1, None], pa.float64() if pa.types.is_float16(kind) else kind).cast(kind)
    curve, findings = read(report(account=values))
    assert not findings
    assert curve is not None
    assert curve["account"].to_list() == [0.0, 1.0, None]


@pytest.mark.parametrize("values", [["a", "b", "c"], [True, False, True], [[1.0]] * 3, DAYS])
@pytest.mark.parametrize("name", ["return", "cash"])
def test_a_column_that_is_not_of_numbers_is_refused(name: str, values: list[Any]) -> None:
    assert f"the column `{name}` is of type" in refusal(report(**{name: values}))


def test_a_column_that_is_there_twice_is_refused() -> None:
    table = report().append_column("return", pa.array([1.0, 2.0, 3.0]))
    assert refusal(table) == "the column `return` comes twice"


def test_an_empty_report_is_refused() -> None:
    assert refusal(report().slice(0, 0)) == "not a single day in it"


def test_a_file_of_too_many_rows_is_refused_before_they_are_read() -> None:
    table = pa.table({"datetime": pa.nulls(reader.MAX_ROWS + 1, pa.timestamp("ns"))})
    assert refusal(table) == "1,000,001 rows: no daily report"


@pytest.mark.slow
def test_a_file_that_unpacks_too_far_is_refused_before_it_does() -> None:
    zeros = stored(report(note=["0" * (100 << 20)] * 3), use_dictionary=False, compression="zstd")
    assert len(zeros) < 1 << 20
    assert "unpacks to more than" in refusal(zeros)


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"PAR1PAR1PAR1", b"\x80\x04K\x01.", b",0\nIC,0.01\n", bytes(4096)]
)
def test_a_file_that_is_no_parquet_is_refused(data: bytes) -> None:
    assert "not a readable Parquet file" in refusal(data)


def test_a_half_written_file_is_refused() -> None:
    whole = stored(report())
    for length in range(0, len(whole), 97):
        assert "not a readable Parquet file" in refusal(whole[:length])


def test_flipped_bytes_never_end_the_process() -> None:
    chance = random.Random(7)
    whole = next(iter(sorted(WORKSPACES.glob("*/ret.parquet")))).read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    for attempt in range(600):
        damaged = bytearray(whole)
        start = len(whole) - footer if attempt % 2 else 0
        for _ in range(chance.choice([1, 2, 8])):
            damaged[chance.randrange(start, len(whole))] = chance.randrange(256)
        curve, findings = read_curve(bytes(damaged), "ret.parquet")
        assert (curve is None) == any(finding.level == "error" for finding in findings)


@pytest.mark.parametrize("days", [DAYS, [str(day) for day in DATES]], ids=["times", "texts"])
def test_a_table_gives_the_curve_of_the_file(days: list[Any]) -> None:
    table = report(datetime=days)
    curve, findings = read_curve_table(table, "chart")
    expected, _ = read_curve(stored(table), "ret.parquet")
    assert curve is not None and expected is not None
    assert findings == []
    assert curve.equals(expected)


def test_a_table_without_days_gives_no_curve() -> None:
    curve, (finding,) = read_curve_table(report().slice(0, 0), "chart")
    assert curve is None
    assert (finding.file, finding.reason) == ("chart", "not a single day in it")
