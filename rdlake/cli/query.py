"""Asking the catalog: `rdlake sql`."""

from __future__ import annotations

import click

from rdlake.cli.output import json_option, lake_option, show
from rdlake.errors import BadInput


@click.command()
@click.argument("query")
@lake_option
@click.option("--version", type=int, help="A catalog version.  [default: the newest]")
@json_option
def sql(query: str, lake_root: str, version: int | None, as_json: bool) -> None:
    """Ask the published catalog, read-only.

    \b
    rdlake sql "SELECT workspace_id, annual_return FROM loop_catalog ORDER BY 2 DESC LIMIT 5"
    """
    import duckdb

    import rdlake

    with rdlake.connect(lake_root, version) as connection:
        try:
            cursor = connection.execute(query)
            rows = cursor.fetchall()
        except duckdb.Error as error:
            raise BadInput(
                f"DuckDB refused: {error}",
                where=query,
                fix='rdlake sql "SHOW TABLES" lists the views, "DESCRIBE <view>" their columns',
            ) from error
        names = [column[0] for column in cursor.description or ()]
    show([dict(zip(names, row, strict=True)) for row in rows], names, as_json=as_json)
