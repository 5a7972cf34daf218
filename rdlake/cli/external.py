"""What comes from elsewhere: `rdlake alpha`."""

from __future__ import annotations

from dataclasses import asdict

import click

from rdlake.cli.output import json_option, lake_option, say, show


@click.command()
@lake_option
@click.option("--list", "listed", is_flag=True, help="Only list them; no lake is needed.")
@json_option
def alpha(lake_root: str, listed: bool, as_json: bool) -> None:
    """Add Qlib's factor libraries Alpha158 and Alpha360 to the lake.

    \b
    rdlake alpha
    rdlake alpha --list --json
    """
    import rdlake
    from rdlake.alphas import LIBRARIES

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
