"""Draw pictures for a person at the terminal: `rdlake plot`."""

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
    help="An existing folder to write to.  [default: the current one]",
)
@click.option("--force", is_flag=True, help="Replace existing files.")
@lake_option
def plot(name: str, folder: Path, force: bool, lake_root: str) -> None:
    """Draw PNG files of an EXPERIMENT or a FACTOR.

    An experiment gets its net value with the benchmark, and its drawdown. A factor gets the sum of
    its daily IC, a histogram of its IC, and what its fifths earned.

    EXPERIMENT is a workspace, the beginning of its name, or run/loop. FACTOR is a whole name.

    \b
    rdlake plot 3f2a9c
    rdlake plot 2026-01-05_09-30-00-000001/3 -o pictures
    rdlake plot Momentum_10D
    """
    import rdlake
    from rdlake.exports.charts import files

    for path in files.plot(rdlake.open_lake(lake_root).lake, name, folder, overwrite=force):
        click.echo(path)
