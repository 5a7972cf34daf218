"""Reading workspaces: `rdlake ingest`, and `rdlake refresh` for all the steps at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rdlake.cli.output import json_option, lake_option, progress, say, show, show_json
from rdlake.errors import BadInput, ExitCode

if TYPE_CHECKING:
    from rdlake.catalog.publish import PublishReport
    from rdlake.ingest import IngestReport
    from rdlake.keeping import Keep
    from rdlake.lake import Lake
    from rdlake.sources.places import Map

TOP_LOOPS = """
    SELECT left(workspace_id, 12) AS workspace, action, annual_return, max_drawdown,
           information_ratio, ic, sharpe, len(factor_names) AS factors
    FROM loop_catalog
    WHERE role = 'experiment'
    ORDER BY annual_return DESC NULLS LAST, workspace_id
    LIMIT 5
"""
FINDINGS_SHOWN = 20

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
overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Read everything again, changed or not."
)


@dataclass(frozen=True)
class _Given:
    """Which folders and which key the command line names."""

    workspaces: Sequence[str]
    logs: Sequence[str]
    registries: Sequence[str]
    signing_key: Path | None
    maps: Sequence[str]
    catalogs: Sequence[str]
    keep: str | None
    charts: bool | None


def source_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options that say what to read, as one `given`."""

    @wraps(command)
    def gathered(**options: Any) -> int:
        given = _Given(**{each.name: options.pop(each.name) for each in fields(_Given)})
        return command(given=given, **options)

    options = (
        charts_option,
        keep_option,
        catalogs_option,
        map_option,
        key_option,
        registries_option,
        logs_option,
    )
    for option in (*options, workspaces_option):
        gathered = option(gathered)
    return gathered


@click.command()
@lake_option
@source_options
@overwrite_option
@json_option
def ingest(lake_root: str, given: _Given, overwrite: bool, as_json: bool) -> int:
    """Read RD-Agent's workspaces, logs and registries into the lake, in any order or one by one.

    Only what is new or changed is read. Exit code 3 when something of it could not be.

    \b
    rdlake ingest --workspaces git_ignore_folder/RD-Agent_workspace --log-path log
    rdlake ingest --catalogs RDagentDB/aistock
    """
    import rdlake

    sources = _sources(given)
    return _ingest(rdlake.open_lake(lake_root), sources, overwrite=overwrite, as_json=as_json)


@click.command()
@lake_option
@source_options
def refresh(lake_root: str, given: _Given) -> int:
    """Ingest what is configured, publish, show what is there.

    Makes the lake when there is none. With nothing configured it takes the bundled sample.

    \b
    rdlake refresh
    """
    import rdlake
    from rdlake.catalog.publish import publish
    from rdlake.sample import sample_workspaces

    lake = rdlake.init_lake(lake_root)
    sources = _sources(given, default=sample_workspaces())
    code = _ingest(lake, sources, overwrite=False, as_json=False)
    report = publish(lake)
    tell(report)
    _show_what_is_there(lake, report)
    return code


def tell(report: PublishReport) -> None:
    """Say what became of a publication."""
    number = report.version.catalog_version
    if report.outcome == "published":
        say(f"published catalog version {number}")
    elif report.outcome == "nothing new":
        say(f"nothing new: catalog version {number} stands")
    else:
        back = report.version.rolled_back_to
        say(
            f"held: version {number} went back to {back}, and publishing would undo that; "
            "rdlake catalogs release ends the hold"
        )
    if report.catalog is None:
        say(f"catalog.duckdb is open elsewhere and was not replaced; attach {report.file}")


@dataclass(frozen=True)
class _Sources:
    """Where to read, the key to check what is signed, what is kept, and whether to draw."""

    workspaces: Sequence[Path]
    logs: Sequence[Path]
    signing_key: bytes | None
    maps: Sequence[Map] = ()
    registries: Sequence[Path] = ()
    catalogs: Sequence[Path] = ()
    keep: Keep = "essential"
    charts: bool = True


def _sources(given: _Given, default: Path | None = None) -> _Sources:
    """What is named; with nothing named what is set, else the default."""
    from rdlake.settings import Settings
    from rdlake.sources.places import read_map

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
    if roots or log_roots or registries or catalogs:
        return _Sources(roots, log_roots, key, maps, registries, catalogs, keep, charts)
    if default is None:
        raise BadInput(
            "no folder of workspaces or logs and no registry is given",
            where="--workspaces, --log-path, --registry, RDLAKE_WORKSPACES, RDLAKE_LOGS, "
            "RDLAKE_REGISTRIES, .env",
            fix="name the folder that RD-Agent writes to: "
            "rdlake ingest --workspaces …/git_ignore_folder/RD-Agent_workspace",
        )
    say("no folder of workspaces is configured: taking the bundled sample of real back-tests")
    return _Sources([default], [], key, keep=keep, charts=charts)


def _keep(text: str) -> Keep:
    from rdlake.keeping import KEEPS

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


def _ingest(lake: Lake, sources: _Sources, *, overwrite: bool, as_json: bool) -> int:
    from rdlake.drawing import draw_charts
    from rdlake.ingest import ingest as read

    with progress("reading") as on_progress:
        report = read(
            lake,
            sources.workspaces,
            sources.logs,
            registries=sources.registries,
            signing_key=sources.signing_key,
            maps=sources.maps,
            catalogs=sources.catalogs,
            overwrite=overwrite,
            keep=sources.keep,
            on_progress=on_progress,
        )
    with progress("drawing") as on_progress:
        draw_charts(lake, draw=sources.charts, on_progress=on_progress)
    if as_json:
        show_json(asdict(report) | {"counts": report.counts})
    else:
        _tell_ingest(report)
    return ExitCode.PARTIAL if report.partial else ExitCode.OK


def _tell_ingest(report: IngestReport) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    say(f"workspaces and runs: {counts}")
    found = [(None, finding) for finding in report.beside] + [
        (outcome.workspace_id, finding)
        for outcome in report.outcomes
        for finding in outcome.findings
    ]
    errors = [(name, each) for name, each in found if each.level == "error"]
    for name, each in errors[:FINDINGS_SHOWN]:
        where = "/".join(part for part in (name, each.file) if part)
        say(f"  {where}: {each.reason} — {each.fix}")
    if len(found) > min(len(errors), FINDINGS_SHOWN):
        say(f"  {len(found)} findings in all: the view ingest_report has them once published")


def _show_what_is_there(lake: Lake, report: PublishReport) -> None:
    from rdlake.catalog.attach import attach_statement, connect

    with connect(lake.root) as connection:
        cursor = connection.execute(TOP_LOOPS)
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    show(rows, names, as_json=False)
    catalog = report.catalog or report.file
    say(f"\nattach it from any DuckDB:\n  {attach_statement(catalog)}")
    called = click.get_current_context().find_root().info_name
    say(f'next:\n  {called} sql "FROM loop_catalog"\n  {called} catalogs list\n  {called} doctor')
