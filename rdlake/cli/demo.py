"""Write something to try rdlake with: `rdlake demo`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from rdlake.cli.output import json_option, progress, say, show_json


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--experiments", default=100, show_default=True, help="How many to write.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same files.")
@click.option(
    "--fork", is_flag=True, help="Also write a registry and JSON files, as a fork of RD-Agent does."
)
@json_option
def demo(directory: Path, experiments: int, seed: int, fork: bool, as_json: bool) -> None:
    """Write synthetic RD-Agent workspaces and logs below DIRECTORY.

    \b
    rdlake demo --experiments 200 --seed 1 /tmp/rdagent
    """
    from rdlake.demo import write_demo

    with progress("writing") as bar:
        report = write_demo(
            directory,
            experiments=experiments,
            seed=seed,
            fork=fork,
            on_progress=(lambda done: bar(done, experiments)) if bar else None,
        )
    if as_json:
        show_json(asdict(report))
        return
    say(
        f"{report.experiments} experiments ({report.failures} failed), "
        f"{report.baselines} baselines, {report.sub_workspaces} sub-workspaces, "
        f"{report.bytes_written:,} bytes\n"
        f"next: rdlake refresh --workspaces {report.workspaces} --log-path {report.logs} "
        f"--signing-key {report.signing_key}"
        + (f" --registry {report.registry}" if report.registry else "")
    )
