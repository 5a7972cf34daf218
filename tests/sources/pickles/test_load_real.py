"""Read pickles of real runs: the back-tests of the corpus and the traces of RD-Agent."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.sources.pickles import (
Damaged,
Record,
Refused,
as_frame,
as_path,
as_series,
as_value,
attributes,
load,
qualified,
)  # fmt: skip
from tests.places import (
    CORPUS,
    REPOSITORY,
    SHARED,
    TRACES,
    needs_shared,
    real_pickles,
)  # fmt: skip

pytestmark = needs_shared

WORKSPACES = CORPUS / "git_ignore_folder" / "RD-Agent_workspace"
TRUTH: dict[str, Any] = (
    json.loads((CORPUS / "truth.json").read_text("utf-8")) if CORPUS.is_dir() else {}
)
FRAMES = [
    key for key, found in TRUTH.items() if (found.get("ret") or {}).get("type") == "DataFrame"
]
VARIANTS = {found["key"]: key for key, found in TRUTH.items()}
RUNS = ("run_factor_100", "run_quant2_100", "run_factor_080")
CLOSE = 1e-9

FOREIGN = ("pandas", "rdagent", "qlib", "pickle", "dill", "joblib")
LOAD_ALL = """
import sys
from rdlake.sources.pickles import Damaged, load
from tests.places import real_pickles
loaded = damaged = 0
for path in real_pickles():
    try:
        load(path.read_bytes())
        loaded += 1
    except Damaged:
        damaged += 1
print(loaded, damaged, *(name for name in {foreign} if name in sys.modules))
"""


def ret(key: str) -> bytes:
    return (WORKSPACES / key / "ret.pkl").read_bytes()


@cache
def expected(run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TRACES / run / "expected.json").read_text("utf-8"))
    return found


def loops() -> Iterator[tuple[Path, dict[str, Any]]]:
    for run in RUNS:
        for folder in expected(run)["run_folders"]:
            for loop in folder["loops"]:
                yield TRACES / run / "log" / folder["folder"] / f"Loop_{loop['loop']}", loop


def messages(folder: Path, tag: str) -> list[Any]:
    paths = [path for path in folder.rglob("*.pkl") if path.parent.parent.name == tag]
    return [load(path.read_bytes()) for path in sorted(paths, key=lambda path: path.name)]


def test_every_real_pickle_loads_and_brings_nothing_foreign_with_it() -> None:
    script = LOAD_ALL.format(foreign=tuple(name for name in FOREIGN if name != "pickle"))
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY), "RDLAKE_SHARED": str(SHARED)},
    )  # fmt: skip
    loaded, damaged, *foreign = done.stdout.split()
    assert int(loaded) >= 350
    assert (damaged, foreign) == ("1", [])


@pytest.mark.parametrize("key", FRAMES)
def test_a_report_has_the_rows_and_sums_of_the_truth(key: str) -> None:
    truth = TRUTH[key]["ret"]
    frame = as_frame(load(ret(key)))
    table = frame.table()
    assert list(frame.columns) == truth["columns"]
    assert (table.height, frame.index_names) == (truth["rows"], ("datetime",))
    days = table["datetime"].dt.date()
    assert (str(days[0]), str(days[-1])) == (truth["first"], truth["last"])
    assert table["account"][0] == pytest.approx(truth["initial_account"], rel=CLOSE)
    assert table["account"][-1] == pytest.approx(truth["final_account"], rel=CLOSE)
    for name in ("return", "cost"):
        assert table[name].sum() == pytest.approx(truth[f"sum_{name}"], rel=CLOSE)
    assert table["turnover"].mean() == pytest.approx(truth["mean_turnover"], rel=CLOSE)
    for name, cost in (("without_cost", 0), ("with_cost", 1)):
        excess = table["return"] - table["bench"].cast(pl.Float64) - cost * table["cost"]
        assert excess.mean() == pytest.approx(truth[name]["mean"], rel=CLOSE)
        assert excess.std() == pytest.approx(truth[name]["std"], rel=CLOSE)


def test_pandas_1_5_wrote_the_same_frame() -> None:
    old = as_frame(load(ret(VARIANTS["v_pickle_pandas15"]))).table()
    new = as_frame(load(ret(VARIANTS["factor1"]))).table()
    assert old.drop("bench").equals(new.drop("bench"))
    assert (old["bench"] - new["bench"]).abs().max() == 0


def test_a_report_that_is_a_series_says_so() -> None:
    value = load(ret(VARIANTS["v_series_ret"]))
    with pytest.raises(Refused, match="is not a DataFrame"):
        as_frame(value)
    series = as_series(value)
    truth = TRUTH[VARIANTS["v_series_ret"]]["ret"]
    assert (series.name, len(series.values)) == (truth["name"], truth["rows"])
    assert series.values.sum() == pytest.approx(truth["sum"], rel=CLOSE)


def test_a_truncated_report_is_damaged() -> None:
    with pytest.raises(Damaged, match="are left"):
        load(ret(VARIANTS["v_truncated_ret"]))


def test_a_hostile_report_is_refused_by_its_name_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    value = load(ret(VARIANTS["v_hostile_ret"]))
    for door in (as_frame, as_series, as_value, as_path):
        with pytest.raises(Refused, match=r"builtins\.exec"):
            door(value)
    assert not list(tmp_path.iterdir())
    assert not list(WORKSPACES.rglob("PWNED*"))


def test_results_of_the_runner_are_the_metrics_of_the_truth() -> None:
    checked = 0
    for folder, loop in loops():
        for message in messages(folder, "runner result"):
            result = attributes(attributes(message)["running_info"])["result"]
            if loop["metrics"]:
                series = as_series(result)
                found = dict(zip(series.index[0].to_list(), series.values.to_list(), strict=True))
                assert found == pytest.approx(loop["metrics"], rel=CLOSE)
                checked += 1
            workspace = attributes(attributes(message)["experiment_workspace"])["workspace_path"]
            assert as_path(workspace).name == loop["experiment_workspace_id"]
    assert checked >= 10


def test_charts_are_the_curves_of_the_truth() -> None:
    checked = 0
    for folder, loop in loops():
        charts = messages(folder, "Quantitative Backtesting Chart")
        assert len(charts) == loop["n_charts"]
        for chart, truth in zip(
            charts[::-1], (loop["chart"], loop.get("baseline_chart")), strict=False
        ):
            table = as_frame(chart).table()
            excess = table["return"] - table["bench"].cast(pl.Float64)
            assert (table.height, table.columns[1:]) == (truth["n_rows"], truth["columns"])
            assert str(table["datetime"][0].date()) == truth["first_date"]
            assert table["account"][-1] == pytest.approx(truth["final_account"], rel=CLOSE)
            assert excess.sum() == pytest.approx(truth["sum_return_minus_bench"], rel=1e-6)
            checked += 1
    assert checked >= 10


def test_hypotheses_tasks_and_decisions_are_text_and_truth() -> None:
    for folder, loop in loops():
        for hypothesis in messages(folder, "hypothesis generation"):
            assert attributes(hypothesis)["hypothesis"] == loop["hypothesis"]
            assert qualified(hypothesis).endswith(loop["hypothesis_class"])
        for feedback in messages(folder, "feedback"):
            assert attributes(feedback)["decision"] == loop["decision"]
        for experiment in messages(folder, "runner result"):
            tasks = [attributes(task) for task in attributes(experiment)["sub_tasks"]]  # type: ignore[attr-defined]
            assert [task["name"] for task in tasks] == [task["name"] for task in loop["tasks"]]


@pytest.mark.parametrize("run", RUNS)
def test_artifacts_of_mlflow_decode(run: str) -> None:
    for folder in sorted((TRACES / run).rglob("artifacts")):
        report = as_frame(load_in(folder, "portfolio_analysis/report_normal_1day.pkl"))
        assert report.index_names == ("datetime",)
        pred, label = (as_frame(load_in(folder, name)) for name in ("pred.pkl", "label.pkl"))
        assert pred.columns == ("score",)
        assert len(label.columns) == 1
        assert pred.index_names == label.index_names == ("datetime", "instrument")
        risk = as_frame(load_in(folder, "portfolio_analysis/port_analysis_1day.pkl"))
        assert (risk.columns, len(risk.index)) == (("risk",), 2)
        metrics = folder.parent / "metrics"
        for name, metric in (("ic", "IC"), ("ric", "Rank IC")):
            daily = as_series(load_in(folder, f"sig_analysis/{name}.pkl"))
            truth = float((metrics / metric).read_text().split()[1])
            assert daily.values.fill_nan(None).mean() == pytest.approx(truth, rel=CLOSE)


def load_in(folder: Path, name: str) -> object:
    return load((folder / name).read_bytes())


def test_the_ic_of_prediction_and_label_is_the_stored_one() -> None:
    folder = next((TRACES / "run_factor_100").rglob("artifacts"))
    pred, label = (as_frame(load_in(folder, f"{name}.pkl")).table() for name in ("pred", "label"))
    joined = pred.join(label, on=["datetime", "instrument"]).fill_nan(None).drop_nulls()
    daily = joined.group_by("datetime").agg(ic=pl.corr("score", pl.col(label.columns[-1])))
    stored = as_series(load_in(folder, "sig_analysis/ic.pkl")).table()
    both = daily.join(stored, on="datetime").fill_nan(None).drop_nulls()
    worst = (both["ic"] - both[stored.columns[-1]]).abs().max()
    assert isinstance(worst, float)
    assert worst < 1e-6


def test_all_frames_series_and_paths_within_messages_decode() -> None:
    refused: set[str] = set()
    decoded = 0
    doors: dict[str, Callable[[object], object]] = {
        "DataFrame": as_frame, "Series": as_series, "PosixPath": as_path,
    }  # fmt: skip
    for path in real_pickles():
        if path.name == "ret.pkl":
            continue
        for found in records(load(path.read_bytes())):
            if (door := doors.get(found.name)) is not None:
                try:
                    door(found)
                    decoded += 1
                except Refused as refusal:
                    assert "__session__" in path.parts, refusal
                    refused.add(refusal.name)
    assert decoded >= 400
    # The embeddings of a session's knowledge base are lists of numbers in a column.
    assert refused == {"list"}


def records(value: object) -> Iterator[Record]:
    waiting, seen = [value], {}
    while waiting:
        part: Any = waiting.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        if isinstance(part, Record):
            yield part
            waiting += [part.args, part.kwargs, part.state, part.items, part.entries]
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list | tuple | set | frozenset):
            waiting += part


def test_ratios_of_the_truth_are_finite() -> None:
    assert all(math.isfinite(TRUTH[key]["ret"]["final_nav"]) for key in FRAMES)
