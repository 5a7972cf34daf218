"""One loop of a run, put together from its messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rdlake.domain.experiment import Action
from rdlake.domain.trace import Baseline, Hypothesis, LoopStatus, Task, TracedLoop
from rdlake.sources.traces.feedback import read_feedback
from rdlake.sources.traces.fields import Fields, fields, folder, listed, text, texts
from rdlake.sources.traces.messages import Message, Reading
from rdlake.sources.traces.opened import LoopMessages, last, last_object, object_of
from rdlake.sources.traces.results import (
    Charts,
    config_name,
    curve_of,
    metrics_of,
    whose_charts,
)
from rdlake.sources.traces.tasks import (
    Coded,
    Verdicts,
    coded_of,
    make_tasks,
    members,
    task_name,
    verdicts_of,
)
from rdlake.sources.traces.times import read_cost, read_steps, warn_of_clock

_ACTIONS: dict[str, Action] = {"factor": "factor", "model": "model"}
_LOOK = "look at both workspaces; the last message counts"
_HYPOTHESIS = (
    "hypothesis",
    "reason",
    "concise_reason",
    "concise_observation",
    "concise_justification",
    "concise_knowledge",
)
_PRODUCTS = {
    "direct_exp_gen": "experiment generation",
    "coding": "coder result",
    "running": "runner result",
    "feedback": "feedback",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A loop's runner result, the experiments it builds on, and the baseline among them."""

    message: Message
    experiment: Fields
    based: tuple[Fields, ...] | None
    baseline: Fields | None


def read_loop(
    reading: Reading, whole: LoopMessages, scenario_action: Action | None, *, may_run: bool
) -> TracedLoop:
    """The loop as far as its messages can be read; each that cannot leaves a finding."""
    loop = whole.last_attempt()
    result = _result(reading, loop)
    _warn_of_claims(reading, whole, result)
    hypothesis = last_object(reading, loop.of("hypothesis generation"))
    if hypothesis is None and result is not None:
        hypothesis = _nested(result.experiment, "hypothesis")
    tasks = _tasks(reading, loop, result)
    skipped = not loop.of("runner result")
    feedback, error_type = read_feedback(reading, loop.of("feedback"), skipped=skipped)
    charts = _charts(reading, loop, result)
    metrics = metrics_of(result.experiment) if result else None
    steps = read_steps(reading, loop.of("time_info"))
    times = [message.time for message in whole.messages if message.time]
    warn_of_clock(reading, loop)
    cost = read_cost(reading, whole.of("token_cost"))
    reading.models.update(cost.models)
    return TracedLoop(
        loop_id=loop.loop_id,
        action=_action(hypothesis, tasks, scenario_action),
        status=_status(loop, result, metrics, set(steps), may_run=may_run),
        hypothesis=_hypothesis(hypothesis),
        tasks=tasks,
        workspace_id=_workspace_id(result.experiment) if result else None,
        metrics=metrics,
        curve=curve_of(reading, charts.own),
        baseline=_baseline(reading, loop, result, charts),
        cached=_cached(loop, charts),
        config=config_name(reading, _last_log(loop, result)),
        feedback=feedback,
        base_features=texts(result.experiment, "base_features") if result else None,
        base_feature_codes=texts(result.experiment, "base_feature_codes") if result else None,
        lineage=_lineage(result),
        steps=steps,
        llm_cost=cost.total,
        error_type=error_type,
        error_message=feedback.error if feedback else None,
        first_message_at=min(times, default=None),
        last_message_at=max(times, default=None),
    )


def _result(reading: Reading, loop: LoopMessages) -> Result | None:
    messages = loop.of("runner result")
    experiment = last_object(reading, messages)
    if experiment is None:
        return None
    based = _based(experiment)
    baseline = based[-1] if based and not listed(based[-1], "sub_tasks") else None
    has_result = baseline is not None and metrics_of(baseline) is not None
    return Result(messages[-1], experiment, based, baseline if has_result else None)


def _warn_of_claims(reading: Reading, whole: LoopMessages, result: Result | None) -> None:
    """A warning when earlier results of the loop name other workspaces than the one that counts."""
    if result is None:
        return
    claimed = {_workspace_id(result.experiment)}
    for message in whole.of("runner result"):
        earlier = object_of(reading, message) if message is not result.message else None
        claimed |= {_workspace_id(earlier)} if earlier else set()
    ids = sorted(claim for claim in claimed if claim)
    if len(ids) > 1:
        reason = f"several workspaces claim loop {whole.loop_id}: {', '.join(ids)}"
        reading.find("warning", result.message.path, reason, _LOOK)


def _based(experiment: Fields) -> tuple[Fields, ...] | None:
    parts = listed(experiment, "based_experiments", always=True)
    if parts is None:
        return None
    found = (fields(part, experiment.file, experiment.reading) for part in parts)
    return tuple(part for part in found if part is not None)


def _nested(of: Fields, name: str) -> Fields | None:
    value = of.values.get(name)
    return fields(value, of.file, of.reading) if value is not None else None


def _workspace_id(experiment: Fields) -> str | None:
    workspace = _nested(experiment, "experiment_workspace")
    if workspace is None:
        experiment.warn(f"{experiment.kind}: `experiment_workspace` is missing; taken as unknown")
        return None
    return folder(workspace, "workspace_path")


def _lineage(result: Result | None) -> tuple[str, ...] | None:
    """The workspaces of the experiments before it; one without tasks is a baseline."""
    if result is None or result.based is None:
        return None
    ids = [_workspace_id(part) for part in result.based if listed(part, "sub_tasks")]
    return tuple(workspace_id for workspace_id in ids if workspace_id)


def _hypothesis(found: Fields | None) -> Hypothesis | None:
    if found is None:
        return None
    said = {name: text(found, name, always=name == "hypothesis") for name in _HYPOTHESIS}
    return Hypothesis(**said)


def _action(
    hypothesis: Fields | None, tasks: tuple[Task, ...] | None, scenario: Action | None
) -> Action | None:
    """From the hypothesis, else the scenario, else the tasks if they are all of one kind."""
    word = text(hypothesis, "action") if hypothesis else None
    if word is not None and word not in _ACTIONS and hypothesis:
        hypothesis.warn(f"{hypothesis.kind}: `action` is neither factor nor model; not taken")
    kinds = {task.kind for task in tasks or ()}
    return _ACTIONS.get(word or "") or scenario or (kinds.pop() if len(kinds) == 1 else None)


def _tasks(reading: Reading, loop: LoopMessages, result: Result | None) -> tuple[Task, ...] | None:
    message, value = last(reading, loop.of("experiment generation"))
    proposed = members(value, "sub_tasks", message.path, reading) if message else None
    coded = _coded(reading, loop, result)
    if proposed is None and coded is None and result is not None:
        proposed = _parts(result.experiment, "sub_tasks")
    return make_tasks(proposed, coded, _verdicts(reading, loop, result), reading)


def _coded(
    reading: Reading, loop: LoopMessages, result: Result | None
) -> Sequence[Coded | None] | None:
    """From the coder's result, else the runner's, else the last code on the way there."""
    message, value = last(reading, loop.of("coder result"))
    workspaces, final = None, True
    if message:
        workspaces = members(value, "sub_workspace_list", message.path, reading)
    if workspaces is None and result is not None:
        workspaces = _parts(result.experiment, "sub_workspace_list")
    if workspaces is None:
        message, value = last(reading, loop.of("evolving code"))
        final = False
        if message:
            workspaces = members(value, "sub_workspace_list", message.path, reading)
    if workspaces is None:
        return None
    return [coded_of(workspace, final=final) for workspace in workspaces]


def _verdicts(reading: Reading, loop: LoopMessages, result: Result | None) -> list[Verdicts]:
    """The runner's word on the coder's work first, then the coder's own last one."""
    found = []
    tested = _nested(result.experiment, "prop_dev_feedback") if result else None
    if result and tested:
        tasks = _parts(result.experiment, "sub_tasks")
        names = [task_name(task) for task in tasks] if tasks is not None else None
        found.append(verdicts_of(tested, names))
    verdict = found[0] if found else None
    if verdict is None or None in verdict.decisions:
        evolving = last_object(reading, loop.of("evolving feedback"))
        found.append(verdicts_of(evolving, None) if evolving else None)
    return [each for each in found if each is not None]


def _parts(of: Fields, name: str) -> list[Fields | None] | None:
    parts = listed(of, name, always=True)
    if parts is None:
        return None
    return [None if part is None else fields(part, of.file, of.reading) for part in parts]


def _charts(reading: Reading, loop: LoopMessages, result: Result | None) -> Charts:
    return whose_charts(
        reading,
        loop.of("Quantitative Backtesting Chart"),
        loop.of("Qlib_execute_log"),
        loop.of("runner result")[-1] if loop.of("runner result") else None,
        has_baseline=result is not None and result.baseline is not None,
    )


def _baseline(
    reading: Reading, loop: LoopMessages, result: Result | None, charts: Charts
) -> Baseline | None:
    if result is None or result.baseline is None:
        return None
    ran = len(loop.of("Qlib_execute_log"))
    return Baseline(
        workspace_id=_workspace_id(result.baseline),
        metrics=metrics_of(result.baseline),
        curve=curve_of(reading, charts.baseline),
        # A single run of Qlib was the experiment's own, as the baseline's comes first.
        cached=None if result.message.old else ran < 2,
    )


def _cached(loop: LoopMessages, charts: Charts) -> bool | None:
    """Whether a result is there that nothing ran for; None where that cannot be told."""
    results = loop.of("runner result")
    if not results:
        return False if loop.of("feedback") else None
    if loop.of("Qlib_execute_log"):
        return False
    contradicted = loop.of("Quantitative Backtesting Chart") or results[-1].old
    return None if contradicted or charts.own else True


def _last_log(loop: LoopMessages, result: Result | None) -> Message | None:
    logs = loop.of("Qlib_execute_log")
    return logs[-1] if logs and result is not None else None


def _status(
    loop: LoopMessages,
    result: Result | None,
    metrics: object,
    ended: set[str],
    *,
    may_run: bool,
) -> LoopStatus | None:
    if not loop.of("feedback"):
        return "running" if may_run and not _broke_off(loop, ended) else "failed"
    if not loop.of("runner result"):
        return "skipped"
    if result is None:
        return None
    finite = isinstance(metrics, dict) and any(value is not None for value in metrics.values())
    return "success" if finite else "failed"


def _broke_off(loop: LoopMessages, ended: set[str]) -> bool:
    """Whether a step ended without what it makes: its time is logged even if it raised."""
    return any(not loop.of(tag) for step, tag in _PRODUCTS.items() if step in ended)
