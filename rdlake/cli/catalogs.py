"""Run `rdlake catalogs …`: publish versions, list them, go back to them, prove them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from rdlake.cli.exports import export_json, export_parquet
from rdlake.cli.ingest import tell
from rdlake.cli.output import json_option, lake_option, progress, say, show, show_json
from rdlake.errors import ExitCode

LISTED = (
    "catalog_version",
    "published_at",
    "rows",
    "note",
    "rolled_back_to",
    "contract_version",
    "digest",
)
note_option = click.option("--note", help="Why; kept with the version.")
allow_option = click.option(
    "--allow", multiple=True, metavar="CHECK", help="Publish although this check fails."
)


@click.group()
def catalogs() -> None:
    """Publish catalog versions, look at them, go back, hand them on."""


catalogs.add_command(export_json)
catalogs.add_command(export_parquet)


@catalogs.command()
@lake_option
@note_option
@allow_option
@click.option("--repin", is_flag=True, help="Publish anew although only files moved.")
def publish(lake_root: str, note: str | None, allow: Sequence[str], repin: bool) -> None:
    """Publish the newest rows as the next version.

    \b
    rdlake catalogs publish --note "after the November runs"
    """
    import rdlake
    from rdlake.catalog import publish as publishing

    tell(publishing.publish(rdlake.open_lake(lake_root).lake, note=note, allow=allow, repin=repin))


@catalogs.command()
@lake_option
@note_option
@allow_option
def release(lake_root: str, note: str | None, allow: Sequence[str]) -> None:
    """End the hold of a rollback and publish the newest rows again."""
    import rdlake
    from rdlake.catalog import publish as publishing

    tell(publishing.release(rdlake.open_lake(lake_root).lake, note=note, allow=allow))


@catalogs.command()
@click.argument("number", type=int)
@lake_option
@note_option
def rollback(number: int, lake_root: str, note: str | None) -> None:
    """Publish a new version with the tables of version NUMBER.

    Publishing then holds until `rdlake catalogs release`.
    """
    import rdlake
    from rdlake.catalog import publish as publishing

    tell(publishing.rollback(rdlake.open_lake(lake_root).lake, number, note=note))


@catalogs.command("list")
@lake_option
@json_option
def list_(lake_root: str, as_json: bool) -> None:
    """List the published versions."""
    import rdlake
    from rdlake.catalog.version import history

    versions = history(rdlake.open_lake(lake_root).lake)
    show(list(map(_row, versions)), LISTED, as_json=as_json)


@catalogs.command("show")
@click.argument("number", type=int)
@lake_option
@json_option
def show_(number: int, lake_root: str, as_json: bool) -> None:
    """Show what version NUMBER pins."""
    import rdlake
    from rdlake.catalog.version import find_version

    version = find_version(rdlake.open_lake(lake_root).lake, number)
    pins = [asdict(pin) for pin in version.pinned]
    if as_json:
        show_json({**_row(version), "tables": pins})
        return
    show([_row(version)], LISTED, as_json=False)
    show(pins, ["name", "delta_version", "rows", "file_list"], as_json=False)


@catalogs.command()
@click.argument("number", type=int, required=False)
@lake_option
def attach(number: int | None, lake_root: str) -> None:
    """Print the SQL that attaches version NUMBER, else the newest.

    \b
    duckdb -cmd "$(rdlake catalogs attach 41)"
    """
    import rdlake
    from rdlake.catalog.time_travel import attach_statement, file_of
    from rdlake.catalog.version import newest

    lake = rdlake.open_lake(lake_root).lake
    click.echo(attach_statement(file_of(lake, number or newest(lake).catalog_version)))


@catalogs.command("as-of")
@click.argument("instant")
@lake_option
@json_option
def as_of(instant: str, lake_root: str, as_json: bool) -> None:
    """Show the version that was current at INSTANT (ISO 8601; UTC unless it has a zone).

    \b
    rdlake catalogs as-of 2026-03-03T10:00
    """
    import rdlake
    from rdlake.catalog import time_travel as attaching

    try:
        moment = datetime.fromisoformat(instant)
    except ValueError as error:
        raise click.BadParameter(f"{instant!r} is not a time such as 2026-03-03T10:00") from error
    show([_row(attaching.as_of(rdlake.open_lake(lake_root).lake, moment))], LISTED, as_json=as_json)


@catalogs.command()
@click.argument("before", type=int)
@click.argument("after", type=int)
@lake_option
@json_option
def diff(before: int, after: int, lake_root: str, as_json: bool) -> None:
    """Show the rows that differ between two versions, view by view.

    \b
    rdlake catalogs diff 41 42
    """
    import rdlake
    from rdlake.catalog import diff as differing

    views = differing.diff(rdlake.open_lake(lake_root).lake, before, after)
    if as_json:
        show_json([asdict(view) for view in views])
        return
    rows: list[dict[str, Any]] = [
        {"view": view.view, "change": change.kind, **_key_and_fields(change)}
        for view in views
        for change in view.changes
    ]
    show(rows, ["view", "change", "key", "fields"], as_json=False)
    for view in views:
        counts = ", ".join(f"{view.count(kind)} {kind}" for kind in ("added", "removed", "changed"))
        say(f"{view.view} ({view.presence}): {counts}")
    if not views:
        say("no row differs")


@catalogs.command()
@lake_option
@click.option("--deep", is_flag=True, help="Also hash every pinned file.")
@json_option
def verify(lake_root: str, deep: bool, as_json: bool) -> int:
    """Prove that every version still is what was published."""
    import rdlake
    from rdlake.catalog.verify import verify as prove

    with progress("verifying") as on_file:
        report = prove(rdlake.open_lake(lake_root).lake, deep=deep, on_file=on_file)
    if as_json:
        show_json({**asdict(report), "whole": report.whole})
    else:
        show(
            [asdict(each) for each in report.faults],
            ["file", "reason", "versions", "fix"],
            as_json=False,
        )
        state = "whole" if report.whole else f"{len(report.faults)} faults"
        say(f"{report.versions} versions, {report.files} files: {state}")
    return ExitCode.OK if report.whole else ExitCode.VERIFICATION_FAILED


@catalogs.command()
@lake_option
@json_option
def checks(lake_root: str, as_json: bool) -> int:
    """Run the checks alone, on the rows that would be published; exit code 4 when one fails.

    \b
    rdlake catalogs checks --json
    """
    import rdlake
    from rdlake.catalog.contract import current_checks
    from rdlake.catalog.publish import check

    broken = {each.check.name: each for each in check(rdlake.open_lake(lake_root).lake)}

    rows = [
        {
            "check": each.name,
            "promise": each.promise,
            "broken_by": broken[each.name].total if each.name in broken else 0,
            "rows": list(broken[each.name].rows) if each.name in broken else [],
        }
        for each in current_checks()
    ]
    show(rows, ["check", "broken_by", "promise", "rows"], as_json=as_json)
    return ExitCode.VERIFICATION_FAILED if broken else ExitCode.OK


def _row(version: Any) -> dict[str, Any]:
    rows = sum(pin.rows for pin in version.tables)
    return {name: getattr(version, name, None) for name in LISTED} | {"rows": rows}


def _key_and_fields(change: Any) -> dict[str, str]:
    key = " ".join(str(value) for value in change.key.values())
    return {"key": key, "fields": ", ".join(change.fields)}
