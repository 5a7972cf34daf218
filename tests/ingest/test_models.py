"""One row per trained model, whichever of log and folder is known, and whichever came first."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.builders_traces import (
    KEY,
    make_backtest,
    make_loop,
    make_model_loop,
    make_proposal,
    workspace_id,
    write_run,
)
from tests.ingest.test_derive import folders, logs, read
from tests.ingesting import ingest
from tests.places import needs_shared
from tests.sources.mlruns.build import make_recording

OWN = workspace_id("own", 0)
CODE = "def calculate_Net():\n    return 'Net'\n"
PROPOSED = {
    "name": "Net",
    "model_type": "TimeSeries",
    "description": "what it measures",
    "formulation": "f = x",
    "architecture": "two layers",
    "variables": {"$close": "close price"},
    "hyperparameters": {"hidden": "64"},
    "training_hyperparameters": {"n_epochs": "10", "lr": "1e-3"},
}


def net(**overrides: Any) -> Any:
    words = {"model_type": "TimeSeries", "architecture": "two layers"}
    return make_proposal("Net", **{**words, "hyperparameters": {"hidden": "64"}, **overrides})


def ingested(lake: Lake, root: Path, **overrides: Any) -> list[dict[str, Any]]:
    """The models of a lake into which one model loop's log was read."""
    write_run(root, make_model_loop(0, **{"proposals": (net(),), **overrides}))
    ingest(lake, [], [root], signing_key=KEY)
    return lake.read("models").to_dicts()


def only(lake: Lake, name: str) -> dict[str, Any]:
    (row,) = lake.read(name).to_dicts()
    return row


@pytest.mark.parametrize("ending", ["success", "cached"])
def test_a_model_of_which_a_log_alone_tells(lake: Lake, tmp_path: Path, ending: str) -> None:
    (model,) = ingested(lake, tmp_path, ending=ending)
    loop = only(lake, "loops")
    assert (model["workspace_id"], model["model_id"]) == (OWN, loop["model_id"])
    assert model["source_digest"] == loop["source_digest"]
    assert model["model_type"] == "TimeSeries"
    assert json.loads(model["proposal"]) == PROPOSED
    assert model["code_sha256"] == sha256(CODE.encode()).hexdigest()
    ran = ("model_config", "dataset_config", "feature_list", "model_files", "weights_sha256")
    assert {model[name] for name in ran} == {None}
    told = ("model_id", "model_type", "proposal", "code_sha256")
    assert dict(model["provenance"]) == dict.fromkeys(told, "trace")


def test_a_loop_that_trained_nothing_has_no_model(lake: Lake, tmp_path: Path) -> None:
    assert ingested(lake, tmp_path / "skipped", ending="skipped") == []
    nothing = replace(make_backtest("own", 1), metrics={"IC": math.nan})
    write_run(tmp_path / "failed", make_model_loop(1, backtest=nothing))
    write_run(tmp_path / "factors", make_loop(2, backtest=make_backtest("own", 2)))
    ingest(lake, [], [tmp_path / "failed", tmp_path / "factors"], signing_key=KEY)
    assert lake.read("models").is_empty()
    assert lake.read("loops")["model_id"].null_count() == lake.read("loops").height


@pytest.mark.slow
def test_what_was_proposed_makes_the_id(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"model_type": "Tabular"},
        {"hyperparameters": {"hidden": "65"}},
        {"training": {"n_epochs": "11"}},
        {"code": "model_cls = None\n"},
    ]
    ids = []
    for place, change in enumerate([*changes, {"description": "in other words"}]):
        lake = init_store(tmp_path / f"lake {place}")
        (model,) = ingested(lake, tmp_path / f"log {place}", proposals=(net(**change),))
        ids.append(model["model_id"])
    assert len(set(ids)) == len(changes)
    assert ids[-1] == ids[0]


def test_parameters_that_are_no_number_are_json_all_the_same(lake: Lake, tmp_path: Path) -> None:
    (model,) = ingested(lake, tmp_path, proposals=(net(hyperparameters={"x": math.nan}),))
    told = json.loads(model["proposal"], parse_constant=refuse)
    assert told["hyperparameters"] == {"x": "NaN"}


def refuse(word: str) -> None:
    raise AssertionError(word)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["log first", "folder first", "together"])
def test_a_model_that_both_tell_of_is_one_row(tmp_path: Path, order: str) -> None:
    folder = make_workspace(tmp_path / "ws", OWN, action="model", factors=None)
    make_recording(folder)
    write_run(tmp_path / "log", make_model_loop(0, proposals=(net(),)))
    lake = init_store(tmp_path / "lake")
    both = [([tmp_path / "ws"], []), ([], [tmp_path / "log"])]
    steps = {
        "log first": both[::-1],
        "folder first": both,
        "together": [([tmp_path / "ws"], [tmp_path / "log"])],
    }
    for workspaces, runs in steps[order]:
        ingest(lake, workspaces, runs, signing_key=KEY)
    model = only(lake, "models")
    alone = init_store(tmp_path / "alone")
    ingest(alone, [tmp_path / "ws"])
    assert model["model_id"] == only(alone, "models")["model_id"] == only(lake, "loops")["model_id"]
    assert model["model_type"] == "LGBModel"
    assert model["weights_sha256"] == sha256(b"weights").hexdigest()
    assert model["code_sha256"] == sha256((folder / "model.py").read_bytes()).hexdigest()
    assert json.loads(model["proposal"]) == PROPOSED
    assert dict(model["provenance"]) == {"model_id": "task", "proposal": "trace"}


@pytest.mark.slow
@needs_shared
def test_the_real_model_is_as_it_was_proposed_and_its_code_as_it_lies(tmp_path: Path) -> None:
    truth = next(path.parent / "expected.json" for path in logs() if "quant2" in str(path))
    (loop,) = (
        loop
        for run in json.loads(truth.read_text("utf-8"))["run_folders"]
        for loop in run["loops"]
        if loop["action"] == "model"
    )
    (task,) = loop["tasks"]
    lake = read(tmp_path / "lake", ([], logs()))
    model = only(lake, "models")
    assert model["workspace_id"] == loop["experiment_workspace_id"]
    said = json.loads(model["proposal"])
    for name in ("name", "description", "formulation"):
        assert said[name] == task[name]
    code = next(
        path
        for root in folders()
        for path in root.glob(f"{loop['experiment_workspace_id']}/model.py")
    )
    assert model["code_sha256"] == sha256(code.read_bytes()).hexdigest()
    ingest(lake, folders())
    rows = lake.read("models", where=pl.col("workspace_id") == model["workspace_id"])
    assert rows["proposal"].to_list() == [model["proposal"]]
    assert rows["weights_sha256"].null_count() == 0
    assert rows["model_id"].to_list() != [model["model_id"]]
