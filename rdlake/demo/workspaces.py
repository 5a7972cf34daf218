"""Make the files of each kind of workspace. A new kind of file is one line in one function here."""

from __future__ import annotations

import math

import numpy as np

from rdlake.demo.backtest import Backtest, run_backtest
from rdlake.demo.chance import Subject, draw
from rdlake.demo.factors import factor_source, factor_values
from rdlake.demo.frames import curve_parquet, factors_parquet
from rdlake.demo.market import Market
from rdlake.demo.plan import PlannedExperiment, PlannedRun
from rdlake.demo.templates import JUNK, model_source, templates

Files = dict[str, bytes]


def experiment_files(experiment: PlannedExperiment, market: Market, seed: int) -> Files:
    """Return everything in the workspace of an experiment or of a baseline."""
    files = _encoded(templates(experiment.action))
    if experiment.network:
        files["model.py"] = model_source(*experiment.network).encode()
    if experiment.factors:
        files["combined_factors_df.parquet"] = _factors(experiment, market, seed)
    if not experiment.failed:
        rng = _backtest_rng(experiment, seed)
        backtest = _backtest(experiment, market, rng)
        files["qlib_res.csv"] = _metrics_csv(backtest, rng)
        files["ret.parquet"] = curve_parquet(backtest)
    return files


def backtest_of(experiment: PlannedExperiment, market: Market, seed: int) -> Backtest:
    """Return the back-test whose files lie in the experiment's workspace."""
    return _backtest(experiment, market, _backtest_rng(experiment, seed))


def sub_workspaces(experiment: PlannedExperiment) -> dict[str, Files]:
    """Return the folders in which the coder wrote this experiment's factors or model."""
    if not experiment.sub_workspace_ids:
        return {}
    if experiment.network:
        contents = [{"model.py": model_source(*experiment.network)}]
    else:
        contents = [{"factor.py": factor_source(factor)} for factor in experiment.new]
    return dict(zip(experiment.sub_workspace_ids, map(_encoded, contents), strict=True))


def leftovers(run: PlannedRun) -> dict[str, Files]:
    """Return the folders of a run that hold no experiment: templates alone, or a version query."""
    return {run.unused_id: _encoded(templates("factor")), run.junk_id: _encoded(JUNK)}


def _encoded(texts: dict[str, str]) -> Files:
    return {name: text.encode() for name, text in texts.items()}


def _factors(experiment: PlannedExperiment, market: Market, seed: int) -> bytes:
    columns = {factor.name: factor_values(factor, market, seed) for factor in experiment.factors}
    return factors_parquet(columns, market, drop_missing=bool(experiment.known))


def _backtest_rng(experiment: PlannedExperiment, seed: int) -> np.random.Generator:
    subject = Subject.BASELINE_BACKTEST if experiment.baseline else Subject.EXPERIMENT_BACKTEST
    return draw(seed, subject, experiment.number)


def _backtest(experiment: PlannedExperiment, market: Market, rng: np.random.Generator) -> Backtest:
    boosted = experiment.action == "factor"
    return run_backtest(market, experiment.quality, rng, boosted=boosted, has_ic=experiment.has_ic)


def _metrics_csv(backtest: Backtest, rng: np.random.Generator) -> bytes:
    # qlib lists its metrics in the order of the file system, which is no order at all.
    lines = [f"{name},{_number(value)}\n" for name, value in backtest.metrics.items()]
    return "".join([",0\n", *(lines[place] for place in rng.permutation(len(lines)))]).encode()


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))
