"""What the log alone tells of a loop, as rows: its steps, its cost, its hypothesis in full."""

from __future__ import annotations

from dataclasses import MISSING, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from rdlake.domain.trace import Feedback, Hypothesis, Step, TracedLoop, TracedRun
from rdlake.evidence import evidence_of_trace, merge, parse_evidence
from rdlake.evidence.value import evidence_rows
from rdlake.store.lake import Lake
from tests.builders_traces import KEY, make_loop, write_run
from tests.ingesting import ingest

EARLY, LATE = datetime(2026, 3, 2, 9, 30), datetime(2026, 3, 2, 9, 31, 0, 5)


def make_run(*loops: TracedLoop) -> TracedRun:
    """A run of these loops and of nothing else that is known."""
    values: dict[str, Any] = {
        each.name: None for each in fields(TracedRun) if each.default is MISSING
    }
    return TracedRun(**{**values, "path": "run", "source_digest": "digest", "loops": loops})


def rows_of(**values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of `loops` and `feedback` that a loop of these values gives, out of the lake."""
    (said,) = evidence_of_trace(make_run(TracedLoop(loop_id=0, **values)), "run")
    experiment = merge(parse_evidence(evidence_rows([said])))
    assert experiment is not None
    return dict(experiment.columns), dict(experiment.feedback or {})


def test_steps_are_in_order_of_time() -> None:
    steps = {
        "feedback": Step(LATE, None),
        "lost": Step(None, None),
        "coding": Step(None, EARLY),
    }
    loop, _ = rows_of(steps=steps)
    assert loop["steps"] == [
        {"name": "coding", "started_at": None, "ended_at": EARLY},
        {"name": "feedback", "started_at": LATE, "ended_at": None},
        {"name": "lost", "started_at": None, "ended_at": None},
    ]


def test_steps_and_cost_that_were_not_recorded_are_null() -> None:
    loop, feedback = rows_of()
    assert (loop.get("steps"), loop.get("llm_cost"), feedback) == (None, None, {})


def test_a_hypothesis_is_kept_in_its_own_words() -> None:
    hypothesis = Hypothesis(
        hypothesis="h",
        reason="r",
        concise_reason="cr",
        concise_observation="co",
        concise_justification="cj",
        concise_knowledge="ck",
    )
    _, feedback = rows_of(hypothesis=hypothesis, feedback=Feedback(code_change_summary="more"))
    told = {
        "tested_hypothesis": "h",
        "hypothesis_reason": "r",
        "concise_reason": "cr",
        "concise_observation": "co",
        "concise_justification": "cj",
        "concise_knowledge": "ck",
        "code_change_summary": "more",
    }
    assert {name: feedback[name] for name in told} == told
    _, feedback = rows_of(hypothesis=Hypothesis(concise_knowledge="ck"))
    assert feedback["concise_knowledge"] == "ck"
    assert feedback["hypothesis"] is None


def test_a_loop_knows_what_its_calls_cost(lake: Lake, tmp_path: Path) -> None:
    write_run(tmp_path, make_loop(0, call_cost=0.25), make_loop(1, builds_on=(0,)))
    ingest(lake, [], [tmp_path], signing_key=KEY)
    loops = lake.read("loops").filter(role="experiment").sort("loop_id")
    assert loops["llm_cost"].to_list() == [0.75, None]
    (baseline,) = lake.read("loops").filter(role="baseline").to_dicts()
    assert (baseline["llm_cost"], baseline["steps"]) == (None, None)
    assert lake.read("task_runs")["llm_cost"].to_list() == [0.75]
    names = [[step["name"] for step in steps] for steps in loops["steps"].to_list()]
    assert names == [["direct_exp_gen", "coding", "running", "feedback"]] * 2
