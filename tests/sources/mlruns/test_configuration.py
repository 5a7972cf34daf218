"""Check the configuration that ran: its source, and what is known about the model's inputs."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from rdlake.domain.experiment import Workspace
from rdlake.domain.recording import Configuration, Feature, Json, Recording
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.mlruns.configuration import read_params, read_task, read_yaml_configuration
from rdlake.sources.mlruns.features import order_features, read_inputs
from rdlake.sources.mlruns.frames import TOP, select_top
from rdlake.sources.mlruns.plain import to_json
from rdlake.sources.workspace.parse import read_workspace
from tests.builders import make_workspace
from tests.places import SHARED
from tests.sources.mlruns.build import DAYS, FOLDER, flat, make_recording, make_task, write

ARGV = {"cmd-sys.argv": "qrun conf_combined_factors.yaml"}
ALPHA = SHARED / "alpha"


def taken(folder: Path) -> Workspace:
    workspace = read_workspace(folder)
    assert isinstance(workspace, Workspace)
    return workspace


def recorded(folder: Path) -> Recording:
    found = taken(folder).recording
    assert found is not None
    return found


def configured(**options: Any) -> tuple[Configuration, list[str]]:
    configuration, findings = read_task(to_json(make_task(**options)), "task", "task")
    return configuration, [finding.reason for finding in findings]


def test_the_task_comes_first_then_parameters_then_yaml(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    text = yaml.safe_dump({"market": "csi500", "task": make_task(topk=30)})
    write(folder / "conf_combined_factors.yaml", text)
    run = make_recording(folder, params={**ARGV, **flat(make_task(topk=40))})
    ids = set()
    for origin, topk in (("task", 50), ("params", 40), ("yaml", 30)):
        found = recorded(folder)
        assert found.configuration is not None
        assert (found.configuration.origin, found.configuration.topk) == (origin, topk)
        assert found.strategy_id
        ids.add(found.strategy_id)
        if origin == "task":
            (run / "artifacts" / "task").unlink()
        for path in (run / "params").glob("[!c]*") if origin == "params" else ():
            path.unlink()
    assert len(ids) == 3


def test_a_damaged_task_leaves_the_parameters(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    run = make_recording(folder, params={**ARGV, **flat(make_task(topk=40))})
    write(run / "artifacts" / "task", b"\x80\x04")
    found = recorded(folder)
    assert found.configuration is not None
    assert found.configuration.origin == "params"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("task: {model: {{ model }}}", "Jinja"),
        ("market: csi300\n", "no task"),
        ("BASE_CONFIG_PATH: other.yaml\n", "another file"),
        ("- a\n", "no configuration"),
        ("a: &a [*a]\n", "part of itself"),
    ],
)
def test_a_template_is_never_guessed_at(tmp_path: Path, text: str, reason: str) -> None:
    folder = make_workspace(tmp_path)
    write(folder / "conf_combined_factors.yaml", text)
    make_recording(folder, task=False)
    workspace = taken(folder)
    assert workspace.recording is not None
    assert workspace.recording.strategy_id is None
    (finding,) = [each for each in workspace.findings if each.file == FOLDER]
    assert reason in finding.reason


def test_a_yaml_of_which_nobody_knows_whether_it_ran_is_not_taken(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    write(folder / "conf_combined_factors.yaml", yaml.safe_dump({"task": make_task()}))
    make_recording(folder, task=False, params={})
    assert recorded(folder).configuration is None


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        ("/opt/bin/qrun conf_baseline.yaml", "conf_baseline.yaml"),
        ("C:\\Python\\qrun.exe C:\\ws\\conf.yml", "conf.yml"),
        ("['/opt/bin/qrun', 'conf_a.yaml']", "conf_a.yaml"),
        ("python run.py", None),
        ("", None),
    ],
)
def test_the_configuration_file_s_name_stands_on_the_command_line(
    tmp_path: Path, argv: str, name: str | None
) -> None:
    folder = make_workspace(tmp_path)
    make_recording(folder, params={"cmd-sys.argv": argv})
    assert recorded(folder).config_name == name


@pytest.mark.parametrize(
    ("segments", "found"),
    [
        ({"test": ["20170701", datetime.date(2018, 6, 29)]}, ("2017-07-01", "2018-06-29")),
        ({"test": (20170701, "2018-06-29 00:00:00")}, ("2017-07-01", "2018-06-29")),
        ({"test": [None, "2018-06-29"]}, (None, "2018-06-29")),
        ({"test": ["soon", "2018-06-29"]}, (None, "2018-06-29")),
    ],
)
def test_segments_are_days(segments: Any, found: tuple[str | None, str | None]) -> None:
    configuration, reasons = configured(segments=segments)
    assert configuration.segments == {"test": found}
    assert len(reasons) == ("soon" in str(segments))


@pytest.mark.parametrize("segments", ["x", [], {"test": ["2017-07-01"]}, {"test": 5}])
def test_segments_of_another_kind_are_unknown(segments: Any) -> None:
    assert configured(segments=segments)[0].segments is None


def test_a_seed_is_the_model_s() -> None:
    model = {"class": "GeneralPTNN", "kwargs": {"seed": 7, "lr": "1e-3"}}
    assert configured(model=model)[0].seed == 7
    assert configured(model={"class": "A", "kwargs": {"random_state": 0}})[0].seed == 0
    assert configured()[0].seed is None
    assert configured(model={"class": "A", "kwargs": {"seed": "x"}})[0].seed is None


@pytest.mark.parametrize("record", [None, "x", [], [None], [{"class": 5}], {"class": "Other"}])
def test_without_a_back_test_its_settings_are_unknown(record: Any) -> None:
    task = make_task() | {"record": record}
    found, _ = read_task(to_json(task), "task", "task")
    assert (found.topk, found.benchmark, found.portfolio_config) == (None, None, None)
    assert found.model_class == "LGBModel"


def test_a_list_of_instruments_has_no_name_of_a_market() -> None:
    task = make_task()
    task["dataset"]["kwargs"]["handler"]["kwargs"]["instruments"] = ["SH600000", "SZ000001"]
    found, findings = read_task(to_json(task), "task", "task")
    assert (found.market, found.instruments, findings) == ("own list", "own list", [])


def test_parameters_cut_by_qlib_give_no_configuration() -> None:
    params = flat(make_task())
    name = "dataset.kwargs.handler.kwargs.data_loader.kwargs.dataloader_l"
    with pytest.raises(Unreadable, match="dataloader_l"):
        read_params({**params, name: params[name][:100]}, "params")
    with pytest.raises(Unreadable):
        read_yaml_configuration(b"{{ x }}", "conf.yaml")


def loader(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"class": f"qlib.data.dataset.loader.{kind}", "kwargs": kwargs}


def handler(data_loader: Any, **kwargs: Any) -> dict[str, Any]:
    return {"class": "DataHandlerLP", "kwargs": {"data_loader": data_loader, **kwargs}}


PAIR = [["$close", "$open"], ["C", "O"]]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (handler(loader("QlibDataLoader", config={"feature": PAIR})), ["C", "O"]),
        (handler(loader("QlibDataLoader", config=["$close"])), ["$close"]),
        (handler(loader("StaticDataLoader", config="x.parquet")), []),
        (handler(loader("NestedDataLoader", dataloader_l=[])), None),
        (handler(loader("NestedDataLoader", dataloader_l=[loader("Mine")])), None),
        (handler(loader("NestedDataLoader", dataloader_l=[None])), None),
        (handler(loader("QlibDataLoader", config={"feature": [["a"], ["b", "c"]]})), None),
        (handler(loader("QlibDataLoader", config={"feature": 5})), None),
        (handler(loader("QlibDataLoader")), None),
        ({"class": "MyHandler"}, None),
        ({"class": "mine.Handler", "kwargs": 5}, None),
        ("file://handler.pkl", None),
        (None, None),
    ],
)
def test_base_features_are_those_of_the_loader(given: Any, names: list[str] | None) -> None:
    base = read_inputs(given).base_features
    assert (None if base is None else [feature.name for feature in base]) == names


@pytest.mark.skipif(not ALPHA.is_dir(), reason="needs the lists of qlib's features")
@pytest.mark.parametrize("name", ["Alpha158", "Alpha360"])
def test_qlib_s_own_handlers_have_their_features_in_order(name: str) -> None:
    known = json.loads((ALPHA / f"{name.lower()}.json").read_text("utf-8"))
    alone: Json = {"class": name}
    for given in (alone, handler(loader(f"{name}DL"))):
        base = read_inputs(given).base_features
        assert base is not None
        assert [feature.name for feature in base] == list(known)


def test_a_filter_keeps_the_handler_s_order() -> None:
    kept: Json = {"class": "FilterCol", "kwargs": {"col_list": ["STD5", "KLEN", "NONE"]}}
    base = read_inputs({"class": "Alpha158", "kwargs": {"infer_processors": [kept]}}).base_features
    assert base == (Feature("KLEN"), Feature("STD5"))


def test_factors_of_a_base_feature_s_name_take_its_place() -> None:
    configuration, _ = configured()
    assert order_features(configuration, ["ROC60", "A", "Z"]) == ("A", "ROC60", "Z")
    assert order_features(configuration, None) is None
    assert order_features(Configuration(origin="task"), ["A"]) is None
    own = Configuration(origin="task", base_features=(Feature("B"), Feature("A")))
    assert order_features(own, ["C"]) == ("B", "A")


def ranked(scores: list[float | None], topk: int | None) -> list[tuple[Any, ...]]:
    names = [f"S{place}" for place in range(len(scores))]
    frame = pl.DataFrame(
        {"date": [DAYS[0]] * len(scores), "instrument": names, "score": scores},
        schema_overrides={"score": pl.Float64},
    )
    return select_top(frame, topk).select("instrument", "rank", "target_weight").rows()


def test_equal_scores_rank_as_they_stand() -> None:
    assert ranked([0.1, 0.2, 0.2, None, 0.2], 3) == [
        ("S1", 1, 1 / 3),
        ("S2", 2, 1 / 3),
        ("S4", 3, 1 / 3),
    ]


def test_without_a_topk_the_fifty_highest_are_kept_without_a_weight() -> None:
    rows = ranked([float(place) for place in range(60)], None)
    assert len(rows) == TOP
    assert rows[0] == ("S59", 1, None)
    assert ranked([0.1], 0) == []


def test_code_is_taken_with_its_digest(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, action="model")
    write(folder / "model.py", "# 模型\nmodel_cls = None\n")
    write(folder / "factor.py", b"\xff")
    workspace = taken(folder)
    (code,) = workspace.codes
    digests = {file.path: file.sha256 for file in workspace.files}
    assert (code.path, code.text) == ("model.py", "# 模型\nmodel_cls = None\n")
    assert code.sha256 == digests["model.py"]
    assert [each.file for each in workspace.findings] == ["factor.py"]


def test_code_that_is_too_large_is_named(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, action="model")
    write(folder / "model.py", b"#" * ((1 << 20) + 1))
    workspace = taken(folder)
    assert workspace.codes == ()
    assert "larger than 1 MiB" in workspace.findings[0].reason


def test_the_model_s_code_is_part_of_the_strategy(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, action="model")
    model = {"class": "GeneralPTNN", "kwargs": {"pt_model_uri": "model.model_cls"}}
    make_recording(folder, task=make_task(model=model))
    first = recorded(folder)
    write(folder / "model.py", "model_cls = 1\n")
    second = recorded(folder)
    assert first.strategy_id and second.strategy_id
    assert first.strategy_id != second.strategy_id
    assert first.model_id != second.model_id
    (folder / "model.py").unlink()
    workspace = taken(folder)
    assert workspace.recording is not None
    assert workspace.recording.strategy_id is None
    assert any(each.file == "model.py" for each in workspace.findings)
