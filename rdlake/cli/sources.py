"""Turn the options that say what is read into one `IngestRequest`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial, wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rdlake.cli.output import say
from rdlake.errors import BadInput

if TYPE_CHECKING:
    from rdlake.ingest.content import Keep
    from rdlake.ingest.request import IngestRequest, Selection

workspaces_option = click.option(
    "--workspaces",
    metavar="DIR",
    multiple=True,
    help="A folder of workspaces; may be repeated.  [default: RDLAKE_WORKSPACES]",
)
logs_option = click.option(
    "--log-path",
    "logs",
    metavar="DIR",
    multiple=True,
    help="A folder of RD-Agent's logs; may be repeated.  [default: RDLAKE_LOGS]",
)
registries_option = click.option(
    "--registry",
    "registries",
    metavar="FILE",
    multiple=True,
    help="A registry.sqlite; may be repeated.  [default: RDLAKE_REGISTRIES]",
)
key_option = click.option(
    "--signing-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    envvar="ARTIFACT_SIGNING_KEY_PATH",
    help="The key RD-Agent signs its messages with; ARTIFACT_SIGNING_KEY may hold it as text.",
)
map_option = click.option(
    "--map",
    "maps",
    metavar="OLD=NEW",
    multiple=True,
    help="Workspaces that logs and registries name below OLD lie below the folder NEW here, and "
    r"are read there; OLD as /mnt/f/x or F:\x. May be repeated.",
)
catalogs_option = click.option(
    "--catalogs",
    metavar="DIR",
    multiple=True,
    help="JSON catalogs that were exported before there was a lake; may be repeated.",
)
prices_option = click.option(
    "--prices",
    metavar="FILE",
    help="The daily_pv.h5 that factors are held against; else "
    "factor_implementation_source_data/daily_pv.h5 beside each folder of workspaces.  "
    "[default: RDLAKE_PRICES]",
)


keep_option = click.option(
    "--keep",
    metavar="[essential|all|none]",
    help="Of which files the content is stored; of the others, the digest. "
    "[default: RDLAKE_KEEP, else essential: metrics, curves, configuration, code, charts, weights]",
)
charts_option = click.option(
    "--charts/--no-charts",
    default=None,
    help="Draw the curves that have no pictures yet.  [default: RDLAKE_CHARTS, else --charts]",
)
SELECTION_OPTIONS = (
    click.option(
        "--task-run-id",
        "task_run_ids",
        metavar="ID",
        multiple=True,
        help="Only this run and the folders it names; may be repeated.",
    ),
    click.option(
        "--all-task-runs", is_flag=True, help="Every run; not the folders that no run names."
    ),
    click.option(
        "--since-date",
        "since",
        metavar="YYYY-MM-DD",
        type=click.DateTime(["%Y-%m-%d"]),
        help="Only runs with a message or row, and folders with a file, of that day or later; UTC.",
    ),
    click.option(
        "--max-loops",
        metavar="N",
        type=click.IntRange(min=1),
        help="At most N folders of loops that are new or changed; the next call takes the next.",
    ),
    click.option(
        "--only-experiment-workspace",
        "only_experiments",
        is_flag=True,
        help="Only folders of experiments and baselines, not those in which factors were written.",
    ),
)
SOURCE_OPTIONS = (
    workspaces_option,
    logs_option,
    registries_option,
    key_option,
    map_option,
    catalogs_option,
    prices_option,
    keep_option,
    charts_option,
)


def source_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say what is read; it takes them as one `request`."""
    return _gather(command, SOURCE_OPTIONS, "request", build_request)


def source_or_sample_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of `source_options`, with the bundled sample as its default."""
    make = partial(build_request, or_sample=True)
    return _gather(command, SOURCE_OPTIONS, "request", make)


def selection_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say which of it is read; it takes them as one `Selection`."""
    return _gather(command, SELECTION_OPTIONS, "selection", _selection)


def _gather(
    command: Callable[..., int],
    options: Sequence[Callable[..., Any]],
    parameter: str,
    make: Callable[..., object],
) -> Callable[..., int]:
    """Give a command options of which `make` makes the value of one parameter.

    The parameters of `make` without a default are named like the options.
    """
    required = [
        name for name, each in signature(make).parameters.items() if each.default is each.empty
    ]

    @wraps(command)
    def gathered(**values: Any) -> int:
        made = make(**{name: values.pop(name) for name in required})
        return command(**{parameter: made}, **values)

    for option in reversed(options):
        gathered = option(gathered)
    return gathered


def _selection(
    *,
    task_run_ids: Sequence[str],
    all_task_runs: bool,
    since: datetime | None,
    max_loops: int | None,
    only_experiments: bool,
) -> Selection:
    from rdlake.ingest.request import Selection

    return Selection(
        task_run_ids=frozenset(task_run_ids),
        all_runs=all_task_runs,
        since=since.date() if since else None,
        max_loops=max_loops,
        only_experiments=only_experiments,
    )


def build_request(  # noqa: PLR0913 - one parameter an option
    *,
    workspaces: Sequence[str],
    logs: Sequence[str],
    registries: Sequence[str],
    signing_key: Path | None,
    maps: Sequence[str],
    catalogs: Sequence[str],
    prices: str | None,
    keep: str | None,
    charts: bool | None,
    or_sample: bool = False,
) -> IngestRequest:
    """Return the request for what the options name; with nothing named, for what is set.

    With nothing set either it is for the bundled sample, or BadInput.
    """
    from rdlake.ingest.request import IngestRequest
    from rdlake.settings import Settings
    from rdlake.sources.workspace.path_maps import read_map

    settings, named = Settings(), bool(workspaces or logs or registries or catalogs)
    prices = prices or settings.prices
    request = IngestRequest(
        roots=_paths(workspaces, [] if named else settings.workspace_roots),
        logs=_paths(logs, [] if named else settings.log_roots),
        registries=_paths(registries, [] if named else settings.registry_files),
        catalogs=_paths(catalogs, []),
        signing_key=_read_key(signing_key),
        maps=[read_map(each) for each in maps],
        prices=Path(prices).expanduser() if prices else None,
        keep=_check_keep(keep or settings.keep),
        charts=settings.charts if charts is None else charts,
    )
    if request.roots or request.logs or request.registries or request.catalogs:
        return request
    if not or_sample:
        raise BadInput(
            "no folder of workspaces or logs and no registry is given",
            where="--workspaces, --log-path, --registry, RDLAKE_WORKSPACES, RDLAKE_LOGS, "
            "RDLAKE_REGISTRIES, .env",
            fix="name the folder that RD-Agent writes to: "
            "rdlake ingest --workspaces …/git_ignore_folder/RD-Agent_workspace",
        )
    from rdlake.demo.sample import sample_workspaces

    say("no folder of workspaces is configured: taking the bundled sample of real back-tests")
    return replace(request, roots=[sample_workspaces()], maps=(), prices=None)


def _paths(named: Sequence[str], default: Sequence[Path]) -> list[Path]:
    return [Path(each) for each in named] or list(default)


def find_roots(
    workspaces: Sequence[str], logs: Sequence[str], key: Path | None
) -> tuple[list[Path], list[Path], bytes | None]:
    """Return the folders of workspaces and of logs that are named, else those set, and the key.

    UsageError when there are none: nothing found would look like nothing to do.
    """
    from rdlake.settings import Settings

    settings, named = Settings(), bool(workspaces or logs)
    roots = _paths(workspaces, [] if named else settings.workspace_roots)
    log_roots = _paths(logs, [] if named else settings.log_roots)
    if not (roots or log_roots):
        raise click.UsageError(
            "no folder is named: --workspaces DIR or --log-path DIR, "
            "or set RDLAKE_WORKSPACES or RDLAKE_LOGS"
        )
    return roots, log_roots, _read_key(key)


def _check_keep(text: str) -> Keep:
    from rdlake.ingest.content import KEEPS

    for word in KEEPS:
        if word == text:
            return word
    raise BadInput(
        f"{text!r} does not say what to keep",
        where="--keep, RDLAKE_KEEP, .env",
        fix=f"one of {', '.join(KEEPS)}",
    )


def _read_key(file: Path | None) -> bytes | None:
    """Return the key that is given or set; None without one."""
    from rdlake.sources.pickles import signing_key

    text = None if file else os.environ.get("ARTIFACT_SIGNING_KEY")
    if not file and not text:
        return None
    try:
        return signing_key(text=text, path=file)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"the signing key cannot be used: {error}",
            where=file or "ARTIFACT_SIGNING_KEY",
            fix="give the file that ARTIFACT_SIGNING_KEY_PATH named when RD-Agent ran",
        ) from error
