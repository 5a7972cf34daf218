"""Check which frames in pandas' fixed HDF5 format are read, and which are refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
import pytest

from rdlake.demo.market import make_market
from rdlake.demo.prices_file import prices_h5
from rdlake.domain.experiment import FactorHeader
from rdlake.sources.formats import hdf5
from rdlake.sources.formats.hdf5 import read_factor_header, read_factor_values, read_hdf5_frame
from tests.places import CORPUS, needs_shared

DAY = 86_400 * 10**9
BELOW = "git_ignore_folder/RD-Agent_workspace"


def store(path: Path, columns: tuple[str, ...] = ("MOM_5D",)) -> Path:
    """Write two days of two instruments, as pandas 2 writes them."""
    with h5py.File(path, "w") as file:
        group = file.create_group("data")
        names = np.array([name.encode() for name in columns])
        group["axis0"] = names
        group["block0_items"] = names
        group["block0_values"] = np.arange(4 * len(columns), dtype="f4").reshape(4, -1)
        group["axis1_level0"] = np.array([18262 * DAY, 18263 * DAY])
        group["axis1_level0"].attrs["kind"] = np.bytes_(b"datetime64[ns]")
        group["axis1_level1"] = np.array([b"SH600000", b"SZ000001"])
        group["axis1_level1"].attrs["kind"] = np.bytes_(b"string")
        group["axis1_label0"] = np.array([0, 0, 1, 1], "i1")
        group["axis1_label1"] = np.array([0, 1, 0, 1], "i1")
    return path


def replaced(name: str, value: Any) -> Callable[[h5py.Group], None]:
    def change(group: h5py.Group) -> None:
        attributes = dict(group[name].attrs) if name in group else {}
        if name in group:
            del group[name]
        if value is not None:
            group[name] = value
            if isinstance(group.get(name, getlink=True), h5py.HardLink):
                group[name].attrs.update(attributes)

    return change


def objects(group: h5py.Group) -> None:
    del group["block0_values"]
    values = group.create_dataset("block0_values", (1,), dtype=h5py.vlen_dtype(np.uint8))
    values[0] = np.frombuffer(b"cos\nsystem\n(S'touch PWNED'\ntR.", np.uint8)


def texts(group: h5py.Group) -> None:
    del group["axis1_level1"]
    group.create_dataset("axis1_level1", data=["a", "b"], dtype=h5py.string_dtype())


def outside(group: h5py.Group) -> None:
    del group["block0_values"]
    group.create_dataset("block0_values", (4, 1), "f4", external=[("/etc/passwd", 0, 16)])


def timed(group: h5py.Group) -> None:
    group["block0_values"].attrs["value_type"] = np.bytes_(b"datetime64[ns]")


def test_a_factor_s_values_have_their_column_s_name(tmp_path: Path) -> None:
    found, findings = read_factor_values(store(tmp_path / "result.h5"), "result.h5")
    assert found is not None and not findings
    assert found.column == "MOM_5D"
    assert found.rows.columns == ["datetime", "instrument", "value"]
    assert found.rows["value"].to_list() == [0, 1, 2, 3]
    assert found.rows["instrument"].to_list() == ["SH600000", "SZ000001"] * 2
    assert found.rows["datetime"].dtype == pl.Datetime("ns")
    assert [str(day)[:10] for day in found.rows["datetime"]] == ["2020-01-01"] * 2 + [
        "2020-01-02"
    ] * 2


def test_a_header_is_read_without_the_values(tmp_path: Path) -> None:
    path = store(tmp_path / "result.h5", ("动量_5日",))
    assert read_factor_header(path, "result.h5") == (FactorHeader("动量_5日", 4), [])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (objects, "does not fit"),
        (timed, None),
        (replaced("block0_values", h5py.ExternalLink("/etc/passwd", "/x")), "links are never"),
        (replaced("axis0", np.array([b"one", b"two"])), "2 columns"),
        (replaced("axis0", None), "no `axis0`"),
        (replaced("block0_values", np.array([[b"text"]] * 4)), "no numbers"),
    ],
)
def test_a_header_of_another_file_is_refused(
    tmp_path: Path, change: Callable[[h5py.Group], None], word: str | None
) -> None:
    path = store(tmp_path / "result.h5")
    with h5py.File(path, "a") as file:
        change(file["data"])
    header, findings = read_factor_header(path, "result.h5")
    if word is None:
        assert header and not findings
    else:
        assert header is None
        assert [word in each.reason for each in findings] == [True]


def test_several_columns_are_read_or_those_asked_for(tmp_path: Path) -> None:
    path = store(tmp_path / "daily_pv.h5", ("$open", "$close"))
    frame, _ = read_hdf5_frame(path, "daily_pv.h5")
    assert frame is not None
    assert frame.columns == ["datetime", "instrument", "$open", "$close"]
    frame, _ = read_hdf5_frame(path, "daily_pv.h5", ["$close"])
    assert frame is not None
    assert frame["$close"].to_list() == [1, 3, 5, 7]
    frame, findings = read_hdf5_frame(path, "daily_pv.h5", ["$close", "$vwap"])
    assert frame is None
    assert "no column '$vwap'" in findings[0].reason
    assert "2 columns" in read_factor_values(path, "result.h5")[1][0].reason


def test_the_prices_of_the_demo_are_read(tmp_path: Path) -> None:
    market = make_market(7)
    (tmp_path / "daily_pv.h5").write_bytes(prices_h5(market))
    frame, findings = read_hdf5_frame(tmp_path / "daily_pv.h5", "daily_pv.h5")
    assert frame is not None and not findings
    assert frame.height == market.prices.size // market.prices.shape[-1]


BAD: list[tuple[str, Callable[[h5py.Group], object], str]] = [
    ("objects", objects, "objects"),
    ("texts of any length", texts, "objects"),
    ("a table", replaced("table", [1]), "table format"),
    ("values outside the file", outside, "does not lie in this file"),
    ("a soft link", replaced("block0_values", h5py.SoftLink("/data/axis0")), "never followed"),
    (
        "a link to another file",
        replaced("block0_values", h5py.ExternalLink("other.h5", "/x")),
        "never followed",
    ),
    ("values of another shape", replaced("block0_values", np.zeros((3, 1))), "does not fit"),
    ("values of texts", replaced("block0_values", np.array([[b"a"]] * 4)), "no numbers"),
    ("values of times", timed, "no numbers"),
    ("complex values", replaced("block0_values", np.zeros((4, 1), "c8")), "objects"),
    ("no values", replaced("block0_values", None), "no `block0_values`"),
    ("no names", replaced("axis0", None), "no `axis0`"),
    ("names of numbers", replaced("block0_items", np.array([1])), "no text"),
    ("names that are not UTF-8", replaced("block0_items", np.array([b"\xff"])), "not UTF-8"),
    ("no block", replaced("block0_items", None), "no column of values"),
    ("a code out of range", replaced("axis1_label0", np.array([0, 0, 1, 9])), "out of range"),
    ("a code below", replaced("axis1_label0", np.array([0, 0, 1, -2])), "out of range"),
    ("a missing day", replaced("axis1_label0", np.array([0, 0, 1, -1])), "without a datetime"),
    ("codes of floats", replaced("axis1_label0", np.zeros(4)), "without its codes"),
    ("levels of one kind", replaced("axis1_level0", np.array([b"a", b"b"])), "not by datetime"),
    ("no levels", replaced("axis1_level0", None), "not by datetime"),
    ("a square level", replaced("axis1_level1", np.array([[b"a"]])), "one dimension"),
]


@pytest.mark.parametrize(("name", "change", "reason"), BAD, ids=[each[0] for each in BAD])
def test_a_file_that_is_no_such_frame_is_refused(
    tmp_path: Path, name: str, change: Callable[[h5py.Group], object], reason: str
) -> None:
    path = store(tmp_path / "result.h5")
    with h5py.File(path, "a") as file:
        change(file["data"])
    found, findings = read_factor_values(path, "result.h5")
    assert found is None
    (finding,) = findings
    assert (finding.level, finding.file) == ("error", "result.h5")
    assert reason in finding.reason
    assert not list(tmp_path.rglob("PWNED"))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = store(tmp_path / "result.h5", ("a", "a"))
    assert "two columns" in read_hdf5_frame(path, "result.h5")[1][0].reason


@pytest.mark.parametrize("keep", [0, 10, 100, 1000, 2000])
def test_a_torn_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = store(tmp_path / "result.h5")
    path.write_bytes(path.read_bytes()[:keep])
    found, findings = read_factor_values(path, "result.h5")
    assert found is None
    assert findings[0].level == "error"


@pytest.mark.parametrize("kind", ["text", "folder", "link", "nothing", "no data"])
def test_what_only_has_the_name_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "daily_pv.h5"
    if kind == "text":
        path.write_text("../../factor_implementation_source_data/daily_pv.h5")
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(store(tmp_path / "other.h5"))
    elif kind == "no data":
        with h5py.File(path, "w") as file:
            file["other"] = [1]
    frame, findings = read_hdf5_frame(path, "daily_pv.h5")
    assert frame is None
    assert findings[0].level == "error"


def test_a_large_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5, "MAX_BYTES", 8)
    assert "larger" in read_hdf5_frame(store(tmp_path / "x.h5"), "x.h5")[1][0].reason


@needs_shared
def test_results_of_the_corpus_hold_the_factors_of_the_parquet() -> None:
    truth = json.loads((CORPUS / "truth.json").read_text("utf-8"))
    known = {
        name for each in truth.values() for name in (each.get("parquet") or {}).get("factors", ())
    }
    paths = sorted((CORPUS / BELOW).glob("*/result.h5"))
    assert paths
    for path in paths:
        found, findings = read_factor_values(path, "result.h5")
        assert found is not None and not findings
        assert found.column in known
        header = FactorHeader(found.column, found.rows.height)
        assert read_factor_header(path, "result.h5") == (header, [])


@needs_shared
def test_prices_of_the_corpus_are_read() -> None:
    path = CORPUS / "git_ignore_folder" / "factor_implementation_source_data" / "daily_pv.h5"
    frame, findings = read_hdf5_frame(path, "daily_pv.h5", ["$close"])
    assert frame is not None and not findings
    assert frame.shape == (95_475, 3)
    assert frame["instrument"].n_unique() == 51
    assert os.fspath(path).endswith("daily_pv.h5")
