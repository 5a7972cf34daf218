"""Make log folders as RD-Agent leaves them: from plain values to the files of a run by path.

Nothing here is random: equal values give equal files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
import polars as pl

from rdlake.demo.pandas_pickles import Style, frame, style_of, time
from rdlake.demo.pickles import Instance, encode_pickle, sign_pickle
from rdlake.demo.rdagent_pickles import (
    Proposal,
    coder_feedback,
    experiment,
    hypothesis,
    hypothesis_feedback,
    scenario,
    sub_workspace,
    task,
)

FAKE_SECRETS = ("sk-fake-do-not-ingest", "MUST-NOT-BE-INGESTED")
"""They stand wherever RD-Agent logs secrets. No reader may return them."""

Action = Literal["factor", "model"]
Ending = Literal["success", "skipped", "cached", "failed", "running"]
Step = Literal["direct_exp_gen", "coding", "running", "feedback"]

_STEPS: tuple[Step, ...] = ("direct_exp_gen", "coding", "running", "feedback")
_SECONDS = {"direct_exp_gen": 40, "coding": 200, "running": 600, "feedback": 20}
_OLD_PREFIX = {"coder result": "d", "runner result": "ef", "feedback": "ef"}
_CHART = "Quantitative Backtesting Chart"
_NAME = "%Y-%m-%d_%H-%M-%S-%f"


@dataclass(frozen=True, slots=True, eq=False)
class LoggedBacktest:
    """Describe one back-test: its workspace, qlib's metrics by name, and its daily report.

    `curve` has `datetime` first and then qlib's columns. It is None when RD-Agent took the result
    from its cache.
    """

    workspace: PurePosixPath
    metrics: Mapping[str, float] | None
    curve: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopLog:
    """Describe what one loop leaves.

    `builds_on` are the accepted loops before it. `baseline` is the back-test that the first loop of
    a run makes for comparison. A failed or running loop ends within the step `reached`.
    """

    number: int
    action: Action = "factor"
    hypothesis: str = "past returns tell coming ones"
    reason: str = "they did before"
    proposals: tuple[Proposal, ...] = ()
    backtest: LoggedBacktest | None = None
    baseline: LoggedBacktest | None = None
    builds_on: tuple[int, ...] = ()
    ending: Ending = "success"
    reached: Step = "feedback"
    decision: bool = True
    said: Mapping[str, str] = field(default_factory=dict)
    error: str = "the back-test left no result"
    rounds: int = 1
    base_features: Mapping[str, str] | None = None
    base_feature_codes: Mapping[str, str] = field(default_factory=dict)
    call_cost: float | None = None
    qlib_log: str = "qlib successfully initialized based on client settings.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLog:
    """Describe one start of RD-Agent; `version` is one that `pandas_pickles.style_of` knows."""

    started: datetime
    loops: tuple[LoopLog, ...]
    scenario: Literal["fin_factor", "fin_model", "fin_quant", "fin_factor_report"] = "fin_factor"
    version: str = "1.0.0"
    processes: str = "22498"
    llm: str = "gpt-4o"


@dataclass(slots=True, kw_only=True)
class _Log:
    """Collect the files, with the clock that names the next one."""

    run: RunLog
    style: Style
    key: bytes | None
    clock: datetime
    files: dict[str, bytes] = field(default_factory=dict)
    experiments: dict[int, Instance] = field(default_factory=dict)

    @property
    def old(self) -> bool:
        return self.style.release < "0.5"

    def write(self, tag: str, value: object) -> None:
        self.clock += timedelta(milliseconds=7, microseconds=311)
        name = f"{tag}/{self.run.processes}/{self.clock.strftime(_NAME)}.pkl"
        self.files[name] = self.packed(value)

    def packed(self, value: object) -> bytes:
        pickle = encode_pickle(value, self.style.protocol)
        return sign_pickle(pickle, self.key) if self.key and self.style.signed else pickle

    def write_in(self, place: str, tag: str, value: object) -> None:
        """Write a loop's message; up to 0.4 with one letter more in its tag."""
        old = f"{_OLD_PREFIX.get(tag, 'r')}/" if self.old else ""
        self.write(f"{place}/{old}{tag}", value)


def log_folder_name(started: datetime) -> str:
    """Return the name RD-Agent gives the folder of a run that starts then."""
    return started.strftime(_NAME)


def trace_files(run: RunLog, *, key: bytes | None = None) -> dict[str, bytes]:
    """Return every file of a run's log folder by relative path.

    From 1.0 on, messages are signed when there is a key.
    """
    log = _Log(run=run, style=style_of(run.version), key=key, clock=run.started)
    _write_settings(log)
    log.write("init/scenario" if log.old else "scenario", scenario(run.scenario))
    for loop in run.loops:
        _write_loop(log, loop)
    last = run.loops[-1].number if run.loops else 0
    log.files[f"__session__/{last}/3_feedback"] = log.packed(_secrets())
    return log.files


def _write_settings(log: _Log) -> None:
    log.write("LITELLM_SETTINGS", _secrets() | {"chat_model": log.run.llm})
    log.write("debug_tpl", _secrets() | {"uri": "t", "template": "", "rendered": ""})
    if log.run.scenario != "fin_quant":
        log.write("RD_AGENT_SETTINGS", {"azure_document_intelligence_key": FAKE_SECRETS[0]})
        log.write("RDLOOP_SETTINGS", {"scen": "", "evolving_n": 10})


def _secrets() -> dict[str, object]:
    return {"openai_api_key": FAKE_SECRETS[0], "context": FAKE_SECRETS[1]}


def _write_loop(log: _Log, loop: LoopLog) -> None:
    whole = loop.ending in ("success", "cached", "skipped")
    steps = _STEPS if whole else _STEPS[: _STEPS.index(loop.reached) + 1]
    writers = {
        "direct_exp_gen": _write_proposal,
        "coding": _write_code,
        "running": _write_backtest,
        "feedback": _write_feedback,
    }
    for step in steps:
        begun, place = log.clock, f"Loop_{loop.number}/{step}"
        broken = not whole and step == loop.reached
        if not broken:
            writers[step](log, loop, place)
        log.clock += timedelta(seconds=_SECONDS[step])
        if log.style.release >= "0.8" and not (broken and loop.ending == "running"):
            span = {"start_time": begun, "end_time": log.clock}
            log.write(f"{place}/time_info", {name: time(_utc(at)) for name, at in span.items()})


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _write_proposal(log: _Log, loop: LoopLog, place: str) -> None:
    _write_call(log, loop, place)
    action = loop.action if log.run.scenario == "fin_quant" else None
    log.write_in(place, "hypothesis generation", hypothesis(loop.hypothesis, loop.reason, action))
    tasks = [task(proposal, loop.action, coded=False) for proposal in loop.proposals]
    log.write_in(place, "experiment generation", tasks)


def _write_call(log: _Log, loop: LoopLog, place: str) -> None:
    """Write what each call of the language model leaves: prompt and answer, and its cost."""
    log.write(f"{place}/debug_llm", {"user": FAKE_SECRETS[1], "resp": FAKE_SECRETS[0]})
    if loop.call_cost is not None:
        tokens = {"prompt_tokens": 900, "completion_tokens": 100}
        cost = {"cost": loop.call_cost, "accumulated_cost": loop.call_cost}
        log.write(f"{place}/token_cost", {"model": log.run.llm} | tokens | cost)


def _write_code(log: _Log, loop: LoopLog, place: str) -> None:
    codes = [sub_workspace(each, loop.action, log.style) for each in loop.proposals]
    for number in range(loop.rounds):
        evolving = f"{place}/evo_loop_{number}"
        _write_call(log, loop, evolving)
        last = number == loop.rounds - 1
        verdicts = [each.accepted if last else False for each in loop.proposals]
        log.write_in(evolving, "evolving feedback", coder_feedback(verdicts))
        log.write_in(evolving, "evolving code", codes)
    if log.run.scenario == "fin_quant":
        log.write_in(place, "coder result", _experiment(log, loop, metrics=None))
    else:
        log.write_in(place, "coder result", codes)


def _write_backtest(log: _Log, loop: LoopLog, place: str) -> None:
    if loop.ending == "skipped" or loop.backtest is None:
        return
    for each in (loop.baseline, loop.backtest):
        if each is not None and each.curve is not None and loop.ending != "cached":
            if not log.old:
                log.write_in(place, "Qlib_execute_log", loop.qlib_log)
            log.write_in(place, _CHART, _chart(each.curve, log.style))
    result = _experiment(log, loop, metrics=loop.backtest.metrics)
    log.experiments[loop.number] = result
    log.write_in(place, "runner result", result)


def _chart(curve: pl.DataFrame, style: Style) -> Instance:
    days = curve["datetime"].cast(pl.Datetime("ns")).to_numpy()
    columns = {name: curve[name].to_numpy() for name in curve.columns if name != "datetime"}
    return frame(days, {name: np.asarray(values) for name, values in columns.items()}, style)


def _experiment(log: _Log, loop: LoopLog, *, metrics: Mapping[str, float] | None) -> Instance:
    action = loop.action if log.run.scenario == "fin_quant" else None
    more: dict[str, object] = {
        "hypothesis": hypothesis(loop.hypothesis, loop.reason, action),
        "based_experiments": _based(log, loop),
    }
    if log.style.release >= "1.0":
        more["base_features"] = dict(loop.base_features or {})
        more["base_feature_codes"] = dict(loop.base_feature_codes)
    place = loop.backtest.workspace if loop.backtest else _unused(loop, "own")
    return experiment(loop.action, loop.proposals, place, metrics, log.style, **more)


def _based(log: _Log, loop: LoopLog) -> list[object]:
    """Return the accepted experiments; a factor's has a baseline first, which seldom ran."""
    accepted: list[object] = [log.experiments[number] for number in loop.builds_on]
    if loop.action == "model":
        return accepted
    if loop.baseline is not None:
        place, metrics = loop.baseline.workspace, loop.baseline.metrics
    else:
        place, metrics = _unused(loop, "baseline"), None
    return [experiment("factor", (), place, metrics, log.style), *accepted]


def _unused(loop: LoopLog, what: str) -> PurePosixPath:
    name = md5(f"{loop.number} {loop.hypothesis} {what}".encode(), usedforsecurity=False)
    return PurePosixPath("/home/quant/git_ignore_folder/RD-Agent_workspace", name.hexdigest())


def _write_feedback(log: _Log, loop: LoopLog, place: str) -> None:
    said: dict[str, object] = {"decision": loop.decision} | dict(loop.said)
    if loop.ending == "skipped":
        plain = log.run.scenario != "fin_quant" and log.style.release >= "1.0"
        said = {"decision": False, "reason" if plain else "observations": loop.error}
    else:
        _write_call(log, loop, place)
    log.write_in(place, "feedback", hypothesis_feedback(said, log.style))
