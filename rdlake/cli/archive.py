"""Run `rdlake archive run`, `rdlake archive levels` and `rdlake restore`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rdlake.cli.output import json_option, lake_option, progress, say, show, show_json
from rdlake.errors import ExitCode

if TYPE_CHECKING:
    from rdlake.operations.archive import ArchiveReport

SHOWN = 5


@click.group()
def archive() -> None:
    """Copy experiments to another lake and prove the copy by reading it back.

    \b
    rdlake archive run --to /mnt/archive/lake
    rdlake archive levels
    """


@archive.command()
@click.option("--to", metavar="DIR", required=True, help="The archive; made if it is not there.")
@click.option(
    "--mode",
    type=click.Choice(["incremental", "full"]),
    default="incremental",
    show_default=True,
    help="full also reads back whatever is there already.",
)
@click.option("--since", metavar="YYYY-MM-DD", type=click.DateTime(["%Y-%m-%d"]),
              help="Only experiments of that day or later, UTC.")  # fmt: skip
@click.option("--task-run-id", "task_run_ids", metavar="ID", multiple=True,
              help="Only the experiments of this run; may be repeated.")  # fmt: skip
@click.option("--experiment", "experiments", metavar="EXPERIMENT", multiple=True,
              help="Only this one: its workspace, the beginning of that name, or run/loop; may be "
              "repeated.")  # fmt: skip
@click.option("--level", type=click.IntRange(1, 2), default=2, show_default=True,
              help="1: rows; 2: also files worth keeping, curves, signals, charts.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only say what would be copied.")
@lake_option
@json_option
def run(  # noqa: PLR0913 - one parameter an option
    *,
    to: str,
    mode: str,
    since: datetime | None,
    task_run_ids: tuple[str, ...],
    experiments: tuple[str, ...],
    level: int,
    dry_run: bool,
    lake_root: str,
    as_json: bool,
) -> int:
    """Copy what is new or changed, read it back, and write receipts to both lakes.

    An archive is a lake: every command works on it with --lake. The next run completes a stopped
    one. A run with nothing new writes nothing.

    \b
    rdlake archive run --to /mnt/archive/lake --dry-run
    rdlake archive run --to /mnt/archive/lake --level 1 --since 2026-01-01
    rdlake archive run --to /mnt/archive/lake --experiment 3f2a9c
    """
    import rdlake
    from rdlake.operations.archive import ArchiveRequest
    from rdlake.operations.archive import archive as bring

    request = ArchiveRequest(
        since=since.date() if since else None,
        task_run_ids=frozenset(task_run_ids),
        experiments=experiments,
        level=2 if level == 2 else 1,
        full=mode == "full",
    )
    lake = rdlake.open_lake(lake_root).lake
    with progress("archive") as on_progress:
        report = bring(lake, to, request, dry_run=dry_run, on_progress=on_progress)
    if as_json:
        show_json(asdict(report))
    else:
        _tell(report)
    if report.faults:
        return ExitCode.VERIFICATION_FAILED
    return ExitCode.PARTIAL if report.partial else ExitCode.OK


def _tell(report: ArchiveReport) -> None:
    names = sorted({*report.rows, *report.read_back})
    rows = [
        {"table": name, "copied": report.rows.get(name, 0), "read_back": report.read_back.get(name)}
        for name in names
    ]
    if report.contents or report.contents_read_back:
        read_back = report.contents_read_back
        rows.append({"table": "blobs", "copied": report.contents, "read_back": read_back})
    if rows:
        show(rows, ["table", "copied", "read_back"], as_json=False)
    levels = list(report.levels.values())
    counts = ", ".join(f"{levels.count(each)} at level {each}" for each in (2, 1, 0))
    if report.dry_run:
        say(f"dry run, nothing is written; in the archive now: {counts}")
    elif not (report.rows or report.contents or report.receipts):
        say(f"nothing new; {counts}")
    else:
        say(f"{report.bytes:,} bytes of content copied, {report.receipts} receipts; {counts}")
    for name, paths in list(report.lacking.items())[:SHOWN]:
        say(f"stays at level 1: {name} lacks the content of {', '.join(paths[:SHOWN])}")
    if report.lacking:
        say(f"{len(report.lacking)} lack content that is worth keeping: ingest their folders again")
    for fault in report.faults[:SHOWN]:
        say(f"not proven: {fault.table} {fault.owner}: {fault.reason}\n  fix: {fault.fix}")


@archive.command()
@lake_option
@json_option
def levels(lake_root: str, as_json: bool) -> None:
    """List what archives are proven to have of each experiment as it is now.

    Level 0 is nothing, 1 the rows, 2 also every file worth keeping.

    \b
    rdlake archive levels --json
    """
    import rdlake
    from rdlake.operations.archive import archiving_levels

    found = archiving_levels(rdlake.open_lake(lake_root).lake)
    rows = [{"workspace_id": key, "archiving_level": level} for key, level in found.items()]
    show(rows, ["workspace_id", "archiving_level"], as_json=as_json)


@click.command()
@click.argument("experiment", metavar="EXPERIMENT")
@click.option("--into", metavar="DIR", required=True, type=click.Path(path_type=Path),
              help="A new or an empty folder.")  # fmt: skip
@click.option("--from", "archive_root", metavar="ARCHIVE", help="An archive, in the lake's place.")
@lake_option
@json_option
def restore(
    experiment: str, into: Path, archive_root: str | None, lake_root: str, as_json: bool
) -> None:
    """Write every kept file of an EXPERIMENT's workspace, and list the files that were not kept.

    Each file is checked by its digest. Nothing is overwritten. The folder appears when all of its
    files are whole.

    \b
    rdlake restore 3f2a9c --into restored
    rdlake restore 3f2a9c --into restored --from /mnt/archive/lake
    """
    import rdlake
    from rdlake.operations.archive import restore as give_back

    report = give_back(rdlake.open_lake(archive_root or lake_root).lake, experiment, into)
    if as_json:
        show_json(asdict(report))
        return
    columns = ["path", "kind", "size", "sha256", "target", "reason"]
    if report.left:
        show([asdict(each) for each in report.left], columns, as_json=False)
    say(
        f"{report.folder}: {report.files} files, {report.bytes:,} bytes, as their digests say; "
        f"{report.links} links; {len(report.left)} not given back"
    )
