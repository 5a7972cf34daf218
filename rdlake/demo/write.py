"""Write a demo to disk. Only this module of the package touches files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rdlake.demo.fork import json_files, run_id, write_registry
from rdlake.demo.logs import SIGNING_KEY, log_files
from rdlake.demo.market import Market, make_market
from rdlake.demo.plan import PlannedRun, plan_runs
from rdlake.demo.prices_file import prices_h5
from rdlake.demo.workspaces import Files, experiment_files, leftovers, sub_workspaces
from rdlake.errors import BadInput, StorageFailed

LOGS, KEY = "log", "artifact_signing.key"
REGISTRY = Path("RDagentDB", "registry.sqlite")
WORKSPACES = Path("git_ignore_folder", "RD-Agent_workspace")
PRICES = Path("git_ignore_folder", "factor_implementation_source_data", "daily_pv.h5")


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoReport:
    """Report what was written. `experiments` includes the failed ones; the other counts come on
    top."""

    directory: Path
    workspaces: Path
    logs: Path
    signing_key: Path
    registry: Path | None
    experiments: int
    failures: int
    baselines: int
    sub_workspaces: int
    bytes_written: int


def write_demo(
    directory: Path,
    *,
    experiments: int,
    seed: int,
    fork: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> DemoReport:
    """Write that many synthetic experiments below `directory`; equal seeds write equal files.

    With `fork`, write also a registry and JSON files, as a fork of RD-Agent leaves them. Call
    `on_progress` with the number done so far. Raise BadInput for a directory that is not empty.
    """
    _check_request(directory, experiments, seed)
    market, runs = make_market(seed), tuple(plan_runs(experiments, seed))
    written = _write(directory / PRICES, prices_h5(market))
    written += _write(directory / KEY, SIGNING_KEY)
    if fork:
        written += _write_registry(directory / REGISTRY, runs, seed)
    for number, run in enumerate(runs):
        written += _write_run(directory, run, market, seed)
        for place, experiment in enumerate(run.experiments):
            folders = {experiment.workspace_id: experiment_files(experiment, market, seed)}
            if fork:
                name = run_id(number, seed)
                folders[experiment.workspace_id] |= json_files(experiment, place, name)
            written += _write_folders(directory, folders | sub_workspaces(experiment))
            if on_progress:
                on_progress(experiment.number + 1)
    return _report(directory, runs, written, fork=fork)


def _report(
    directory: Path, runs: tuple[PlannedRun, ...], written: int, *, fork: bool
) -> DemoReport:
    planned = [experiment for run in runs for experiment in run.experiments]
    return DemoReport(
        directory=directory,
        workspaces=directory / WORKSPACES,
        logs=directory / LOGS,
        signing_key=directory / KEY,
        registry=directory / REGISTRY if fork else None,
        experiments=len(planned),
        failures=sum(experiment.failed for experiment in planned),
        baselines=len(runs),
        sub_workspaces=sum(len(experiment.sub_workspace_ids) for experiment in planned),
        bytes_written=written,
    )


def _check_request(directory: Path, experiments: int, seed: int) -> None:
    if experiments < 1:
        raise BadInput(
            "a demo needs at least one experiment",
            where=f"--experiments {experiments}",
            fix="ask for 1 or more",
        )
    if seed < 0:
        raise BadInput("a seed cannot be negative", where=f"--seed {seed}", fix="use 0 or more")
    if directory.exists() and not _is_empty(directory):
        raise BadInput(
            "a demo is written to a new or empty directory only",
            where=directory,
            fix="name a directory that does not exist yet, or empty this one",
        )


def _is_empty(directory: Path) -> bool:
    return directory.is_dir() and not any(directory.iterdir())


def _write_run(directory: Path, run: PlannedRun, market: Market, seed: int) -> int:
    log = log_files(run, market, seed)
    written = sum(
        _write(directory / LOGS / run.log_name / name, content) for name, content in log.items()
    )
    baseline = {run.baseline.workspace_id: experiment_files(run.baseline, market, seed)}
    return written + _write_folders(directory, baseline | leftovers(run))


def _write_registry(path: Path, runs: tuple[PlannedRun, ...], seed: int) -> int:
    try:
        return write_registry(path, runs, seed)
    except OSError as error:
        raise _storage_failed(path, error) from error


def _write_folders(directory: Path, folders: dict[str, Files]) -> int:
    return sum(
        _write(directory / WORKSPACES / folder / name, content)
        for folder, files in folders.items()
        for name, content in files.items()
    )


def _write(path: Path, content: bytes) -> int:
    _make_folder(path.parent)
    try:
        return path.write_bytes(content)
    except OSError as error:
        raise _storage_failed(path, error) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _storage_failed(folder, error) from error


def _storage_failed(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(
        f"cannot write the demo: {error.strerror}",
        where=path,
        fix="free the disk or choose another directory, then start again in an empty one",
    )
