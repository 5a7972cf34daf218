"""Check ids made from content: what makes two strategies equal, and what does not."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest

from rdlake.domain.ids import (
    canonical_json,
    model_id,
    protocol_strategy_id,
    runs_model_file,
    strategy_content,
    strategy_id,
)
from rdlake.domain.recording import Configuration, Json
from rdlake.sources.mlruns.configuration import read_params, read_task, read_yaml_configuration
from rdlake.sources.mlruns.plain import to_json
from tests.places import SHARED
from tests.sources.mlruns.build import flat, make_task

LEGACY = SHARED / "legacy_catalogs" / "strategy_catalog.json"


def configuration(task: dict[str, Any] | None = None) -> Configuration:
    return read_task(to_json(task or make_task()), "task", "task")[0]


def with_model(**kwargs: Any) -> str:
    return strategy_id(configuration(make_task(model={"class": "LGBModel", "kwargs": kwargs})))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
        (5, 5.0),
        (100000000, 1e8),
        ("0.0005", 5e-4),
        ("1e-3", 0.001),
        (datetime.date(2017, 7, 1), "2017-07-01"),
        (datetime.datetime(2017, 7, 1), "2017-07-01"),
        ("2017-07-01 00:00:00", "2017-07-01"),
        ((1, 2), [1, 2]),
        ({"a": {}, "b": 1}, {"b": 1}),
        (PurePosixPath("a/b"), "a/b"),
    ],
)
def test_equal_content_has_equal_json(one: object, other: object) -> None:
    assert canonical_json(one) == canonical_json(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (None, "None"),
        ("000300", 300),
        ("SH000300", "SZ000300"),
        (0.1, 0.10000000000000002),
        ([1, 2], [2, 1]),
        (datetime.datetime(2017, 7, 1, 9), datetime.date(2017, 7, 1)),
        (float("nan"), None),
        ({"a": None}, {}),
    ],
)
def test_other_content_has_other_json(one: object, other: object) -> None:
    assert canonical_json(one) != canonical_json(other)


def test_json_is_short_and_keeps_every_letter() -> None:
    assert (
        canonical_json({"市场": "沪深300", "a": [1.50, "x"]}) == '{"a":[1.5,"x"],"市场":"沪深300"}'
    )


def test_an_id_does_not_change_with_the_version_of_rdlake() -> None:
    assert strategy_id(configuration()) == "3f743f8c-6dd5-5b96-b8e0-aedc3aeef37b"


def test_another_topk_is_another_strategy() -> None:
    assert strategy_id(configuration()) == strategy_id(configuration(make_task()))
    assert strategy_id(configuration()) != strategy_id(configuration(make_task(topk=30)))
    assert strategy_id(configuration()) == strategy_id(configuration(make_task(topk="50")))


@pytest.mark.parametrize(
    "ignored",
    [
        {"num_threads": 20},
        {"n_jobs": 4},
        {"GPU": 0},
        {"device_type": "gpu"},
        {"provider_uri": "~/.qlib/qlib_data/cn_data"},
        {"save_path": "/mnt/f/models"},
        {"cache": "F:\\Dev\\cache"},
        {"pt_model_kwargs": {"num_features": 22}},
    ],
)
def test_threads_devices_paths_and_the_number_of_inputs_are_left_out(
    ignored: dict[str, Any],
) -> None:
    assert with_model(max_depth=8) == with_model(max_depth=8, **ignored)


@pytest.mark.parametrize("told", [{"seed": 7}, {"max_depth": 9}, {"lr": 0.1}, {"loss": "mae"}])
def test_seed_and_settings_are_part_of_it(told: dict[str, Any]) -> None:
    assert with_model(max_depth=8) != with_model(**{"max_depth": 8, **told})


def test_the_signal_and_the_factor_set_are_left_out() -> None:
    task = make_task()
    kwargs = task["dataset"]["kwargs"]["handler"]["kwargs"]["data_loader"]["kwargs"]
    without = make_task()
    del without["dataset"]["kwargs"]["handler"]["kwargs"]["data_loader"]["kwargs"]["dataloader_l"][
        1
    ]
    without["record"][0]["kwargs"]["config"]["strategy"]["kwargs"]["signal"] = ["<MODEL>"]
    assert len(kwargs["dataloader_l"]) == 2
    assert strategy_id(configuration(task)) == strategy_id(configuration(without))


@pytest.mark.parametrize(
    "model",
    [
        {"class": "GeneralPTNN", "kwargs": {"pt_model_uri": "model.model_cls"}},
        {"class": "Net", "module_path": "model"},
    ],
)
def test_the_model_s_own_code_is_part_of_it(model: dict[str, Any]) -> None:
    found = configuration(make_task(model=model))
    assert runs_model_file(found)
    assert strategy_id(found, "a" * 64) != strategy_id(found, "b" * 64)
    assert not runs_model_file(configuration())
    assert strategy_id(configuration(), "a" * 64) == strategy_id(configuration())


def test_task_parameters_and_yaml_give_one_id() -> None:
    import yaml

    task = make_task()
    told = strategy_id(configuration(task))
    assert strategy_id(read_params(flat(task), "params")[0]) == told
    text = yaml.safe_dump({"market": "csi300", "task": task}).encode()
    assert strategy_id(read_yaml_configuration(text, "conf.yaml")[0]) == told


def test_what_is_not_known_has_a_content_too() -> None:
    assert strategy_content(Configuration(origin="task")) == dict.fromkeys(
        ("dataset", "strategy", "backtest", "executor", "model", "model_code")
    )
    assert not runs_model_file(Configuration(origin="task"))
    assert not runs_model_file(replace(configuration(), model_config={"kwargs": 1}))


def test_a_model_is_one_workspace_s_and_one_training_s() -> None:
    config: Json = {"class": "LGBModel", "kwargs": {"num_threads": 1}}
    made = model_id("a" * 32, config, ["X"], "0" * 64)
    assert made == model_id("a" * 32, {"class": "LGBModel"}, ["X"], "0" * 64)
    others = [
        model_id("b" * 32, config, ["X"], "0" * 64),
        model_id("a" * 32, config, ["X", "Y"], "0" * 64),
        model_id("a" * 32, config, None, "0" * 64),
        model_id("a" * 32, config, ["X"], "1" * 64),
        model_id("a" * 32, config, ["X"], "0" * 64, "2" * 64),
    ]
    assert len({made, *others}) == len(others) + 1


def test_the_older_recipe_gives_the_ids_that_aistock_stored() -> None:
    found = protocol_strategy_id(None, "feedback", "factor", [])
    assert found == "bd47118e4fad5e55a77c96f572975558"


@pytest.mark.skipif(not LEGACY.is_file(), reason="needs the older catalogs")
def test_the_older_recipe_gives_the_ids_of_the_older_catalog() -> None:
    strategies = json.loads(LEGACY.read_text("utf-8"))["strategies"]
    assert strategies
    for each in strategies:
        words = each["scenario"], each["step_name"], each["action"]
        shuffled = reversed(each["template_files"])
        assert protocol_strategy_id(*words, shuffled) == each["strategy_id"]
