"""Strategies, models and signals of a back-test that qlib really recorded."""

from __future__ import annotations

import json
import math
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.store.lake import Lake
from tests.builders import make_workspace
from tests.ingesting import ingest
from tests.places import DATA
from tests.sources.mlruns.build import DAYS, FOLDER, make_recording, pickled_days, write

RECORDINGS = DATA / "recordings"
EXPECTED = json.loads((RECORDINGS / "expected.json").read_text(encoding="utf-8"))
(NAME,) = EXPECTED
TRUTH = EXPECTED[NAME]


@pytest.fixture
def recorded(lake: Lake, tmp_path: Path) -> Lake:
    """A lake with the recorded back-test, and beside it a copy under another name."""
    root = tmp_path / "workspaces"
    shutil.copytree(RECORDINGS / NAME, root / NAME)
    assert ingest(lake, [root]).counts["ok"] == 1
    return lake


def only(lake: Lake, name: str) -> dict[str, Any]:
    (row,) = lake.read(name).to_dicts()
    return row


def test_the_configuration_that_ran_is_a_strategy(recorded: Lake) -> None:
    strategy, loop = only(recorded, "strategies"), only(recorded, "loops")
    assert loop["strategy_id"] == strategy["strategy_id"]
    assert loop["config_name"] == TRUTH["config"]
    assert strategy["topk"] == TRUTH["topk"]
    assert strategy["n_drop"] == TRUTH["n_drop"]
    assert strategy["market"] == TRUTH["instruments"]
    segments = {name: "/".join(days) for name, days in TRUTH["segments"].items()}
    assert dict(strategy["segments"]) == segments
    assert json.loads(strategy["model_config"])["class"] == TRUTH["model_class"]
    assert len(strategy["base_features"]) == 20


def test_no_path_of_the_machine_is_in_a_strategy_or_model(recorded: Lake) -> None:
    assert "/home/" not in json.dumps([only(recorded, "strategies"), only(recorded, "models")])


def test_a_model_knows_its_features_in_the_order_of_its_input(recorded: Lake) -> None:
    model, loop = only(recorded, "models"), only(recorded, "loops")
    assert loop["model_id"] == model["model_id"]
    inputs = {*loop["base_features"], *loop["factor_names"]}
    assert model["feature_list"] == sorted(inputs)
    assert model["weights_sha256"]
    assert model["source_digest"] == loop["source_digest"]


def test_signals_are_the_best_scores_of_each_day(recorded: Lake) -> None:
    signals = recorded.read("signals")
    assert signals["date"].n_unique() == TRUTH["recomputed_from_pred_label"]["n_days"]
    a_day = signals.group_by("date").agg(
        pl.len(), pl.col("rank").max(), pl.col("target_weight").sum()
    )
    assert set(a_day["rank"]) == {TRUTH["topk"]}
    assert a_day["target_weight"].to_list() == pytest.approx([1.0] * a_day.height)
    falls = signals.sort("date", "rank").with_columns(pl.col("score").diff().over("date"))
    assert (falls["score"].drop_nulls() <= 0).all()


def test_the_data_that_was_scored_is_described(recorded: Lake) -> None:
    assert only(recorded, "loops")["data_profile"] == {
        "market": TRUTH["instruments"],
        "instruments": TRUTH["label_rows"] // TRUTH["recomputed_from_pred_label"]["n_days"],
        "days": TRUTH["recomputed_from_pred_label"]["n_days"],
        "first_day": date(2017, 7, 3),
        "last_day": date(2018, 6, 29),
        "score_missing": 0.0,
        "label_missing": 0.0,
    }


def test_scores_of_one_instrument_and_a_missing_ic_are_warnings(lake: Lake, tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "ws")
    rows = [(day, "SH600000", value) for day, value in zip(DAYS, (0.1, math.nan), strict=True)]
    run = make_recording(folder, rows=rows)
    write(run / "artifacts/sig_analysis/ic.pkl", pickled_days([math.nan, math.nan]))
    ingest(lake, [tmp_path / "ws"])
    found = lake.read("ingests").explode("findings").unnest("findings")
    assert set(found["status"]) == {"ok"}
    assert set(found.select("level", "file", "reason").rows()) == {
        ("warning", f"{FOLDER}/artifacts/pred.pkl", "scores of one instrument only"),
        ("warning", f"{FOLDER}/artifacts/sig_analysis/ic.pkl", "the IC is missing on every day"),
    }
    profile = only(lake, "loops")["data_profile"]
    assert (profile["instruments"], profile["days"], profile["score_missing"]) == (1, 2, 0.5)
    assert (profile["first_day"], profile["last_day"]) == DAYS


def test_what_was_not_recorded_has_no_profile(lake: Lake, tmp_path: Path) -> None:
    make_workspace(tmp_path / "ws")
    ingest(lake, [tmp_path / "ws"])
    assert only(lake, "loops")["data_profile"] is None


def test_a_configuration_that_ran_twice_is_one_strategy(recorded: Lake, tmp_path: Path) -> None:
    before = recorded.snapshot("strategies").version
    again = tmp_path / "elsewhere" / ("f" * 32)
    shutil.copytree(RECORDINGS / NAME, again)
    ingest(recorded, [again.parent])
    assert recorded.snapshot("strategies").version == before
    assert recorded.read("models")["model_id"].n_unique() == recorded.read("models").height
