"""What the command line says is to be read, and what of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rdlake.cli.output import say
from rdlake.errors import BadInput

if TYPE_CHECKING:
    from rdlake.ingest.content import Keep
    from rdlake.sources.workspace.path_maps import PathMap


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
SELECTION = (
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


@dataclass(frozen=True)
class Given:
    """Which folders and which key the command line names."""

    workspaces: Sequence[str]
    logs: Sequence[str]
    registries: Sequence[str]
    signing_key: Path | None
    maps: Sequence[str]
    catalogs: Sequence[str]
    prices: str | None
    keep: str | None
    charts: bool | None


def source_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options that say what to read, as one `given`."""

    @wraps(command)
    def gathered(**options: Any) -> int:
        given = Given(**{each.name: options.pop(each.name) for each in fields(Given)})
        return command(given=given, **options)

    for option in (
        charts_option,
        keep_option,
        prices_option,
        catalogs_option,
        map_option,
        key_option,
        registries_option,
        logs_option,
        workspaces_option,
    ):
        gathered = option(gathered)
    return gathered


def selection_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options that say what of it is read, as one `chosen`."""

    @wraps(command)
    def gathered(
        *,
        task_run_ids: Sequence[str],
        all_task_runs: bool,
        since: datetime | None,
        max_loops: int | None,
        only_experiments: bool,
        **others: object,
    ) -> int:
        from rdlake.ingest.request import Selection

        day = since.date() if since else None
        chosen = Selection(frozenset(task_run_ids), all_task_runs, day, max_loops, only_experiments)
        return command(chosen=chosen, **others)

    for option in reversed(SELECTION):
        gathered = option(gathered)
    return gathered


@dataclass(frozen=True)
class Sources:
    """Where to read, the key to check what is signed, what is kept, and whether to draw."""

    workspaces: Sequence[Path]
    logs: Sequence[Path]
    signing_key: bytes | None
    maps: Sequence[PathMap] = ()
    registries: Sequence[Path] = ()
    catalogs: Sequence[Path] = ()
    prices: Path | None = None
    keep: Keep = "essential"
    charts: bool = True


def sources_of(given: Given, default: Path | None = None) -> Sources:
    """What is named; with nothing named what is set, else the default."""
    from rdlake.settings import Settings
    from rdlake.sources.workspace.path_maps import read_map

    settings, key = Settings(), _key(given.signing_key)
    keep = _keep(given.keep or settings.keep)
    charts = settings.charts if given.charts is None else given.charts
    maps = [read_map(each) for each in given.maps]
    named = bool(given.workspaces or given.logs or given.registries or given.catalogs)
    roots = [Path(each) for each in given.workspaces] or ([] if named else settings.workspace_roots)
    log_roots = [Path(each) for each in given.logs] or ([] if named else settings.log_roots)
    registries = [Path(each) for each in given.registries]
    registries = registries or ([] if named else list(settings.registry_files))
    catalogs = [Path(each) for each in given.catalogs]
    prices = given.prices or settings.prices
    if roots or log_roots or registries or catalogs:
        prices_file = Path(prices).expanduser() if prices else None
        return Sources(roots, log_roots, key, maps, registries, catalogs, prices_file, keep, charts)
    if default is None:
        raise BadInput(
            "no folder of workspaces or logs and no registry is given",
            where="--workspaces, --log-path, --registry, RDLAKE_WORKSPACES, RDLAKE_LOGS, "
            "RDLAKE_REGISTRIES, .env",
            fix="name the folder that RD-Agent writes to: "
            "rdlake ingest --workspaces …/git_ignore_folder/RD-Agent_workspace",
        )
    say("no folder of workspaces is configured: taking the bundled sample of real back-tests")
    return Sources([default], [], key, keep=keep, charts=charts)


def sources_roots(
    workspaces: Sequence[str], logs: Sequence[str], key: Path | None
) -> tuple[list[Path], list[Path], bytes | None]:
    """The folders of workspaces and of logs that are named, else those that are set, and the
    key. UsageError when there are none: nothing found would look like nothing to do."""
    from rdlake.settings import Settings

    settings, named = Settings(), bool(workspaces or logs)
    roots = [Path(each) for each in workspaces] or ([] if named else [*settings.workspace_roots])
    log_roots = [Path(each) for each in logs] or ([] if named else [*settings.log_roots])
    if not (roots or log_roots):
        raise click.UsageError(
            "no folder is named: --workspaces DIR or --log-path DIR, "
            "or set RDLAKE_WORKSPACES or RDLAKE_LOGS"
        )
    return roots, log_roots, _key(key)


def _keep(text: str) -> Keep:
    from rdlake.ingest.content import KEEPS

    for word in KEEPS:
        if word == text:
            return word
    raise BadInput(
        f"{text!r} does not say what to keep",
        where="--keep, RDLAKE_KEEP, .env",
        fix=f"one of {', '.join(KEEPS)}",
    )


def _key(file: Path | None) -> bytes | None:
    """The key that is given or set; None without one."""
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
