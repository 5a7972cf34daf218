"""Export versions and reports: `rdlake catalogs export-json` and `export-parquet`, `changes`,
`report`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rdlake.cli.output import json_option, lake_option, say, show, show_line

KINDS = ("cleared", "added", "changed", "removed")
version_option = click.option(
    "--version", type=int, metavar="N", help="Read version N.  [default: the newest]"
)
folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.command("export-json")
@folder_argument
@version_option
@lake_option
@json_option
def export_json(folder: Path, version: int | None, lake_root: str, as_json: bool) -> None:
    """Write the JSON catalogs of protocol v1 into DIR, in place of older files.

    Two exports of one version are equal to the byte.

    \b
    rdlake catalogs export-json RDagentDB/aistock
    """
    from rdlake.exports import json

    _export(json.export_json, lake_root, folder, version, as_json)


@click.command("export-parquet")
@folder_argument
@version_option
@lake_option
@json_option
def export_parquet(folder: Path, version: int | None, lake_root: str, as_json: bool) -> None:
    """Write every view as one Parquet file into DIR, in place of older files.

    The metadata of the files says what views and columns mean.

    \b
    rdlake catalogs export-parquet catalog-of-today
    """
    from rdlake.exports import parquet

    _export(parquet.export_parquet, lake_root, folder, version, as_json)


@click.command()
@click.option(
    "--since", type=int, required=True, metavar="N", help="The version that your copy has."
)
@click.option("--to", type=int, metavar="M", help="The version to reach.  [default: the newest]")
@lake_option
@json_option
def changes(since: int, to: int | None, lake_root: str, as_json: bool) -> None:
    """Show what turns a copy of version N into version M: rows added, changed, removed, by key.

    With --json each change is a line. The last line has the number for --since next time.

    \b
    rdlake changes --since 41 --json
    """
    import rdlake
    from rdlake.catalog import diff
    from rdlake.catalog.version import newest

    lake = rdlake.open_lake(lake_root).lake
    until = newest(lake).catalog_version if to is None else to
    rows_changed = diff.changes(lake, since, until)
    if as_json:
        for each in rows_changed:
            show_line(vars(each))
        show_line({"next_since": until})
        return
    counts = Counter[tuple[str, str]]((each.view, each.change) for each in rows_changed)
    rows = [
        {"view": view} | {kind: counts[view, kind] for kind in KINDS}
        for view in sorted({view for view, _ in counts})
    ]
    show(rows, ["view", *KINDS], as_json=False)
    say(f"next time: rdlake changes --since {until}")


@click.command()
@click.argument("name", metavar="EXPERIMENT|FACTOR")
@click.option(
    "-o",
    "target",
    metavar="FILE.html",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write; an earlier report is replaced.",
)
@version_option
@lake_option
def report(name: str, target: Path, version: int | None, lake_root: str) -> None:
    """Write one page on an EXPERIMENT or a FACTOR: figures with their conventions, charts,
    feedback, code. The page needs no other file, runs nothing and can be printed.

    \b
    rdlake report 3f2a9c -o experiment.html
    rdlake report Momentum_10D -o factor.html
    """
    import rdlake
    from rdlake.exports.reports import write_report

    click.echo(write_report(rdlake.open_lake(lake_root).lake, name, target, version))


def _export(
    export: Callable[..., Any], lake_root: str, folder: Path, version: int | None, as_json: bool
) -> None:
    import rdlake

    written = export(rdlake.open_lake(lake_root).lake, folder, version)
    rows = [{"file": str(each.path), "rows": each.rows} for each in written]
    show(rows, ["file", "rows"], as_json=as_json)
