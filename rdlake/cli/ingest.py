"""Read what RD-Agent left: `rdlake ingest`, and `rdlake refresh` for all the steps at once."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from rdlake.cli.output import json_option, lake_option, progress, say, show, show_json
from rdlake.cli.sources import selection_options, source_options, source_or_sample_options
from rdlake.cli.watch import watch_for_more
from rdlake.errors import ExitCode

if TYPE_CHECKING:
    from rdlake.catalog.publish import PublishReport
    from rdlake.ingest.pipeline import IngestReport
    from rdlake.ingest.request import IngestRequest, Mode, Selection
    from rdlake.store.lake import Lake

TOP_LOOPS = """
    SELECT left(workspace_id, 12) AS workspace, action, annual_return, max_drawdown,
           information_ratio, ic, sharpe, len(factor_names) AS factors
    FROM loop_catalog
    WHERE role = 'experiment'
    ORDER BY annual_return DESC NULLS LAST, workspace_id
    LIMIT 5
"""
FINDINGS_SHOWN = 20

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Make all rows anew, of what is unchanged too."
)
mode_option = click.option(
    "--mode",
    type=click.Choice(["incremental", "full"]),
    default="incremental",
    show_default=True,
    help="full reads every file and goes by its content alone, whatever its time and size say.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Read, list what would become of it, write nothing."
)
watch_option = click.option(
    "--watch", is_flag=True, help="Go on until Ctrl-C; take loops that have finished."
)
interval_option = click.option(
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="How long --watch waits between two looks.",
)
still_option = click.option(
    "--still",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="For how long nothing has changed in a folder that --watch takes.",
)


@click.command()
@lake_option
@source_options
@selection_options
@mode_option
@overwrite_option
@dry_run_option
@watch_option
@interval_option
@still_option
@json_option
def ingest(  # noqa: PLR0913 - one parameter an option
    *,
    lake_root: str,
    request: IngestRequest,
    selection: Selection,
    mode: Mode,
    overwrite: bool,
    dry_run: bool,
    watch: bool,
    interval: float,
    still: float,
    as_json: bool,
) -> int:
    """Read RD-Agent's workspaces, logs and registries into the lake, in any order or one by one.

    Only what is new or changed is read. What was committed stays when it is stopped; the next call
    goes on from there. Exit code 3 when something of it could not be read.

    \b
    rdlake ingest --workspaces git_ignore_folder/RD-Agent_workspace --log-path log
    rdlake ingest --log-path log --task-run-id 2026-01-05_09-30-00-000000 --dry-run
    rdlake ingest --watch --interval 60
    rdlake ingest --catalogs RDagentDB/aistock
    """
    import rdlake

    if watch and (dry_run or as_json or overwrite):
        raise click.UsageError("--watch goes with none of --dry-run, --overwrite, --json")
    if watch:
        selection = replace(selection, still_for=still)
    request = replace(request, selection=selection, mode=mode, overwrite=overwrite, dry_run=dry_run)
    lake = rdlake.open_lake(lake_root).lake
    if watch:
        return watch_for_more(partial(_run, lake, request), _tell_ingest, interval)
    report = _run(lake, request)
    if as_json:
        show_json(asdict(report) | {"counts": report.counts})
    else:
        _tell_ingest(report)
    return ExitCode.PARTIAL if report.partial else ExitCode.OK


@click.command()
@lake_option
@source_or_sample_options
def refresh(lake_root: str, request: IngestRequest) -> int:
    """Ingest what is configured, publish, show what is there.

    Makes the lake when there is none. With nothing configured it takes the bundled sample.

    \b
    rdlake refresh
    """
    import rdlake
    from rdlake.catalog.publish import publish

    lake = rdlake.init_lake(lake_root).lake
    ingested = _run(lake, request)
    _tell_ingest(ingested)
    report = publish(lake)
    tell(report)
    _show_top_loops(lake, report)
    return ExitCode.PARTIAL if ingested.partial else ExitCode.OK


def tell(report: PublishReport) -> None:
    """Tell what became of a publication."""
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


def _run(lake: Lake, request: IngestRequest) -> IngestReport:
    from rdlake.exports.charts.stored import draw_charts
    from rdlake.ingest.pipeline import ingest as run_ingest

    with progress("reading") as on_progress:
        report = run_ingest(lake, request, on_progress)
    if not request.dry_run:
        with progress("drawing") as on_progress:
            draw_charts(lake, draw=request.charts, on_progress=on_progress)
    return report


def _tell_ingest(report: IngestReport) -> None:
    if report.dry_run:
        rows = [
            {"name": each.workspace_id, "role": each.role, "status": each.status}
            for each in report.outcomes
        ]
        show(rows, ["name", "role", "status"], as_json=False)
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    say(f"{'dry run, nothing is written: ' if report.dry_run else ''}workspaces and runs: {counts}")
    for reason, count in sorted(report.left.items()):
        say(f"  {count} left: {reason}")
    findings = [(None, finding) for finding in report.root_findings] + [
        (outcome.workspace_id, finding)
        for outcome in report.outcomes
        for finding in outcome.findings
    ]
    errors = [(name, each) for name, each in findings if each.level == "error"]
    for name, each in errors[:FINDINGS_SHOWN]:
        where = "/".join(part for part in (name, each.file) if part)
        say(f"  {where}: {each.reason} — {each.fix}")
    if not report.dry_run and len(findings) > min(len(errors), FINDINGS_SHOWN):
        say(f"  {len(findings)} findings in all: rdlake ingests lists them by run and by reason")


def _show_top_loops(lake: Lake, report: PublishReport) -> None:
    from rdlake.catalog.time_travel import attach_statement, connect

    with connect(lake.root) as connection:
        cursor = connection.execute(TOP_LOOPS)
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    show(rows, names, as_json=False)
    catalog = report.catalog or report.file
    say(f"\nattach it from any DuckDB:\n  {attach_statement(catalog)}")
    called = click.get_current_context().find_root().info_name
    say(f'next:\n  {called} sql "FROM loop_catalog"\n  {called} catalogs list\n  {called} doctor')
