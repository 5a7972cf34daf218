"""Read log folders as each release, scenario and ending leaves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.demo.pandas_pickles import style_of
from rdlake.demo.pickles import Call, Name, encode_pickle, sign_pickle
from rdlake.demo.rdagent_pickles import Proposal, experiment
from rdlake.domain.trace import TracedLoop
from tests.builders_traces import (
    KEY,
    STARTED,
    WORKSPACES,
    make_backtest,
    make_loop,
    make_model_loop,
    make_proposal,
    read_only,
    workspace_id,
    write_run,
)
from tests.sources.traces.damage import CODED, coded, held

STYLE = style_of("1.0.0")
LATER = STARTED + timedelta(days=1)
VERSIONS = ("0.4.0", "0.6.1", "0.8.0", "1.0.0", "1.0.0 with pandas 3")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_is_read_whole(tmp_path: Path, version: str) -> None:
    known = make_loop(0)
    write_run(tmp_path, known, make_loop(1, builds_on=(0,)), version=version)
    run = read_only(tmp_path)
    assert run.findings == ()
    assert (run.scenario, run.status) == ("fin_factor", "success")
    assert run.signature == ("signed" if version >= "1" else "unsigned")
    first, second = run.loops
    assert known.backtest and known.baseline and first.baseline
    _check_result(first, known.backtest.metrics, known.backtest.curve)
    assert first.baseline.metrics == known.baseline.metrics
    assert first.baseline.workspace_id == workspace_id("baseline")
    assert second.baseline is None
    assert second.lineage == (workspace_id("own", 0),)
    assert [(task.name, task.accepted) for task in first.tasks or ()] == [
        ("MOM_0", True),
        ("BROKEN_0", False),
    ]
    assert set(first.steps) == (
        {"direct_exp_gen", "coding", "running", "feedback"} if version >= "0.8" else set()
    )


def _check_result(
    loop: TracedLoop, metrics: Mapping[str, float] | None, curve: pl.DataFrame | None
) -> None:
    assert loop.curve is not None and curve is not None
    assert loop.status == "success"
    assert loop.metrics == metrics
    assert loop.curve["return"].to_list() == curve["return"].to_list()
    assert loop.curve["date"].to_list() == curve["datetime"].cast(pl.Date).to_list()


def test_before_qlibs_log_was_kept_nothing_is_said_of_the_cache(tmp_path: Path) -> None:
    write_run(tmp_path, version="0.4.0")
    assert [loop.cached for loop in read_only(tmp_path).loops] == [None]


def test_base_features_are_known_from_1_0_on(tmp_path: Path) -> None:
    for place, version in enumerate(("0.8.0", "1.0.0")):
        write_run(tmp_path / str(place), version=version)
    assert read_only(tmp_path / "0").loops[0].base_features is None
    assert read_only(tmp_path / "1").loops[0].base_features == {"RESI5": "Resi($close, 5)/$close"}


def test_own_base_features_and_their_code_are_kept(tmp_path: Path) -> None:
    mine = {"MY_1": "$close/$open", "动量": "Ref($close, 5)/$close"}
    write_run(tmp_path, make_loop(base_features=mine, base_feature_codes={"a.py": "x = 1\n"}))
    (loop,) = read_only(tmp_path).loops
    assert loop.base_features == mine
    assert loop.base_feature_codes == {"a.py": "x = 1\n"}


def test_a_model_loop_has_no_baseline(tmp_path: Path) -> None:
    write_run(tmp_path, make_model_loop(), make_model_loop(1, builds_on=(0,)), scenario="fin_model")
    run = read_only(tmp_path)
    assert run.findings == ()
    assert [loop.action for loop in run.loops] == ["model", "model"]
    assert [loop.baseline for loop in run.loops] == [None, None]
    assert run.loops[0].curve is not None
    (task,) = run.loops[0].tasks or ()
    assert (task.kind, task.accepted, task.architecture) == ("model", True, "two layers")
    assert task.training_hyperparameters == {"n_epochs": "10", "lr": "1e-3"}


def test_a_rejected_model_is_told_by_the_last_verdict_of_the_coder(tmp_path: Path) -> None:
    rejected = (make_proposal("Net", accepted=False),)
    write_run(tmp_path, make_model_loop(proposals=rejected, rounds=3), scenario="fin_model")
    (task,) = read_only(tmp_path).loops[0].tasks or ()
    assert task.accepted is False


def test_parameters_of_a_model_may_be_one_text(tmp_path: Path) -> None:
    words = make_proposal("Net", hyperparameters="hidden: 8", training="", variables="")
    write_run(tmp_path, make_model_loop(proposals=(words,)), scenario="fin_model")
    (task,) = read_only(tmp_path).loops[0].tasks or ()
    assert (task.hyperparameters, task.training_hyperparameters) == ("hidden: 8", None)


def test_fin_quant_mixes_factors_and_models(tmp_path: Path) -> None:
    loops = (make_loop(0), make_model_loop(1, builds_on=(0,)), make_loop(2, builds_on=(0, 1)))
    write_run(tmp_path, *loops, scenario="fin_quant")
    run = read_only(tmp_path)
    assert run.findings == ()
    assert [loop.action for loop in run.loops] == ["factor", "model", "factor"]
    assert run.loops[1].baseline is None
    assert run.loops[2].lineage == (workspace_id("own", 0), workspace_id("own", 1))


def test_factors_from_reports_are_factors(tmp_path: Path) -> None:
    write_run(tmp_path, scenario="fin_factor_report")
    run = read_only(tmp_path)
    assert run.scenario == "fin_factor_report"
    assert run.loops[0].action == "factor"


@pytest.mark.parametrize(
    ("scenario", "version", "field"),
    [
        ("fin_factor", "1.0.0", "reason"),
        ("fin_model", "1.0.0", "reason"),
        ("fin_quant", "1.0.0", "observations"),
        ("fin_factor", "0.8.0", "observations"),
        ("fin_factor", "0.6.1", "observations"),
    ],
)
def test_the_error_of_a_skipped_loop_is_found(
    tmp_path: Path, scenario: Any, version: str, field: str
) -> None:
    skipped = make_loop(1, ending="skipped", error="all factors failed")
    write_run(tmp_path, make_loop(0), skipped, scenario=scenario, version=version)
    loop = read_only(tmp_path).loops[1]
    assert (loop.status, loop.workspace_id, loop.metrics) == ("skipped", None, None)
    assert loop.error_message == "all factors failed"
    assert loop.feedback and loop.feedback.error_field == field
    assert loop.feedback.decision is False
    assert len(loop.tasks or ()) == 2


def test_a_cached_loop_has_metrics_without_a_curve(tmp_path: Path) -> None:
    write_run(tmp_path, make_loop(0, ending="cached"))
    (loop,) = read_only(tmp_path).loops
    assert (loop.status, loop.cached, loop.curve) == ("success", True, None)
    assert loop.baseline and loop.baseline.cached is True and loop.baseline.curve is None


def test_a_baseline_from_the_cache_leaves_the_only_chart_to_the_loop(tmp_path: Path) -> None:
    known = make_backtest("baseline")
    write_run(tmp_path, make_loop(baseline=replace(known, curve=None)))
    (loop,) = read_only(tmp_path).loops
    assert loop.curve is not None and loop.cached is False
    assert loop.baseline and loop.baseline.curve is None and loop.baseline.cached is True
    assert loop.baseline.metrics == known.metrics


@pytest.mark.parametrize("reached", ["direct_exp_gen", "coding", "running", "feedback"])
def test_the_last_loop_may_still_run(tmp_path: Path, reached: Any) -> None:
    write_run(tmp_path, make_loop(0), make_loop(1, ending="running", reached=reached))
    run = read_only(tmp_path)
    # Of a loop that has not proposed anything yet, RD-Agent has logged nothing that is read.
    statuses = ["success"] if reached == "direct_exp_gen" else ["success", "running"]
    assert [loop.status for loop in run.loops] == statuses
    assert run.status == statuses[-1]
    assert run.findings == ()


@pytest.mark.parametrize("reached", ["coding", "running", "feedback"])
def test_a_step_that_ended_without_its_product_failed(tmp_path: Path, reached: Any) -> None:
    write_run(tmp_path, make_loop(0), make_loop(1, ending="failed", reached=reached))
    run = read_only(tmp_path)
    assert [loop.status for loop in run.loops] == ["success", "failed"]
    assert run.status == "failed"


def test_a_loop_without_an_end_before_another_failed(tmp_path: Path) -> None:
    write_run(tmp_path, make_loop(0, ending="running", reached="running"), make_loop(1))
    assert [loop.status for loop in read_only(tmp_path).loops] == ["failed", "success"]


def test_of_loops_at_the_same_time_an_earlier_one_may_still_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path, make_loop(1))
    slow = make_loop(0, ending="running", reached="running")
    write_run(tmp_path, slow, name=folder.name, started=STARTED + timedelta(seconds=1))
    assert [loop.status for loop in read_only(tmp_path).loops] == ["running", "success"]


def test_a_back_test_without_a_finite_metric_failed(tmp_path: Path) -> None:
    nothing = make_backtest("own", 0, metrics={})
    empty = replace(nothing, metrics={"IC": float("nan"), "Rank IC": float("nan")})
    write_run(tmp_path, make_loop(backtest=empty))
    (loop,) = read_only(tmp_path).loops
    assert loop.metrics == {"IC": None, "Rank IC": None}
    assert (loop.status, loop.has_result) == ("failed", False)


def test_an_ic_that_is_missing_is_said_once_of_each_back_test(tmp_path: Path) -> None:
    missing = {"IC": float("nan")}
    baseline = make_backtest("baseline", level=-0.001, metrics=missing)
    write_run(
        tmp_path,
        make_loop(backtest=make_backtest("own", 0, metrics=missing)),
        make_loop(1, backtest=make_backtest("own", 1), builds_on=(0,)),
        make_loop(2, baseline=baseline, backtest=make_backtest("own", 2)),
    )
    found = read_only(tmp_path).findings
    assert [(each.level, each.reason) for each in found] == [
        ("warning", "the IC is missing on every day")
    ] * 2
    assert [str(each.file).split("/")[0] for each in found] == ["Loop_0", "Loop_2"]


def test_names_of_metrics_are_stripped_and_nan_is_null(tmp_path: Path) -> None:
    odd = make_backtest("own", 0, metrics={" ICIR ": 0.5, "pa": float("nan")})
    write_run(tmp_path, make_loop(backtest=odd))
    metrics = read_only(tmp_path).loops[0].metrics or {}
    assert (metrics["ICIR"], metrics["pa"]) == (0.5, None)


def test_a_run_may_start_at_a_later_loop(tmp_path: Path) -> None:
    write_run(tmp_path, make_loop(3), make_loop(4, builds_on=(3,)))
    run = read_only(tmp_path)
    assert [loop.loop_id for loop in run.loops] == [3, 4]
    assert run.findings == ()


def test_forked_processes_log_under_a_chain_of_ids(tmp_path: Path) -> None:
    write_run(tmp_path, processes="22498-22533-22540")
    run = read_only(tmp_path)
    assert run.findings == () and run.loops[0].status == "success"


def test_of_a_resumed_loop_the_last_messages_count(tmp_path: Path) -> None:
    folder = write_run(tmp_path, make_loop(0, hypothesis="first try"))
    second = make_loop(0, hypothesis="second try", backtest=make_backtest("own", 0, level=0.02))
    write_run(tmp_path, second, name=folder.name, started=LATER, processes="9-10")
    (loop,) = read_only(tmp_path).loops
    assert loop.hypothesis and loop.hypothesis.hypothesis == "second try"
    assert second.backtest and second.baseline and loop.baseline
    _check_result(loop, second.backtest.metrics, second.backtest.curve)
    assert loop.baseline.metrics == second.baseline.metrics


def test_a_loop_begun_anew_keeps_nothing_of_the_first_attempt(tmp_path: Path) -> None:
    folder = write_run(tmp_path, make_loop(0, hypothesis="first try", call_cost=0.5))
    anew = make_loop(0, hypothesis="second try", ending="running", reached="running")
    write_run(tmp_path, anew, name=folder.name, started=LATER)
    (loop,) = read_only(tmp_path).loops
    assert loop.hypothesis and loop.hypothesis.hypothesis == "second try"
    assert (loop.status, loop.metrics, loop.feedback) == ("running", None, None)
    assert loop.llm_cost == 1.5


def test_a_loop_run_again_elsewhere_names_both_workspaces(tmp_path: Path) -> None:
    folder = write_run(tmp_path, make_loop(0))
    again = make_loop(0, backtest=make_backtest("again"))
    write_run(tmp_path, again, name=folder.name, started=LATER)
    run = read_only(tmp_path)
    assert run.loops[0].workspace_id == workspace_id("again")
    (finding,) = run.findings
    assert workspace_id("own", 0) in finding.reason and workspace_id("again") in finding.reason


def test_a_resumed_later_loop_takes_no_chart_for_a_baseline(tmp_path: Path) -> None:
    folder = write_run(tmp_path, make_loop(1))
    write_run(tmp_path, make_loop(1), name=folder.name, started=LATER)
    (loop,) = read_only(tmp_path).loops
    assert loop.curve is not None and loop.baseline is None


def test_costs_are_summed_and_the_model_named(tmp_path: Path) -> None:
    loops = (make_loop(0, call_cost=0.25), make_loop(1, call_cost=0.5, rounds=2))
    write_run(tmp_path, *loops, llm="deepseek-chat")
    run = read_only(tmp_path)
    assert run.llm_model == "deepseek-chat"
    assert [loop.llm_cost for loop in run.loops] == [0.75, 2.0]
    assert run.llm_cost == 2.75


def test_a_cost_that_is_no_number_is_unknown(tmp_path: Path) -> None:
    write_run(tmp_path, make_loop(0, call_cost=float("nan")))
    run = read_only(tmp_path)
    assert (run.llm_cost, run.llm_model) == (None, "gpt-4o")


@pytest.mark.parametrize(
    ("log", "config"),
    [
        ("Entry: qrun conf_combined_factors.yaml\n", "conf_combined_factors.yaml"),
        ("conf_baseline.yaml, then conf_sota_factors_model.yaml", None),
        ("nothing is said", None),
    ],
)
def test_the_config_is_known_when_qlibs_log_names_one(
    tmp_path: Path, log: str, config: str | None
) -> None:
    write_run(tmp_path, make_loop(qlib_log=log))
    assert read_only(tmp_path).loops[0].config == config


def test_the_code_is_taken_from_the_messages(tmp_path: Path) -> None:
    proposal: Proposal = make_proposal(
        "动量_5日", description="五日动量 \U0001f4c8", formulation=""
    )
    write_run(tmp_path, make_loop(proposals=(proposal,)))
    (task,) = read_only(tmp_path).loops[0].tasks or ()
    assert task.name == "动量_5日"
    assert task.description == "五日动量 \U0001f4c8"
    assert task.formulation is None
    assert task.code == {"factor.py": proposal.code}
    assert task.workspace_id == proposal.workspace.name


@pytest.mark.parametrize(
    "place",
    [
        "F:\\lake\\RD-Agent_workspace\\0a1b",
        "/mnt/f/RD-Agent_workspace/0a1b",
        Call(Name("pathlib", "WindowsPath"), ("F:\\", "lake", "0a1b")),
        Call(Name("pathlib._local", "PosixPath"), ("/workspace/0a1b",)),
    ],
    ids=["windows text", "text", "windows", "3.13"],
)
def test_any_path_leads_to_the_same_workspace(tmp_path: Path, place: object) -> None:
    folder = write_run(tmp_path)
    held(CODED, coded(workspace_path=place))(folder)
    (task, _) = read_only(tmp_path).loops[0].tasks or ()
    assert task.workspace_id == "0a1b"


def test_until_the_coder_ends_its_last_code_is_taken(tmp_path: Path) -> None:
    folder = write_run(tmp_path, make_loop(0, rounds=2))
    for message in folder.glob("Loop_0/*/*/*/*.pkl"):
        if message.parts[-3] in {"coder result", "runner result", "feedback", "time_info"}:
            message.unlink()
    (loop,) = read_only(tmp_path).loops
    assert [(task.name, bool(task.code)) for task in loop.tasks or ()] == [
        ("MOM_0", True),
        ("BROKEN_0", True),
    ]
    assert [task.accepted for task in loop.tasks or ()] == [True, False]


def test_the_same_folder_gives_equal_digests_and_another_does_not(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    write_run(tmp_path / "c", make_loop(hypothesis="another"))
    a, b, c = (read_only(tmp_path / each) for each in "abc")
    assert a.source_digest == b.source_digest != c.source_digest
    assert a.stat_digest == read_only(tmp_path / "a").stat_digest != c.stat_digest


def test_accepted_experiments_that_hold_each_other_are_read(tmp_path: Path) -> None:
    write_run(tmp_path, *(make_loop(n, builds_on=tuple(range(n))) for n in range(20)))
    run = read_only(tmp_path)
    assert run.findings == ()
    assert len(run.loops[-1].lineage or ()) == 19


def test_a_result_deep_in_a_long_run_is_read(tmp_path: Path) -> None:
    folder = write_run(tmp_path, make_loop(999))
    held: list[object] = []
    for number in range(400):
        place, proposals = WORKSPACES / f"{number:032x}", (make_proposal(f"F{number}"),)
        based = {"based_experiments": list(held)}
        held.append(experiment("factor", proposals, place, {"IC": 0.1}, STYLE, **based))
    (result,) = folder.glob("Loop_999/running/runner result/*/*.pkl")
    result.write_bytes(sign_pickle(encode_pickle(held[-1], 5), KEY))
    run = read_only(tmp_path)
    assert run.findings == ()
    assert len(run.loops[0].lineage or ()) == 399


def test_a_key_is_not_needed(tmp_path: Path) -> None:
    write_run(tmp_path)
    with_key, without = read_only(tmp_path, key=KEY), read_only(tmp_path, key=None)
    assert (with_key.signature, without.signature) == ("signed", "unchecked")
    assert with_key.loops[0].metrics == without.loops[0].metrics
