"""Test the demo: equal for equal seeds, laid out like RD-Agent's, with figures that agree."""

from __future__ import annotations

import csv
import hashlib
import math
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from rdlake.demo import DemoReport, write_demo
from rdlake.errors import BadInput

EXPERIMENTS = 120
CURVE = [
    "account", "return", "total_turnover", "turnover", "total_cost", "cost", "value", "cash",
    "bench", "datetime",
]  # fmt: skip
FACTOR_TEMPLATES = {
    "README.md", "read_exp_res.py", "conf_baseline.yaml", "conf_combined_factors.yaml",
    "conf_combined_factors_sota_model.yaml",
}  # fmt: skip
MODEL_TEMPLATES = {
    "README.md", "read_exp_res.py", "conf_baseline_factors_model.yaml",
    "conf_sota_factors_model.yaml",
}  # fmt: skip
RESULT = {"qlib_res.csv", "ret.parquet"}
FACTORS = "combined_factors_df.parquet"
KINDS = {
    frozenset({"factor.py"}): "sub",
    frozenset({"model.py"}): "sub",
    frozenset({"runtime_info.py"}): "junk",
    frozenset(FACTOR_TEMPLATES): "unused",
    frozenset(FACTOR_TEMPLATES | RESULT): "baseline",
    frozenset(FACTOR_TEMPLATES | {FACTORS}): "failed",
    frozenset(FACTOR_TEMPLATES | RESULT | {FACTORS}): "factor",
    frozenset(MODEL_TEMPLATES | RESULT | {"model.py"}): "model",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoReport:
    return write_demo(tmp_path_factory.mktemp("demo"), experiments=EXPERIMENTS, seed=7)


def digest(directory: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        found.update(path.relative_to(directory).as_posix().encode())
        found.update(path.read_bytes() if path.is_file() else b"/")
    return found.hexdigest()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def kind(folder: Path) -> str:
    """Name a workspace by its files alone."""
    present = frozenset(names(folder))
    return KINDS.get(present - {FACTORS} if "model.py" in present else present, "unknown")


def folders(demo: DemoReport, *kinds: str) -> list[Path]:
    return [folder for folder in sorted(demo.workspaces.iterdir()) if kind(folder) in kinds]


def metrics(folder: Path) -> dict[str, float]:
    header, *rows = csv.reader((folder / "qlib_res.csv").read_text().splitlines())
    assert header == ["", "0"]
    return {name: float(value) if value else math.nan for name, value in rows}


def max_drawdown(gains: list[float]) -> float:
    total, peak, worst = 0.0, -math.inf, 0.0
    for gain in gains:
        total += gain
        peak = max(peak, total)
        worst = min(worst, total - peak)
    return worst


def recomputed(folder: Path, *, with_cost: bool) -> dict[str, float]:
    rows = pq.read_table(folder / "ret.parquet").to_pylist()
    gains = [row["return"] - row["bench"] - with_cost * row["cost"] for row in rows]
    mean = math.fsum(gains) / len(gains)
    std = math.sqrt(math.fsum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1))
    return {
        "mean": mean,
        "std": std,
        "annualized_return": mean * 238,
        "information_ratio": mean / std * math.sqrt(238),
        "max_drawdown": max_drawdown(gains),
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_demo(tmp_path / name, experiments=12, seed=3)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_another_seed_gives_another_demo(tmp_path: Path) -> None:
    first = write_demo(tmp_path / "a", experiments=3, seed=3)
    second = write_demo(tmp_path / "b", experiments=3, seed=4)
    assert not names(first.workspaces) & names(second.workspaces)


def test_a_longer_demo_holds_the_shorter_one_unchanged(tmp_path: Path) -> None:
    short = write_demo(tmp_path / "short", experiments=27, seed=3)
    long = write_demo(tmp_path / "long", experiments=30, seed=3)
    assert names(short.workspaces) < names(long.workspaces)
    for folder in short.workspaces.iterdir():
        assert digest(folder) == digest(long.workspaces / folder.name)


@pytest.mark.slow
def test_the_report_counts_what_is_on_disk(demo: DemoReport) -> None:
    found = Counter(kind(folder) for folder in demo.workspaces.iterdir())
    assert demo.experiments == EXPERIMENTS == found["factor"] + found["model"] + found["failed"]
    assert (demo.failures, demo.baselines) == (found["failed"], found["baseline"])
    assert demo.sub_workspaces == found["sub"]
    assert demo.bytes_written == sum(
        path.stat().st_size for path in demo.directory.rglob("*") if path.is_file()
    )


@pytest.mark.slow
def test_it_mixes_models_failures_and_folders_without_experiment(demo: DemoReport) -> None:
    found = Counter(kind(folder) for folder in demo.workspaces.iterdir())
    assert 0.1 < found["model"] / EXPERIMENTS < 0.3
    assert 0.02 < found["failed"] / EXPERIMENTS < 0.08
    assert found["unused"] and found["junk"] and found["sub"] and not found["unknown"]
    assert found["baseline"] == len(list((demo.directory / "log").iterdir())) == 5


def test_progress_counts_every_experiment(tmp_path: Path) -> None:
    seen: list[int] = []
    write_demo(tmp_path / "demo", experiments=4, seed=0, on_progress=seen.append)
    assert seen == [1, 2, 3, 4]


def test_configurations_are_templates_that_nobody_rendered(demo: DemoReport) -> None:
    for folder in folders(demo, "factor", "model", "unused")[:20]:
        for path in folder.glob("conf_*.yaml"):
            assert "{{ train_start }}" in path.read_text()


def test_return_figures_are_those_of_the_curve(demo: DemoReport) -> None:
    for folder in folders(demo, "factor", "model", "baseline"):
        found = metrics(folder)
        for basis in ("without_cost", "with_cost"):
            for name, value in recomputed(folder, with_cost=basis == "with_cost").items():
                key = f"1day.excess_return_{basis}.{name}"
                assert math.isclose(found[key], value, rel_tol=1e-12, abs_tol=1e-15), key


def test_only_boosted_trees_report_their_losses(demo: DemoReport) -> None:
    assert {len(metrics(folder)) for folder in folders(demo, "factor", "baseline")} == {19}
    assert {len(metrics(folder)) for folder in folders(demo, "model")} == {17}


def test_a_few_experiments_have_no_ic(demo: DemoReport) -> None:
    without = [f for f in folders(demo, "factor", "model") if math.isnan(metrics(f)["IC"])]
    assert 0 < len(without) < 10
    assert all(math.isnan(metrics(folder)["Rank ICIR"]) for folder in without)


def test_the_curve_is_an_account_that_adds_up(demo: DemoReport) -> None:
    table = pq.read_table(folders(demo, "factor")[0] / "ret.parquet")
    assert table.column_names == CURVE
    types = {str(field.type) for field in table.schema if field.name not in ("bench", "datetime")}
    assert types == {"double"}
    assert str(table.schema.field("bench").type) == "float"
    assert str(table.schema.field("datetime").type) == "timestamp[ns]"
    rows = table.to_pydict()
    net = np.array(rows["return"]) - np.array(rows["cost"])
    np.testing.assert_allclose(rows["account"], 1e8 * np.cumprod(1 + net), rtol=1e-12)
    np.testing.assert_allclose(np.add(rows["value"], rows["cash"]), rows["account"], rtol=1e-12)


def test_factor_files_have_the_columns_that_pandas_writes(demo: DemoReport) -> None:
    seen = set()
    for folder in folders(demo, "factor", "failed"):
        schema = pq.read_schema(folder / FACTORS)
        *columns, days, instruments = schema
        assert (days.name, instruments.name) == ("datetime", "instrument")
        assert {str(column.type) for column in columns} == {"float"}
        assert b'"index_columns": ["datetime", "instrument"]' in schema.metadata[b"pandas"]
        seen |= {column.name for column in columns}
    assert all(name.startswith("('feature', '") for name in seen)
    assert any("日" in name for name in seen)


def test_rows_with_gaps_are_dropped_once_accepted_factors_exist(demo: DemoReport) -> None:
    gaps, whole = 0, 0
    for folder in folders(demo, "factor"):
        table = pq.read_table(folder / FACTORS)
        missing = sum(column.null_count for column in table.columns)
        gaps, whole = gaps + (missing > 0), whole + (missing == 0)
        assert table.num_rows == 21 * 40 if missing else table.num_rows < 21 * 40
    assert gaps and whole


def test_an_accepted_factor_keeps_its_values_in_later_experiments(demo: DemoReport) -> None:
    values: dict[str, set[float]] = {}
    repeated = 0
    for folder in folders(demo, "factor", "model"):
        if (folder / FACTORS).exists():
            table = pq.read_table(folder / FACTORS)
            last = dict(zip(table.column_names, table.to_pylist()[-1].values(), strict=True))
            for name, value in last.items():
                repeated += value in values.setdefault(name, set())
                values[name].add(value)
    assert repeated > EXPERIMENTS


def test_prices_can_be_read_without_pandas(demo: DemoReport) -> None:
    path = demo.workspaces.parent / "factor_implementation_source_data" / "daily_pv.h5"
    with h5py.File(path) as file:
        frame = file["data"]
        assert frame.attrs["pandas_type"] == b"frame"
        fields = [name.decode() for name in frame["axis0"]]
        instruments = [name.decode() for name in frame["axis1_level1"]]
        days = frame["axis1_level0"][:].astype("datetime64[ns]")
        prices, codes = frame["block0_values"][:], frame["axis1_label1"][:]
        assert len(prices) == len(codes) == len(frame["axis1_label0"])
    assert fields == ["$open", "$close", "$high", "$low", "$volume", "$factor"]
    assert {"SH000300", "SH600000", "SZ000001"} < set(instruments)
    assert prices.dtype == np.float32
    assert (prices[:, 2] >= prices[:, 3]).all()
    assert (np.diff(days) > np.timedelta64(0)).all()


def test_the_curve_is_measured_against_the_benchmark_in_the_prices(demo: DemoReport) -> None:
    path = demo.workspaces.parent / "factor_implementation_source_data" / "daily_pv.h5"
    with h5py.File(path) as file:
        close = file["data/block0_values"][:, 1][file["data/axis1_label1"][:] == 0].astype(float)
        days = file["data/axis1_level0"][1:].astype("datetime64[ns]")
    returns = dict(zip(days.tolist(), close[1:] / close[:-1] - 1, strict=True))
    curve = pq.read_table(
        folders(demo, "baseline")[0] / "ret.parquet", columns=["datetime", "bench"]
    )
    for day, bench in zip(*(column.to_numpy() for column in curve.columns), strict=True):
        assert bench == np.float32(returns[day.astype("datetime64[ns]").item()])


def test_a_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(BadInput, match="new or empty"):
        write_demo(tmp_path, experiments=1, seed=0)
    assert names(tmp_path) == {"mine.txt"}


def test_a_file_is_refused_as_directory(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(BadInput):
        write_demo(tmp_path / "mine.txt", experiments=1, seed=0)


@pytest.mark.parametrize(("experiments", "seed"), [(0, 1), (-3, 1), (1, -1)])
def test_numbers_below_their_minimum_are_refused(
    tmp_path: Path, experiments: int, seed: int
) -> None:
    with pytest.raises(BadInput):
        write_demo(tmp_path / "demo", experiments=experiments, seed=seed)
    assert not (tmp_path / "demo").exists()
