"""Add what comes from elsewhere: `rdlake alpha`, `rdlake add factors`, `rdlake add strategy`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rdlake.cli.output import json_option, lake_option, say, show

if TYPE_CHECKING:
    from rdlake.ingest.external import AdditionReport

name_option = click.option(
    "--name", help="The name under which it is stored and replaced.  [default: the file's name]"
)


@click.command()
@lake_option
@click.option("--list", "listed", is_flag=True, help="Only list the factors; this needs no lake.")
@json_option
def alpha(lake_root: str, listed: bool, as_json: bool) -> None:
    """Add Qlib's factor libraries Alpha158 and Alpha360 to the lake.

    \b
    rdlake alpha
    rdlake alpha --list --json
    """
    import rdlake
    from rdlake.domain.qlib_alphas import LIBRARIES

    if listed:
        factors_of = [
            {"source": source, "name": name, "expression": expression}
            for source, factors in LIBRARIES.items()
            for name, expression in factors.items()
        ]
        show(factors_of, ["source", "name", "expression"], as_json=as_json)
        return
    rows = [
        {**asdict(each), "factors": len(each.names)}
        for each in rdlake.open_lake(lake_root).alphas()
    ]
    show(rows, ["owner", "status", "factors", "digest"], as_json=as_json)
    if any(row["status"] == "added" for row in rows):
        say("next: rdlake catalogs publish")


@click.group()
def add() -> None:
    """Add factors or a strategy that do not come from RD-Agent."""


@add.command()
@lake_option
@click.argument("path", metavar="TABLE")
@name_option
@click.option(
    "--source",
    default="external_manual",
    show_default=True,
    help="external_manual or alpha_library.",
)
@click.option(
    "--prices",
    metavar="FILE",
    help="The daily_pv.h5 to compute IC with.  [default: RDLAKE_PRICES]",
)
@json_option
def factors(
    lake_root: str, path: str, name: str | None, source: str, prices: str | None, as_json: bool
) -> None:
    """Add a table of factors and compute their statistics.

    TABLE is a .parquet or .csv file with the columns datetime and instrument, and one column of
    numbers per factor. A file TABLE.yaml in the same folder may describe the factors.

    \b
    rdlake add factors my_factors.parquet --prices daily_pv.h5
    """
    import rdlake
    from rdlake.settings import Settings

    given = prices or Settings().prices
    file = Path(given).expanduser() if given else None
    lake = rdlake.open_lake(lake_root)
    _show_result(lake.add_factors(path, name=name, source=source, prices=file), as_json=as_json)


@add.command()
@lake_option
@click.argument("path", metavar="CONF")
@name_option
@click.option("--source", default="handcrafted", show_default=True, help="handcrafted or external.")
@json_option
def strategy(lake_root: str, path: str, name: str | None, source: str, as_json: bool) -> None:
    """Add a strategy: a Qlib configuration as qrun reads it, without templates.

    If it uses a model.py, that file lies in the same folder. The strategy is read and never run.

    \b
    rdlake add strategy conf.yaml --name topk50
    """
    import rdlake

    lake = rdlake.open_lake(lake_root)
    _show_result(lake.add_strategy(path, name=name, source=source), as_json=as_json)


def _show_result(done: AdditionReport, *, as_json: bool) -> None:
    columns = ["owner", "status", "names", "digest", *(["findings"] if as_json else [])]
    show([asdict(done)], columns, as_json=as_json)
    for each in done.findings:
        say(f"  {each.file}: {each.reason} — {each.fix}")
    if done.status == "added":
        say("next: rdlake catalogs publish")
