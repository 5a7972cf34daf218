"""Compare log folders of real runs with what RD-Agent's own classes and pandas find in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from rdlake.demo.traces import FAKE_SECRETS
from rdlake.domain.trace import TracedLoop, TracedRun
from rdlake.sources.traces import find_runs, read_run
from tests.places import REPOSITORY

COPIED, SHARED = REPOSITORY / "tests" / "data" / "traces", REPOSITORY.parent / "shared" / "traces"
RUNS = ("run_factor_100", "run_quant2_100", "run_factor_080")
SCENARIOS = {"QlibFactorScenario": "fin_factor", "QlibQuantScenario": "fin_quant"}
CLOSE = 1e-9


@dataclass(frozen=True)
class Pair:
    """Hold one loop as it was read, and as it is known to be."""

    loop: TracedLoop
    truth: dict[str, Any]
    run: TracedRun


@cache
def truth(home: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / name / "expected.json").read_text("utf-8"))
    return found


@cache
def runs(home: Path, name: str) -> dict[str, TracedRun]:
    key = (home / "artifact_signing.key").read_bytes()
    folders = find_runs(home / name / "log").runs
    return {folder.relative: read_run(folder, key=key) for folder in folders}


@pytest.fixture(params=[COPIED, SHARED], ids=["copied", "shared"])
def home(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    if not folder.is_dir():
        pytest.skip("the shared traces are not here")
    return folder


@pytest.fixture(params=RUNS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def pairs(home: Path, name: str) -> list[Pair]:
    return list(_pairs(home, name))


def _pairs(home: Path, name: str) -> Iterator[Pair]:
    for folder in truth(home, name)["run_folders"]:
        run = runs(home, name)[folder["folder"]]
        for loop, known in zip(run.loops, folder["loops"], strict=True):
            yield Pair(loop, known, run)


def test_every_run_folder_is_found(home: Path, name: str) -> None:
    known = [folder["folder"] for folder in truth(home, name)["run_folders"]]
    assert list(runs(home, name)) == sorted(known)


def test_nothing_is_wrong_with_them(home: Path, name: str) -> None:
    assert [run.findings for run in runs(home, name).values()] == [()] * len(runs(home, name))


def test_scenario_and_signature_are_told(home: Path, name: str) -> None:
    for folder in truth(home, name)["run_folders"]:
        run = runs(home, name)[folder["folder"]]
        assert run.scenario_raw == folder["scenario_kind"]
        assert run.scenario == SCENARIOS[folder["scenario_kind"]]
        assert run.signature == ("signed" if folder["signed"] == [True] else "unsigned")
        assert run.status == "success"
        assert run.rdagent_version is None


def test_the_loops_are_counted(home: Path, name: str) -> None:
    for folder in truth(home, name)["run_folders"]:
        loops = runs(home, name)[folder["folder"]].loops
        assert len(loops) == folder["n_loops"]
        assert sum(loop.has_result for loop in loops) == folder["n_loops_with_metrics"]


def test_a_run_lasts_from_its_first_message_to_its_last(home: Path, name: str) -> None:
    for run in runs(home, name).values():
        started = datetime.strptime(run.folder_name, "%Y-%m-%d_%H-%M-%S-%f")
        assert run.created_at and run.ended_at
        assert started < run.created_at < run.ended_at
        assert all(loop.first_message_at >= run.created_at for loop in run.loops)  # type: ignore[operator]
        assert run.ended_at == max(loop.last_message_at for loop in run.loops)  # type: ignore[type-var]


def test_loops_have_their_number_status_and_action(pairs: list[Pair]) -> None:
    for pair in pairs:
        assert pair.loop.loop_id == pair.truth["loop"]
        assert pair.loop.status == ("skipped" if pair.truth["skipped"] else "success")
        assert pair.loop.action == (pair.truth["action"] or "factor")
        assert pair.loop.cached == pair.truth["cached"]
        assert pair.loop.workspace_id == pair.truth["experiment_workspace_id"]


def test_hypotheses_are_read(pairs: list[Pair]) -> None:
    for pair in pairs:
        said = pair.loop.hypothesis
        assert said is not None
        assert said.hypothesis == pair.truth["hypothesis"]
        assert said.reason == pair.truth["hypothesis_reason"]
        assert (said.concise_reason, said.concise_knowledge) == ("cr", "ck")


def test_tasks_carry_texts_code_and_verdict(pairs: list[Pair]) -> None:
    kinds = {"FactorTask": "factor", "ModelTask": "model"}
    for pair in pairs:
        for task, known in zip(pair.loop.tasks or (), pair.truth["tasks"], strict=True):
            assert task.name == known["name"]
            assert task.kind == kinds[known["kind"]]
            assert task.accepted is known["accepted"]
            assert task.description == known["description"]
            assert task.formulation == known["formulation"]
            assert task.workspace_id == known["workspace_id"]
            assert list(task.code) == known["code_files"]
            assert task.code_sha256 == sha256(next(iter(task.code.values())).encode()).hexdigest()


def test_a_model_task_carries_its_parameters(home: Path) -> None:
    loop = next(pair.loop for pair in _pairs(home, "run_quant2_100") if pair.loop.loop_id == 2)
    (task,) = loop.tasks or ()
    assert (task.model_type, task.architecture) == ("Tabular", "linear")
    assert (task.variables, task.hyperparameters) == ({"W": "weights"}, {"hidden": "0"})
    assert isinstance(task.training_hyperparameters, dict)
    assert task.training_hyperparameters["n_epochs"] == "2"


def test_metrics_are_equal_to_the_bit(pairs: list[Pair]) -> None:
    for pair in pairs:
        assert pair.loop.metrics == pair.truth["metrics"]
        baseline = pair.loop.baseline
        assert (baseline.metrics if baseline else None) == pair.truth["baseline_metrics"]


def test_curves_are_those_of_the_charts(pairs: list[Pair]) -> None:
    for pair in pairs:
        baseline = pair.loop.baseline
        _check_curve(pair.loop.curve, pair.truth["chart"])
        _check_curve(baseline.curve if baseline else None, pair.truth["baseline_chart"])


def _check_curve(curve: Any, known: dict[str, Any] | None) -> None:
    assert (curve is None) == (known is None)
    if known is None:
        return
    excess = (curve["return"] - curve["bench"]).sum()
    assert str(curve["date"].min()) == known["first_date"]
    assert str(curve["date"].max()) == known["last_date"]
    assert curve.height == known["n_rows"]
    assert curve["account"][-1] == pytest.approx(known["final_account"], abs=CLOSE)
    assert excess == pytest.approx(known["sum_return_minus_bench"], abs=CLOSE)
    net = excess - curve["cost"].sum()
    assert net == pytest.approx(known["sum_return_minus_bench_minus_cost"], abs=CLOSE)
    assert curve.null_count().sum_horizontal().item() == known["nan_rows"]


def test_lineage_and_baseline_are_told_apart(pairs: list[Pair]) -> None:
    for pair in pairs:
        based = pair.truth["based_experiments"]
        accepted = None if based is None else [each for each in based if each["tasks"]]
        ids = None if accepted is None else tuple(each["workspace_id"] for each in accepted)
        assert pair.loop.lineage == ids
        executed = [each for each in based or () if not each["tasks"] and each["has_result"]]
        assert (pair.loop.baseline is not None) == bool(executed)
        if pair.loop.baseline:
            assert pair.loop.baseline.workspace_id == executed[0]["workspace_id"]
            assert pair.loop.baseline.cached == pair.truth["cached"]


def test_base_features_are_named(pairs: list[Pair]) -> None:
    for pair in pairs:
        known = pair.truth["base_features"]
        assert sorted(pair.loop.base_features or ()) == sorted(known or ())
        assert (pair.loop.base_features is None) == (not known)
        if known:
            assert (
                pair.loop.base_features and pair.loop.base_features["KLEN"] == "($high-$low)/$open"
            )


def test_feedback_is_read_word_for_word(pairs: list[Pair]) -> None:
    for pair in pairs:
        said = pair.loop.feedback
        assert said is not None
        assert said.decision is pair.truth["decision"]
        for field in ("observations", "hypothesis_evaluation", "reason", "new_hypothesis"):
            assert getattr(said, field) == (pair.truth[field] or None)
        assert (said.error, said.error_field) == (
            pair.truth["error_text"],
            pair.truth["error_field"],
        )
        assert pair.loop.error_message == pair.truth["error_text"]


def test_steps_begin_and_end_as_logged(pairs: list[Pair]) -> None:
    for pair in pairs:
        found = {name: (step.start, step.end) for name, step in pair.loop.steps.items()}
        assert found == {
            name: tuple(_naive(each) for each in span)
            for name, span in pair.truth["step_times"].items()
        }


def _naive(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def test_no_cost_is_invented(pairs: list[Pair]) -> None:
    assert {(pair.loop.llm_cost, pair.run.llm_cost, pair.run.llm_model) for pair in pairs} == {
        (None, None, None)
    }


def test_no_config_is_invented(pairs: list[Pair]) -> None:
    assert {pair.loop.config for pair in pairs} == {None}


@pytest.mark.parametrize(
    "write",
    [repr, lambda run: str([loop.tasks for loop in run.loops])],
    ids=["whole", "tasks"],
)
def test_no_secret_comes_along(home: Path, name: str, write: Callable[[TracedRun], str]) -> None:
    shown = "".join(write(run) for run in runs(home, name).values())
    assert not [secret for secret in FAKE_SECRETS if secret in shown]


def test_without_the_key_the_signature_is_unchecked(home: Path) -> None:
    folder = find_runs(home / "run_factor_100" / "log").runs[0]
    assert read_run(folder).signature == "unchecked"
