"""Plan what a demo holds, before anything is written: its runs and their experiments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rdlake.demo.chance import Subject, draw, identifier, is_picked
from rdlake.demo.factors import DemoFactor, draw_factor
from rdlake.demo.templates import Action

LOOPS_PER_RUN = 25
ONE_MODEL_IN, ONE_FAILURE_IN, ONE_WITHOUT_IC_IN, ONE_WITH_SUBS_IN = 5, 20, 40, 10
ACCEPTED_FROM = 1.3
WIDTHS, DROPOUTS = (16, 32, 64, 128), (0.0, 0.1, 0.2, 0.3)
FIRST_RUN, BETWEEN_RUNS = datetime(2026, 1, 5, 9, 30), timedelta(hours=20)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedExperiment:
    """Describe the experiment of one loop; `known` are the accepted factors it builds on, `new`
    its own."""

    workspace_id: str
    number: int
    action: Action
    quality: float
    failed: bool = False
    has_ic: bool = True
    baseline: bool = False
    network: tuple[int, float] | None = None
    known: tuple[DemoFactor, ...] = ()
    new: tuple[DemoFactor, ...] = ()
    sub_workspace_ids: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Return whether later loops of its run build on it."""
        return not self.failed and self.quality > ACCEPTED_FROM

    @property
    def factors(self) -> tuple[DemoFactor, ...]:
        """Return the factors its model saw. Of two with one name the later stays, as in
        RD-Agent."""
        return tuple({factor.name: factor for factor in (*self.known, *self.new)}.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRun:
    """Describe one start of RD-Agent: its log folder, and the workspaces it left."""

    log_name: str
    baseline: PlannedExperiment
    experiments: tuple[PlannedExperiment, ...]
    unused_id: str
    junk_id: str


def plan_runs(experiments: int, seed: int) -> Iterator[PlannedRun]:
    """Yield the runs that hold this many experiments. A longer demo only adds to a shorter one."""
    for run, first in enumerate(range(0, experiments, LOOPS_PER_RUN)):
        numbers = range(first, min(first + LOOPS_PER_RUN, experiments))
        yield PlannedRun(
            log_name=_log_name(run, seed),
            baseline=_baseline(run, seed),
            experiments=_loops(numbers, seed),
            unused_id=identifier(seed, Subject.UNUSED_ID, run),
            junk_id=identifier(seed, Subject.JUNK_ID, run),
        )


def _log_name(run: int, seed: int) -> str:
    late = timedelta(microseconds=int(draw(seed, Subject.RUN, run).integers(3_600_000_000)))
    return (FIRST_RUN + run * BETWEEN_RUNS + late).strftime("%Y-%m-%d_%H-%M-%S-%f")


def _baseline(run: int, seed: int) -> PlannedExperiment:
    identity = identifier(seed, Subject.BASELINE_ID, run)
    return PlannedExperiment(
        workspace_id=identity, number=run, action="factor", quality=-0.5, baseline=True
    )


def _loops(numbers: range, seed: int) -> tuple[PlannedExperiment, ...]:
    loops: list[PlannedExperiment] = []
    for number in numbers:
        # The first loop of a run proposes factors, so that the baseline belongs to it.
        model = number != numbers[0] and is_picked(seed, Subject.MODEL_ACTION, number, ONE_MODEL_IN)
        sota = [loop for loop in loops if loop.accepted and loop.action == "factor"]
        known = tuple(factor for loop in sota for factor in loop.new)
        if not model:
            loops.append(_factor_loop(number, seed, known))
        else:
            # RD-Agent hands factors to a model only from the second accepted experiment on.
            loops.append(_model_loop(number, seed, known if len(sota) > 1 else ()))
    return tuple(loops)


def _factor_loop(number: int, seed: int, known: tuple[DemoFactor, ...]) -> PlannedExperiment:
    rng = draw(seed, Subject.EXPERIMENT, number)
    quality, count = float(rng.normal()), 1 + int(rng.integers(3))
    new = tuple(draw_factor(rng, number, place) for place in range(count))
    failed = is_picked(seed, Subject.FAILURE, number, ONE_FAILURE_IN)
    return PlannedExperiment(
        workspace_id=identifier(seed, Subject.EXPERIMENT_ID, number),
        number=number,
        action="factor",
        quality=quality,
        failed=failed,
        has_ic=not is_picked(seed, Subject.MISSING_IC, number, ONE_WITHOUT_IC_IN),
        known=known,
        new=new,
        sub_workspace_ids=_sub_workspaces(number, seed, count),
    )


def _model_loop(number: int, seed: int, known: tuple[DemoFactor, ...]) -> PlannedExperiment:
    rng = draw(seed, Subject.EXPERIMENT, number)
    return PlannedExperiment(
        workspace_id=identifier(seed, Subject.EXPERIMENT_ID, number),
        number=number,
        action="model",
        quality=float(rng.normal()),
        network=(int(rng.choice(WIDTHS)), float(rng.choice(DROPOUTS))),
        known=known,
        sub_workspace_ids=_sub_workspaces(number, seed, 1),
    )


def _sub_workspaces(number: int, seed: int, count: int) -> tuple[str, ...]:
    if not is_picked(seed, Subject.SUB_WORKSPACES, number, ONE_WITH_SUBS_IN):
        return ()
    return tuple(identifier(seed, Subject.SUB_ID, number, place) for place in range(count))
