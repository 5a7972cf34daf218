"""Check ret.pkl: the same curve from every pandas, and an error for anything else."""

from __future__ import annotations

import datetime
import json
import pickle
import pickletools
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.domain.experiment import Finding, Workspace
from rdlake.sources.backtest.curve import COLUMNS, read_pickled_curve
from rdlake.sources.workspace.parse import read_workspace
from tests.builders import make_workspace
from tests.places import CORPUS, SHARED, TRACES, WRITERS, needs_shared
from tests.sources.mlruns.build import (
    DAYS,
    HOSTILE,
    days_index,
    pickled_days,
    pickled_rows,
    whole,
    write,
)
from tests.sources.pickles.assemble import (
    PROTO4,
    STOP,
    array,
    block,
    counted,
    dtype,
    frame,
    index,
    integer,
    objects,
    octets,
    text,
    tup,
)

BELOW = "git_ignore_folder/RD-Agent_workspace"
EXPECTED = json.loads((WRITERS / "expected.json").read_text("utf-8"))["frames"]
NAN = float("nan")


def first_of(data: bytes) -> bytes:
    """Return the first value of a pickled dict as a pickle of its own."""
    depth = 0
    pieces: list[bytes] = []
    operations = list(pickletools.genops(data))
    keys = [place for place, each in enumerate(operations) if each[1] in ("ret", "factors")]
    for place, (opcode, _, at) in enumerate(operations[: keys[1]]):
        depth += opcode.name == "MARK"
        if opcode.name != "FRAME":
            after = operations[place + 1][2]
            pieces.append(data[at or 0 : after])
    assert depth
    return b"".join(pieces) + STOP


def report(columns: Sequence[str], rows: bytes, values: Sequence[float]) -> bytes:
    """Return a frame of float columns over such rows, as pandas 2 pickles it."""
    count = len(values) // len(columns)
    packed = struct.pack(f"<{len(values)}d", *values)
    shape = tup(integer(len(columns)), integer(count))
    numbers = block(array(dtype("f8"), shape, octets(packed)), 0, len(columns))
    return PROTO4 + frame(tup(numbers), index(objects(*map(text, columns))), rows) + STOP


def read(data: bytes) -> tuple[pl.DataFrame | None, list[Finding]]:
    return read_pickled_curve(data, "ret.pkl")


@pytest.mark.parametrize("writer", sorted(path.name for path in WRITERS.glob("pandas-*")))
def test_every_pandas_gives_the_same_curve(writer: str) -> None:
    curve, findings = read(first_of((WRITERS / writer / "frames.pkl").read_bytes()))
    assert curve is not None
    assert {finding.level for finding in findings} <= {"warning"}
    truth = EXPECTED["ret"]
    days = [day[:10] for day in truth["index"][0]["values"]]
    assert [str(day) for day in curve["date"]] == days
    for name in COLUMNS:
        wanted = truth["data"][truth["columns"].index(name)]
        assert curve[name].to_list() == pytest.approx(wanted, abs=1e-7 if name == "bench" else 0)


def test_the_columns_are_those_of_a_curve() -> None:
    data = report(["return", "cost", "bench"], days_index(DAYS), [0.1, 0.2, 0.01, 0.02, 0, NAN])
    curve, findings = read(data)
    assert curve is not None
    assert dict(curve.schema) == {"date": pl.Date(), **dict.fromkeys(COLUMNS, pl.Float64())}
    assert curve["date"].to_list() == list(DAYS)
    assert curve["return"].to_list() == [0.1, 0.2]
    assert curve["bench"].to_list() == [0, None]
    assert curve["account"].to_list() == [None, None]
    assert {finding.level for finding in findings} == {"warning"}


def test_days_out_of_order_are_sorted_and_texts_are_days() -> None:
    rows = index(objects(text("2020-01-03"), text("2020-01-02")))
    curve, _ = read(report(["return"], rows, [0.2, 0.1]))
    assert curve is not None
    assert curve["date"].to_list() == list(DAYS)
    assert curve["return"].to_list() == [0.1, 0.2]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x80\x04", "ends early"),
        (b"no pickle", "no opcode"),
        (HOSTILE, "posix.system"),
        (pickle.dumps({"return": [1.0]}), "no frame"),
        (pickle.dumps(None), "no frame"),
        (pickled_days([0.1, 0.2]), "a single series"),
        (pickled_rows([(DAYS[0], "SH600000", 0.1)], "return"), "more than one level"),
        (report(["x"], days_index(DAYS), [1, 2]), "no column `return`"),
        (report(["return"], counted(integer(2)), [1, 2]), "its dates are of type"),
        (report(["return"], days_index([DAYS[0]] * 2), [1, 2]), "repeated dates"),
        (report(["return"], days_index([]), []), "0 rows"),
        (report(["return", "return"], days_index(DAYS), [1, 2, 3, 4]), "two columns"),
        (report(["return"], index(whole([1, 2])), [1, 2]), "its dates are of type"),
        (report(["return"], index(objects(text("x"), text("y"))), [1, 2]), "cannot be read"),
        (
            report(["return"], days_index([datetime.date(1800, 1, 1), DAYS[0]]), [1, 2]),
            "its dates run from",
        ),
    ],
)
def test_what_is_no_report_is_an_error(data: bytes, reason: str) -> None:
    curve, findings = read(data)
    assert curve is None
    (finding,) = findings
    assert (finding.level, finding.file) == ("error", "ret.pkl")
    assert reason in finding.reason and finding.fix
    assert not list(Path.cwd().glob("PWNED"))


def test_a_report_cut_anywhere_is_an_error() -> None:
    data = report(["return"], days_index(DAYS), [0.1, 0.2])
    for end in range(0, len(data), 7):
        curve, findings = read(data[:end])
        assert curve is None and len(findings) == 1


def test_a_workspace_s_curve_is_that_of_its_pickle(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    (folder / "ret.parquet").unlink()
    write(folder / "ret.pkl", report(["return", "cost", "bench"], days_index(DAYS), [0.0] * 6))
    workspace = read_workspace(folder)
    assert isinstance(workspace, Workspace)
    assert workspace.curve is not None and workspace.curve.height == 2
    assert workspace.curve_source == "pickle"
    assert {finding.file for finding in workspace.findings} == {"ret.pkl"}


@needs_shared
def test_curves_of_the_corpus_are_exact() -> None:
    truth: dict[str, Any] = json.loads((CORPUS / "truth.json").read_text("utf-8"))
    read_ones = 0
    for name, each in truth.items():
        path = CORPUS / BELOW / name / "ret.pkl"
        if not path.is_file():
            continue
        curve, findings = read(path.read_bytes())
        found = each.get("ret") or {}
        if found.get("type") != "DataFrame":
            assert curve is None and findings[0].level == "error"
            continue
        read_ones += 1
        assert curve is not None and not findings
        assert (str(curve["date"][0]), str(curve["date"][-1])) == (found["first"], found["last"])
        assert curve.height == found["rows"]
        assert curve["account"][-1] == pytest.approx(found["final_account"], rel=1e-9)
        for column in ("return", "cost", "bench"):
            assert curve[column].sum() == pytest.approx(found[f"sum_{column}"], abs=1e-9)
        assert curve["turnover"].mean() == pytest.approx(found["mean_turnover"], abs=1e-9)
    assert read_ones >= 8


@needs_shared
def test_curves_of_the_traces_are_exact() -> None:
    run = TRACES / "run_factor_080"
    truth = json.loads((run / "expected.json").read_text("utf-8"))["workspaces"]
    pickled = {
        name: each["ret"] for name, each in truth.items() if each.get("ret_file") == "ret.pkl"
    }
    assert pickled and SHARED.is_dir()
    for name, found in pickled.items():
        curve, findings = read((run / BELOW / name / "ret.pkl").read_bytes())
        assert curve is not None and not findings
        excess = curve["return"] - curve["bench"]
        assert curve.height == found["n_rows"]
        assert excess.sum() == pytest.approx(found["sum_return_minus_bench"], abs=1e-9)
        net = (excess - curve["cost"]).sum()
        assert net == pytest.approx(found["sum_return_minus_bench_minus_cost"], abs=1e-9)
