"""Pictures for a person at the terminal: `rdlake plot`."""

from __future__ import annotations

from pathlib import Path

import click

from rdlake.cli.output import lake_option


@click.command()
@click.argument("experiment")
@click.option(
    "-o",
    "folder",
    metavar="DIR",
    default=".",
    type=click.Path(path_type=Path),
    help="Where to; a folder that is there.  [default: the current one]",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@lake_option
def plot(experiment: str, folder: Path, force: bool, lake_root: str) -> None:
    """Draw an EXPERIMENT's net value beside its benchmark, and its drawdown, as PNG files.

    EXPERIMENT is its workspace, the beginning of that name, or run/loop.

    \b
    rdlake plot 3f2a9c
    rdlake plot 2026-01-05_09-30-00-000001/3 -o pictures
    """
    import rdlake
    from rdlake.drawing import write_charts
    from rdlake.naming import workspace_named

    lake = rdlake.open_lake(lake_root)
    for path in write_charts(lake, workspace_named(lake, experiment), folder, overwrite=force):
        click.echo(path)
