"""Put one loop of a run together from its messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rdlake.domain.experiment import Action
from rdlake.domain.trace import Baseline, Hypothesis, LoopStatus, Task, TracedLoop
from rdlake.sources.traces.feedback import read_feedback
from rdlake.sources.traces.fields import (
    ObjectFields,
    read_fields,
    read_folder_name,
    read_list,
    read_text,
    read_texts,
)
from rdlake.sources.traces.loop_messages import (
    LoopMessages,
    read_last,
    read_last_object,
    read_object,
)
from rdlake.sources.traces.messages import LogMessage, RunReading
from rdlake.sources.traces.results import (
    LoopCharts,
    assign_charts,
    read_chart_curve,
    read_config_name,
    read_result_metrics,
)
from rdlake.sources.traces.tasks import (
    CodedTask,
    Verdicts,
    make_tasks,
    read_coded_task,
    read_members,
    read_task_name,
    read_verdicts,
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
class LoopResult:
    """Hold a loop's runner result, the experiments it builds on, and the baseline among them."""

    message: LogMessage
    experiment: ObjectFields
    based: tuple[ObjectFields, ...] | None
    baseline: ObjectFields | None


def read_loop(
    reading: RunReading, whole: LoopMessages, scenario_action: Action | None, *, may_run: bool
) -> TracedLoop:
    """Return the loop as far as its messages can be read; each message that cannot be read leaves a
    finding."""
    loop = whole.last_attempt()
    result = _read_result(reading, loop)
    _warn_of_claims(reading, whole, result)
    hypothesis = read_last_object(reading, loop.of("hypothesis generation"))
    if hypothesis is None and result is not None:
        hypothesis = _read_nested(result.experiment, "hypothesis")
    tasks = _read_tasks(reading, loop, result)
    skipped = not loop.of("runner result")
    feedback, error_type = read_feedback(reading, loop.of("feedback"), skipped=skipped)
    charts = _find_charts(reading, loop, result)
    metrics = read_result_metrics(result.experiment) if result else None
    steps = read_steps(reading, loop.of("time_info"))
    times = [message.time for message in whole.messages if message.time]
    warn_of_clock(reading, loop)
    cost = read_cost(reading, whole.of("token_cost"))
    reading.models.update(cost.models)
    return TracedLoop(
        loop_id=loop.loop_id,
        action=_find_action(hypothesis, tasks, scenario_action),
        status=_find_status(loop, result, metrics, set(steps), may_run=may_run),
        hypothesis=_build_hypothesis(hypothesis),
        tasks=tasks,
        workspace_id=_read_workspace_id(result.experiment) if result else None,
        metrics=metrics,
        curve=read_chart_curve(reading, charts.own),
        baseline=_build_baseline(reading, loop, result, charts),
        cached=_is_cached(loop, charts),
        config=read_config_name(reading, _find_last_log(loop, result)),
        feedback=feedback,
        base_features=read_texts(result.experiment, "base_features") if result else None,
        base_feature_codes=read_texts(result.experiment, "base_feature_codes") if result else None,
        lineage=_find_lineage(result),
        steps=steps,
        llm_cost=cost.total,
        error_type=error_type,
        error_message=feedback.error if feedback else None,
        first_message_at=min(times, default=None),
        last_message_at=max(times, default=None),
    )


def _read_result(reading: RunReading, loop: LoopMessages) -> LoopResult | None:
    messages = loop.of("runner result")
    experiment = read_last_object(reading, messages)
    if experiment is None:
        return None
    based = _read_based(experiment)
    baseline = based[-1] if based and not read_list(based[-1], "sub_tasks") else None
    has_result = baseline is not None and read_result_metrics(baseline) is not None
    return LoopResult(messages[-1], experiment, based, baseline if has_result else None)


def _warn_of_claims(reading: RunReading, whole: LoopMessages, result: LoopResult | None) -> None:
    """Warn when earlier results of the loop name other workspaces than the result that counts."""
    if result is None:
        return
    claimed = {_read_workspace_id(result.experiment)}
    for message in whole.of("runner result"):
        earlier = read_object(reading, message) if message is not result.message else None
        claimed |= {_read_workspace_id(earlier)} if earlier else set()
    ids = sorted(claim for claim in claimed if claim)
    if len(ids) > 1:
        reason = f"several workspaces claim loop {whole.loop_id}: {', '.join(ids)}"
        reading.find("warning", result.message.path, reason, _LOOK)


def _read_based(experiment: ObjectFields) -> tuple[ObjectFields, ...] | None:
    parts = read_list(experiment, "based_experiments", always=True)
    if parts is None:
        return None
    found = (read_fields(part, experiment.file, experiment.reading) for part in parts)
    return tuple(part for part in found if part is not None)


def _read_nested(of: ObjectFields, name: str) -> ObjectFields | None:
    value = of.values.get(name)
    return read_fields(value, of.file, of.reading) if value is not None else None


def _read_workspace_id(experiment: ObjectFields) -> str | None:
    workspace = _read_nested(experiment, "experiment_workspace")
    if workspace is None:
        experiment.warn(f"{experiment.kind}: `experiment_workspace` is missing; counts as unknown")
        return None
    return read_folder_name(workspace, "workspace_path")


def _find_lineage(result: LoopResult | None) -> tuple[str, ...] | None:
    """Return the workspaces of the experiments before this one. An experiment without tasks is a
    baseline."""
    if result is None or result.based is None:
        return None
    ids = [_read_workspace_id(part) for part in result.based if read_list(part, "sub_tasks")]
    return tuple(workspace_id for workspace_id in ids if workspace_id)


def _build_hypothesis(found: ObjectFields | None) -> Hypothesis | None:
    if found is None:
        return None
    texts_by_name = {
        name: read_text(found, name, always=name == "hypothesis") for name in _HYPOTHESIS
    }
    return Hypothesis(**texts_by_name)


def _find_action(
    hypothesis: ObjectFields | None, tasks: tuple[Task, ...] | None, scenario: Action | None
) -> Action | None:
    """Return the action of the hypothesis, else of the scenario, else of the tasks if they are all
    of one kind."""
    word = read_text(hypothesis, "action") if hypothesis else None
    if word is not None and word not in _ACTIONS and hypothesis:
        hypothesis.warn(f"{hypothesis.kind}: `action` is neither factor nor model; it was not used")
    kinds = {task.kind for task in tasks or ()}
    return _ACTIONS.get(word or "") or scenario or (kinds.pop() if len(kinds) == 1 else None)


def _read_tasks(
    reading: RunReading, loop: LoopMessages, result: LoopResult | None
) -> tuple[Task, ...] | None:
    message, value = read_last(reading, loop.of("experiment generation"))
    proposed = read_members(value, "sub_tasks", message.path, reading) if message else None
    coded = _read_coded(reading, loop, result)
    if proposed is None and coded is None and result is not None:
        proposed = _read_parts(result.experiment, "sub_tasks")
    return make_tasks(proposed, coded, _read_verdicts(reading, loop, result), reading)


def _read_coded(
    reading: RunReading, loop: LoopMessages, result: LoopResult | None
) -> Sequence[CodedTask | None] | None:
    """Return the code from the coder's result, else from the runner's, else the last code on the
    way there."""
    message, value = read_last(reading, loop.of("coder result"))
    workspaces, final = None, True
    if message:
        workspaces = read_members(value, "sub_workspace_list", message.path, reading)
    if workspaces is None and result is not None:
        workspaces = _read_parts(result.experiment, "sub_workspace_list")
    if workspaces is None:
        message, value = read_last(reading, loop.of("evolving code"))
        final = False
        if message:
            workspaces = read_members(value, "sub_workspace_list", message.path, reading)
    if workspaces is None:
        return None
    return [read_coded_task(workspace, final=final) for workspace in workspaces]


def _read_verdicts(
    reading: RunReading, loop: LoopMessages, result: LoopResult | None
) -> list[Verdicts]:
    """Return the runner's verdict on the coder's work first, then the coder's own last one."""
    found = []
    tested = _read_nested(result.experiment, "prop_dev_feedback") if result else None
    if result and tested:
        tasks = _read_parts(result.experiment, "sub_tasks")
        names = [read_task_name(task) for task in tasks] if tasks is not None else None
        found.append(read_verdicts(tested, names))
    verdict = found[0] if found else None
    if verdict is None or None in verdict.decisions:
        evolving = read_last_object(reading, loop.of("evolving feedback"))
        found.append(read_verdicts(evolving, None) if evolving else None)
    return [each for each in found if each is not None]


def _read_parts(of: ObjectFields, name: str) -> list[ObjectFields | None] | None:
    parts = read_list(of, name, always=True)
    if parts is None:
        return None
    return [None if part is None else read_fields(part, of.file, of.reading) for part in parts]


def _find_charts(reading: RunReading, loop: LoopMessages, result: LoopResult | None) -> LoopCharts:
    return assign_charts(
        reading,
        loop.of("Quantitative Backtesting Chart"),
        loop.of("Qlib_execute_log"),
        loop.of("runner result")[-1] if loop.of("runner result") else None,
        has_baseline=result is not None and result.baseline is not None,
    )


def _build_baseline(
    reading: RunReading, loop: LoopMessages, result: LoopResult | None, charts: LoopCharts
) -> Baseline | None:
    if result is None or result.baseline is None:
        return None
    ran = len(loop.of("Qlib_execute_log"))
    return Baseline(
        workspace_id=_read_workspace_id(result.baseline),
        metrics=read_result_metrics(result.baseline),
        curve=read_chart_curve(reading, charts.baseline),
        # The baseline's run of Qlib comes first, so a single run was the experiment's own.
        cached=None if result.message.old else ran < 2,
    )


def _is_cached(loop: LoopMessages, charts: LoopCharts) -> bool | None:
    """Return whether there is a result for which nothing ran; None when that cannot be told."""
    results = loop.of("runner result")
    if not results:
        return False if loop.of("feedback") else None
    if loop.of("Qlib_execute_log"):
        return False
    contradicted = loop.of("Quantitative Backtesting Chart") or results[-1].old
    return None if contradicted or charts.own else True


def _find_last_log(loop: LoopMessages, result: LoopResult | None) -> LogMessage | None:
    logs = loop.of("Qlib_execute_log")
    return logs[-1] if logs and result is not None else None


def _find_status(
    loop: LoopMessages,
    result: LoopResult | None,
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
    """Return whether a step ended without its product. A step's time is logged even when it
    raised."""
    return any(not loop.of(tag) for step, tag in _PRODUCTS.items() if step in ended)
