"""Pictures for a person at the terminal: `rdlake plot`."""

from __future__ import annotations

from pathlib import Path

import click

from rdlake.cli.output import lake_option


@click.command()
@click.argument("name", metavar="EXPERIMENT|FACTOR")
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
def plot(name: str, folder: Path, force: bool, lake_root: str) -> None:
    """Draw PNG files: of an EXPERIMENT its net value beside its benchmark and its drawdown, of a
    FACTOR its IC summed over the days, how many days had which, and what its fifths earned.

    EXPERIMENT is its workspace, the beginning of that name, or run/loop; FACTOR its whole name.

    \b
    rdlake plot 3f2a9c
    rdlake plot 2026-01-05_09-30-00-000001/3 -o pictures
    rdlake plot Momentum_10D
    """
    import rdlake
    from rdlake.exports.charts import files

    for path in files.plot(rdlake.open_lake(lake_root).lake, name, folder, overwrite=force):
        click.echo(path)
