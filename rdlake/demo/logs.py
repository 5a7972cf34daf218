"""Make the log of a planned run: the same loops as its workspaces show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import polars as pl

from rdlake.demo.backtest import Backtest
from rdlake.demo.chance import Subject, identifier
from rdlake.demo.factors import DemoFactor, factor_source
from rdlake.demo.market import Market
from rdlake.demo.plan import PlannedExperiment, PlannedRun
from rdlake.demo.rdagent_pickles import Proposal
from rdlake.demo.templates import model_source
from rdlake.demo.traces import LoggedBacktest, LoopLog, RunLog, trace_files
from rdlake.demo.workspaces import backtest_of

SIGNING_KEY = bytes(range(32))
"""The key of a demo's messages. It is written next to the logs."""
ROOT = PurePosixPath("/home/quant/git_ignore_folder/RD-Agent_workspace")
NAME = "%Y-%m-%d_%H-%M-%S-%f"
BETWEEN_LOOPS = timedelta(minutes=15)


def log_files(run: PlannedRun, market: Market, seed: int) -> dict[str, bytes]:
    """Return the files of the run's log folder by relative path."""
    accepted: list[int] = []
    loops = []
    for number, experiment in enumerate(run.experiments):
        baseline = _logged_backtest(run.baseline, market, seed) if number == 0 else None
        loops.append(_loop(number, experiment, baseline, tuple(accepted), market, seed))
        if experiment.accepted:
            accepted.append(number)
    started = datetime.strptime(run.log_name, NAME)
    return trace_files(
        RunLog(started=started, loops=tuple(loops), scenario="fin_quant"), key=SIGNING_KEY
    )


def _loop(
    number: int,
    experiment: PlannedExperiment,
    baseline: LoggedBacktest | None,
    accepted: tuple[int, ...],
    market: Market,
    seed: int,
) -> LoopLog:
    place = ROOT / experiment.workspace_id
    if experiment.failed:
        backtest = LoggedBacktest(place, None)
    else:
        backtest = _logged_backtest(experiment, market, seed)
    return LoopLog(
        number=number,
        action=experiment.action,
        hypothesis=f"idea {experiment.number} tells coming returns",
        proposals=tuple(_proposals(experiment, seed)),
        backtest=backtest,
        baseline=baseline,
        builds_on=accepted,
        ending="skipped" if experiment.failed else "success",
        decision=experiment.accepted,
        said=_feedback(experiment),
        call_cost=0.01,
    )


def _logged_backtest(experiment: PlannedExperiment, market: Market, seed: int) -> LoggedBacktest:
    backtest = backtest_of(experiment, market, seed)
    return LoggedBacktest(ROOT / experiment.workspace_id, backtest.metrics, _curve(backtest))


def _curve(backtest: Backtest) -> pl.DataFrame:
    return pl.DataFrame({"datetime": backtest.days, **backtest.curve})


def _proposals(experiment: PlannedExperiment, seed: int) -> list[Proposal]:
    if experiment.network:
        code = model_source(*experiment.network)
        return [
            Proposal(
                name=f"Net{experiment.number}",
                workspace=_sub_workspace(experiment, 0, seed),
                code=code,
            )
        ]
    return [
        Proposal(
            name=factor.name,
            workspace=_sub_workspace(experiment, place, seed),
            code=factor_source(factor),
            description=_meaning(factor),
        )
        for place, factor in enumerate(experiment.new)
    ]


def _sub_workspace(experiment: PlannedExperiment, place: int, seed: int) -> PurePosixPath:
    return ROOT / identifier(seed, Subject.SUB_ID, experiment.number, place)


def _meaning(factor: DemoFactor) -> str:
    return f"{factor.name}: {factor.window} days"


def _feedback(experiment: PlannedExperiment) -> Mapping[str, str]:
    verdict = "better" if experiment.accepted else "no better"
    return {
        "observations": f"quality {experiment.quality:.2f}",
        "hypothesis_evaluation": f"{verdict} than what was there",
        "new_hypothesis": "look at longer windows",
        "reason": f"the returns are {verdict}",
    }
