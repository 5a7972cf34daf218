"""Compare recordings of real runs with what pandas and RD-Agent's own classes found."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.domain.experiment import Workspace
from rdlake.domain.recording import Recording
from rdlake.sources.formats.hdf5 import read_factor_values
from rdlake.sources.mlruns import order_features, read_label, read_template
from rdlake.sources.workspace.parse import read_workspace
from tests.places import CORPUS, REPOSITORY, TRACES, needs_shared

BELOW = "git_ignore_folder/RD-Agent_workspace"
RUNS = ("run_factor_080", "run_factor_100", "run_quant2_100")
OWN = REPOSITORY / "tests" / "data" / "recordings"
EXPECTED: dict[str, dict[str, Any]] = json.loads((OWN / "expected.json").read_text("utf-8"))
FOLDERS = {name: OWN / name for name in EXPECTED}


def expected_of(run: str) -> dict[str, dict[str, Any]]:
    content = json.loads((TRACES / run / "expected.json").read_text("utf-8"))
    found: dict[str, dict[str, Any]] = content["workspaces"]
    return found


SUBS: dict[str, tuple[Path, dict[str, Any]]] = {}
if TRACES.is_dir():
    for run in RUNS:
        for name, each in expected_of(run).items():
            folder = TRACES / run / BELOW / name
            if "mlruns" in each:
                EXPECTED[name], FOLDERS[name] = each, folder
            if "result_h5" in each:
                SUBS[name] = folder, each["result_h5"]
NAMES = sorted(EXPECTED)
ALPHA20 = [
    "RESI5",
    "WVMA5",
    "RSQR5",
    "KLEN",
    "RSQR10",
    "CORR5",
    "CORD5",
    "CORR10",
    "ROC60",
    "RESI10",
    "VSTD5",
    "RSQR60",
    "CORR60",
    "WVMA60",
    "STD5",
    "RSQR20",
    "CORD60",
    "CORD10",
    "CORR20",
    "KLOW",
]


@cache
def workspace_of(name: str) -> Workspace:
    workspace = read_workspace(FOLDERS[name])
    assert isinstance(workspace, Workspace)
    return workspace


def recording_of(name: str) -> Recording:
    recording = workspace_of(name).recording
    assert recording is not None
    return recording


def table_of(name: str) -> pl.DataFrame:
    """Return all scores with their labels."""
    files = {file.path: file for file in workspace_of(name).files}
    run = f"mlruns/{EXPECTED[name]['mlruns']}/artifacts"
    label, findings = read_label(FOLDERS[name], files[f"{run}/label.pkl"])
    scores, more = read_label(FOLDERS[name], files[f"{run}/pred.pkl"])
    assert label is not None and scores is not None and not findings and not more
    return scores.rename({"label": "score"}).join(label, on=["date", "instrument"])


@pytest.mark.parametrize("name", NAMES)
def test_the_run_and_what_it_ran_are_told(name: str) -> None:
    recording, truth = recording_of(name), EXPECTED[name]
    ran = f"{recording.mlflow_experiment_id}/{recording.recorder_id}"
    assert (ran, recording.status) == (truth["mlruns"], "FINISHED")
    assert recording.params["cmd-sys.argv"] == truth["cmd_sys_argv"]
    assert recording.config_name == truth["config"]
    assert float(recording.metrics["IC"]) == truth["mlruns_metric_IC"]
    assert recording.started_at and recording.ended_at
    assert recording.started_at < recording.ended_at
    assert not workspace_of(name).findings


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_is_the_one_that_ran(name: str) -> None:
    found, truth = recording_of(name).configuration, EXPECTED[name]
    assert found is not None and found.segments is not None
    assert found.origin == "task"
    assert {key: list(days) for key, days in found.segments.items()} == truth["segments"]
    assert (found.topk, found.n_drop) == (truth["topk"], truth["n_drop"])
    assert (found.model_class, found.instruments) == (truth["model_class"], truth["instruments"])
    assert (found.market, found.benchmark, found.freq) == ("csi300", "SH000300", "1day")
    assert (found.open_cost, found.close_cost) == (0.0005, 0.0015)
    assert found.strategy_class == "TopkDropoutStrategy"
    assert found.base_features is not None
    assert {feature.name for feature in found.base_features} == set(ALPHA20)
    assert found.label is not None
    assert found.label.replace(" ", "") == "Ref($close,-2)/Ref($close,-1)-1"


@pytest.mark.parametrize("name", NAMES)
def test_the_model_saw_its_features_as_qlib_sorted_them(name: str) -> None:
    recording = recording_of(name)
    factors = [factor.name for factor in workspace_of(name).factors or ()]
    assert recording.feature_order is not None
    assert set(recording.feature_order) == {*ALPHA20, *factors}
    if recording.configuration and recording.configuration.sorts_features:
        assert list(recording.feature_order) == sorted(recording.feature_order)


@pytest.mark.parametrize("name", NAMES)
def test_ic_recomputed_from_scores_and_labels_is_the_recorded_one(name: str) -> None:
    recording, truth = recording_of(name), EXPECTED[name]["recomputed_from_pred_label"]
    table = table_of(name)
    assert table.height == EXPECTED[name]["label_rows"] == truth["n_pairs"]
    pairs = table.with_columns(
        pl.col("score", "label").rank("average").over("date").name.suffix("_rank")
    )
    daily = pairs.group_by("date").agg(
        pl.corr("score", "label").alias("ic"),
        pl.corr("score_rank", "label_rank").alias("rank_ic"),
    )
    daily = daily.sort("date")
    for column, mean, ratio in (
        ("ic", "mean_ic", "icir"),
        ("rank_ic", "mean_rank_ic", "rank_icir"),
    ):
        numbers = daily[column].to_list()
        middle = math.fsum(numbers) / len(numbers)
        spread = math.sqrt(math.fsum((n - middle) ** 2 for n in numbers) / (len(numbers) - 1))
        assert len(numbers) == truth["n_days"]
        assert middle == pytest.approx(truth[mean], abs=1e-9)
        assert middle / spread == pytest.approx(truth[ratio], abs=1e-9)
        recorded = recording.ic if column == "ic" else recording.rank_ic
        assert recorded is not None
        assert recorded["date"].to_list() == daily["date"].to_list()
        assert recorded["value"].to_list() == pytest.approx(numbers, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_signals_are_the_highest_scores_of_each_day(name: str) -> None:
    signals, truth = recording_of(name).signals, EXPECTED[name]
    assert signals is not None
    assert signals.columns == ["date", "instrument", "score", "rank", "target_weight"]
    assert signals.height == truth["recomputed_from_pred_label"]["n_days"] * truth["topk"]
    assert signals["target_weight"].unique().to_list() == [1 / truth["topk"]]
    day = signals["date"][0]
    mine = signals.filter(pl.col("date") == day)
    rows = table_of(name).filter(pl.col("date") == day)
    best = sorted(enumerate(rows["score"].to_list()), key=lambda each: (-each[1], each[0]))
    assert mine["instrument"].to_list() == [rows["instrument"][place] for place, _ in best[:50]]
    assert mine["rank"].to_list() == list(range(1, 51))


@pytest.mark.parametrize("name", NAMES)
def test_the_profile_and_the_risk_figures_agree_with_the_metrics(name: str) -> None:
    workspace, recording = workspace_of(name), recording_of(name)
    profile = recording.profile
    assert profile is not None and workspace.metrics is not None
    assert (profile.market, profile.instruments, profile.days) == ("csi300", 60, 260)
    assert (str(profile.first), str(profile.last)) == ("2017-07-03", "2018-06-29")
    assert (profile.score_missing, profile.label_missing) == (0.0, 0.0)
    assert recording.portfolio and len(recording.portfolio) == 10
    for figure, value in recording.portfolio.items():
        assert workspace.metrics[f"1day.{figure}"] == pytest.approx(value, rel=1e-9)


def test_the_metrics_of_a_recording_are_those_of_the_csv() -> None:
    for name in NAMES:
        metrics = workspace_of(name).metrics
        recorded = recording_of(name).metrics
        assert metrics is not None and recorded.keys() == metrics.keys()
        for metric, value in metrics.items():
            assert float(recorded[metric]) == pytest.approx(value, rel=1e-9)


def test_weights_are_named_by_their_digest() -> None:
    for name in NAMES:
        weights = recording_of(name).weights
        files = {file.path: file.sha256 for file in workspace_of(name).files}
        assert weights is not None
        assert weights.path == f"mlruns/{EXPECTED[name]['mlruns']}/artifacts/params.pkl"
        assert files[weights.path] == weights.sha256


@needs_shared
def test_a_strategy_is_one_over_versions_runs_and_factor_sets_and_a_model_is_not() -> None:
    strategies: dict[str, set[str]] = {}
    for name in NAMES:
        recording = recording_of(name)
        assert recording.strategy_id and recording.config_name
        strategies.setdefault(recording.config_name, set()).add(recording.strategy_id)
    assert len(strategies["conf_combined_factors.yaml"]) == 1
    assert len(strategies["conf_baseline.yaml"]) == 2  # 0.8.0 ranked labels, 1.0.0 scales them
    assert strategies["conf_baseline_factors_model.yaml"].isdisjoint(
        strategies["conf_baseline.yaml"]
    )
    assert len({recording_of(name).model_id for name in NAMES}) == len(NAMES)


@needs_shared
def test_the_model_s_own_input_ranges_prove_the_order() -> None:
    """LightGBM kept each input's range: the tenth is MOM_20D's, the eleventh MOM_5D's."""
    name = "8e91d75ccf1546f68388bd8703bfb0e9"
    data = (FOLDERS[name] / "mlruns" / EXPECTED[name]["mlruns"] / "artifacts/config").read_bytes()
    ranges = data.split(b"feature_infos=")[1].split(b"\n")[0].decode().split()
    highest = [float(each.strip("[]").split(":")[1]) for each in ranges]
    factors = pl.read_parquet(FOLDERS[name] / "combined_factors_df.parquet")
    trained = factors.filter(pl.col("datetime") <= pl.date(2016, 12, 31))
    order = recording_of(name).feature_order
    assert order is not None and len(order) == len(highest)
    for factor in ("MOM_20D", "MOM_5D"):
        seen = trained[f"('feature', '{factor}')"].max()
        assert isinstance(seen, float)
        place = order.index(factor)
        assert highest[place] >= seen - 1e-6
    assert highest[order.index("MOM_20D")] == pytest.approx(0.353129, abs=1e-5)


@needs_shared
def test_the_values_of_every_factor_s_result_are_read() -> None:
    assert SUBS
    for folder, truth in SUBS.values():
        found, findings = read_factor_values(folder / "result.h5", "result.h5")
        assert found is not None and not findings
        assert [found.column] == truth["columns"]
        assert found.rows.height == truth["rows"]
        first, last = found.rows["datetime"].min(), found.rows["datetime"].max()
        assert (str(first)[:10], str(last)[:10]) == (truth["first_date"], truth["last_date"])


@needs_shared
def test_a_yaml_that_needs_no_filling_in_gives_the_configuration_and_a_template_none() -> None:
    read_ones = 0
    for folder in sorted((CORPUS / BELOW).iterdir()):
        workspace = read_workspace(folder)
        assert isinstance(workspace, Workspace)
        for file in workspace.files:
            if file.artifact_type != "config_snapshot":
                continue
            found, findings = read_template(folder, file)
            is_template = b"{{" in (folder / file.path).read_bytes()
            assert (found is None) == is_template, file.path
            assert bool(findings) == is_template
            if found is not None:
                read_ones += 1
                assert (found.origin, found.topk, found.model_class) == ("yaml", 15, "LGBModel")
                factors = [factor.name for factor in workspace.factors or ()]
                assert order_features(found, factors)
    assert read_ones


@needs_shared
def test_stubs_of_the_corpus_name_their_weights_and_nothing_else() -> None:
    index = json.loads((CORPUS / "index.json").read_text("utf-8"))
    text = json.dumps(index)
    found = 0
    for folder in sorted((CORPUS / BELOW).iterdir()):
        workspace = read_workspace(folder)
        assert isinstance(workspace, Workspace)
        assert folder.name in text or workspace.recording is None
        if workspace.recording is not None:
            found += 1
            recording = workspace.recording
            assert recording.weights and recording.model_id
            assert (recording.configuration, recording.strategy_id) == (None, None)
            assert "configuration that ran" in workspace.findings[0].reason
    assert found == 5
