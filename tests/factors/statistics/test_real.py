"""Test the statistics of real factors against those of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.places import CORPUS, TRACES, needs_shared

NEAR = 1e-8
BELOW = "git_ignore_folder/RD-Agent_workspace"
NAMES = {
    "mean_ic": "ic_mean",
    "icir": "ic_ir",
    "mean_rank_ic": "rank_ic_mean",
    "rank_icir": "rank_ic_ir",
    "n_days": "ic_days",
}
Key = tuple[str, str]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = init_store(tmp_path_factory.mktemp("corpus") / "lake")
    Library(lake).ingest(CORPUS / BELOW)
    return lake


def rows_of(lake: Lake, window: str) -> dict[Key, dict[str, Any]]:
    rows = lake.read("factor_perf", where=pl.col("window") == window).to_dicts()
    return {(row["workspace_id"], row["factor_name"]): row for row in rows}


@needs_shared
def test_the_corpus_has_the_figures_of_pandas(corpus: Lake) -> None:
    found, compared = rows_of(corpus, "all"), 0
    truth = json.loads((CORPUS / "truth.json").read_text("utf-8"))
    wanted = {
        (workspace, name): figures
        for workspace, entry in truth.items()
        for name, figures in entry.get("factor_ic", {}).items()
    }
    assert found.keys() == wanted.keys()
    for key, figures in wanted.items():
        row = found[key]
        assert (row["rows"], row["finite_values"]) == (figures["rows"], figures["non_null"])
        assert row["label_source"] == "prices"
        for name, value in figures.items():
            if name.startswith("label_"):
                compared += 1
                own = row[name.removeprefix("label_")]
                assert own == (value if value is None else pytest.approx(value, abs=NEAR, rel=0))
    assert compared == 6 * len(wanted)


@needs_shared
def test_the_same_factor_has_the_same_bits_in_every_workspace(corpus: Lake) -> None:
    rows = corpus.read("factor_perf", where=pl.col("window") == "all")
    named = {("Momentum_10D", "动量_10日"), ("VolumeRatio_5_20", "量比_5_20日")}
    for english, chinese in named:
        two = rows.filter(pl.col("factor_name").is_in([english, chinese]) & (pl.col("rows") > 9e4))
        figures = two.drop("workspace_id", "factor_name", "source_digest", "rows", "coverage")
        assert two.height >= 2 and figures.drop("start_date", "end_date").unique().height == 1


@needs_shared
def test_test_windows_of_the_corpus_are_those_of_the_curves(corpus: Lake) -> None:
    assert {key for key, _ in corpus.read("factor_perf").group_by("window")} == {
        ("all",),
        ("test",),
    }
    curves = corpus.read("loops", ["workspace_id", "curve_start", "curve_end"])
    rows = corpus.read("factor_perf", where=pl.col("window") == "test").join(
        curves, on="workspace_id"
    )
    assert rows.filter(
        (pl.col("start_date") != pl.col("curve_start"))
        | (pl.col("end_date") != pl.col("curve_end"))
    ).is_empty()
    assert corpus.read("factor_combinations").filter(pl.col("metrics").is_null()).is_empty()


@needs_shared
def test_nothing_of_the_corpus_is_measured_twice(corpus: Lake) -> None:
    rows = corpus.read("factor_perf")
    assert rows["series_id"].n_unique() == rows["values_sha256"].n_unique() == 12
    assert corpus.read("factor_ic").unique(["series_id", "date"]).height == 11_129


@pytest.mark.slow
@needs_shared
@pytest.mark.parametrize("run", ["run_factor_080", "run_factor_100", "run_quant2_100"])
def test_traces_have_the_figures_of_the_recorded_label(tmp_path: Path, run: str) -> None:
    lake = init_store(tmp_path / "lake")
    Library(lake).ingest(TRACES / run / BELOW)
    found, compared = rows_of(lake, "test"), 0
    expected = json.loads((TRACES / run / "expected.json").read_text("utf-8"))
    for workspace, entry in expected["workspaces"].items():
        for name, figures in (entry.get("per_factor") or {}).items():
            row = found[workspace, name]
            assert row["label_source"] == "label.pkl"
            assert (str(row["start_date"]), str(row["end_date"])) == ("2017-07-01", "2018-06-29")
            for theirs, ours in NAMES.items():
                assert row[ours] == pytest.approx(figures[theirs], abs=NEAR, rel=0)
                compared += 1
    assert compared >= 2 * len(NAMES)
    assert {"train", "valid"} <= set(lake.read("factor_perf")["window"])
