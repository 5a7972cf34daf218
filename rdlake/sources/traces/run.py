"""Turn one run folder into a value: every message that matters is read once, and none is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rdlake.domain.experiment import Action
from rdlake.domain.trace import RunSignature, RunStatus, Scenario, TracedLoop, TracedRun
from rdlake.sources.traces.discover import RunFolder
from rdlake.sources.traces.loop import read_loop
from rdlake.sources.traces.loop_messages import LoopMessages, read_last_object
from rdlake.sources.traces.messages import LogMessage, RunReading, list_messages, scan_run
from rdlake.sources.traces.times import read_cost
from rdlake.sources.workspace.parse import cap_findings
from rdlake.sources.workspace.scan import Scan, digest_lines

MAX_FINDINGS = 200

_SCENARIOS: dict[str, Scenario] = {
    "QlibFactorScenario": "fin_factor",
    "QlibModelScenario": "fin_model",
    "QlibQuantScenario": "fin_quant",
    "QlibFactorFromReportScenario": "fin_factor_report",
}
_ACTIONS: dict[Scenario, Action] = {
    "fin_factor": "factor",
    "fin_factor_report": "factor",
    "fin_model": "model",
}
_WORST_FIRST: tuple[RunSignature, ...] = ("bad", "unsigned", "unchecked", "signed")
_KEY = "check the signing key, and where the unsigned messages come from"


def read_run(
    folder: RunFolder, scanned: Scan | None = None, *, key: bytes | None = None
) -> TracedRun:
    """Return the run, its loops and every problem; a bad message costs that message only.

    With RD-Agent's signing key, messages with a wrong signature are not used.
    """
    scanned = scan_run(folder.path) if scanned is None else scanned
    reading = RunReading(key=key, findings=list(scanned.findings))
    messages = list_messages(scanned, reading)
    scenario_raw = _read_scenario(reading, messages)
    scenario = _SCENARIOS.get(scenario_raw or "")
    loops = _read_loops(reading, messages, _ACTIONS.get(scenario) if scenario else None)
    outside = [message for message in messages if message.loop_id is None]
    cost = read_cost(reading, [message for message in outside if message.tag == "token_cost"])
    _warn_of_shared_workspaces(reading, loops)
    _warn_of_run(reading, scanned, messages, loops)
    times = [message.time for message in messages if message.time]
    signature = next((word for word in _WORST_FIRST if reading.signatures[word]), None)
    costs = [part for part in (cost.total, *(loop.llm_cost for loop in loops)) if part is not None]
    return TracedRun(
        folder_name=folder.path.name,
        parent_name=folder.path.parent.name,
        path=folder.relative,
        root_name=folder.root.name,
        scenario_raw=scenario_raw,
        scenario=scenario,
        status=_find_status(loops),
        signature=signature,
        created_at=min(times, default=None),
        ended_at=max(times, default=None),
        llm_model=_find_model(reading.models + cost.models),
        llm_cost=sum(costs) if costs else None,
        stat_digest=scanned.stat_digest if scanned.listed else None,
        source_digest=digest_lines([*_list_source_lines(reading), f"{signature}\0"]),
        loops=loops,
        findings=cap_findings(list(dict.fromkeys(reading.findings)), MAX_FINDINGS, "run"),
        workspace_roots=tuple(sorted(reading.roots)),
    )


def _read_scenario(reading: RunReading, messages: Sequence[LogMessage]) -> str | None:
    """Return the class of the last scenario message at the top of the run."""
    found = [each for each in messages if each.tag == "scenario" and each.loop_id is None]
    scenario = read_last_object(reading, found)
    if scenario is None:
        return None
    if scenario.kind not in _SCENARIOS:
        reason = (
            "the scenario is none of Qlib's; only the fields that all scenarios share were read"
        )
        reading.find("warning", scenario.file, reason, "keep such runs in another log folder")
    return scenario.kind


def _read_loops(
    reading: RunReading, messages: Sequence[LogMessage], action: Action | None
) -> tuple[TracedLoop, ...]:
    by_loop: dict[int, list[LogMessage]] = {}
    for message in messages:
        if message.loop_id is not None:
            by_loop.setdefault(message.loop_id, []).append(message)
    loops = [LoopMessages(number, tuple(found)) for number, found in sorted(by_loop.items())]
    return tuple(
        read_loop(reading, loop, action, may_run=_may_run(loop, loops[place + 1 :]))
        for place, loop in enumerate(loops)
    )


def _may_run(loop: LoopMessages, later: Sequence[LoopMessages]) -> bool:
    """Return whether the loop may still be running: it is the last one, or one of several at the
    same time."""
    end = loop.messages[-1].time
    begins = [other.messages[0].time for other in later]
    return not later or any(end and begin and begin < end for begin in begins)


def _find_status(loops: Sequence[TracedLoop]) -> RunStatus | None:
    """Return the status of the run, which is that of its last loop; a skipped loop is no
    failure."""
    if not loops:
        return None
    status = loops[-1].status
    if status is None or status == "running":
        return status
    unfinished = status == "failed" and loops[-1].feedback is None
    return "failed" if unfinished else "success"


def _find_model(models: Counter[str]) -> str | None:
    """Return the language model that answered most often."""
    return models.most_common(1)[0][0] if models else None


def _warn_of_shared_workspaces(reading: RunReading, loops: Sequence[TracedLoop]) -> None:
    claims: dict[str, list[int]] = {}
    for loop in loops:
        if loop.workspace_id:
            claims.setdefault(loop.workspace_id, []).append(loop.loop_id)
    for workspace_id, numbers in claims.items():
        if len(numbers) > 1:
            listed = ", ".join(map(str, numbers))
            reason = f"the workspace {workspace_id} is claimed by several loops: {listed}"
            reading.find("warning", None, reason, "look which of them ran in it")


def _warn_of_run(
    reading: RunReading, scanned: Scan, messages: Sequence[LogMessage], loops: Sequence[TracedLoop]
) -> None:
    if reading.key is not None and reading.signatures["unsigned"] and reading.signatures["signed"]:
        reason = f"{reading.signatures['unsigned']} messages are not signed, the others are"
        reading.find("warning", None, reason, _KEY)
    if not scanned.listed:
        return
    if not messages:
        reason = "no message that is read: only sessions or other files"
        reading.find("warning", None, reason, "restore its Loop_N folders if they were removed")
    elif not loops:
        reason = "the run has no loop"
        reading.find("warning", None, reason, "nothing to do; ingest again if the run goes on")


def _list_source_lines(reading: RunReading) -> list[str]:
    return [
        f"{path}\0{size}\0{digest}\0" for path, (size, digest) in sorted(reading.digests.items())
    ]
