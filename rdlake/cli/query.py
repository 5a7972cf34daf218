"""Query the catalog: `rdlake sql`."""

from __future__ import annotations

import click

from rdlake.cli.output import json_option, lake_option, show
from rdlake.errors import BadInput


@click.command()
@click.argument("query", required=False)
@click.option("--query", "name", metavar="NAME", help="Run a query of the cookbook.")
@click.option("--list", "listing", is_flag=True, help="List the queries of the cookbook.")
@lake_option
@click.option("--version", type=int, help="A catalog version.  [default: the newest]")
@json_option
def sql(
    query: str | None,
    name: str | None,
    listing: bool,
    lake_root: str,
    version: int | None,
    as_json: bool,
) -> None:
    """Query the published catalog, read-only: your own QUERY, or one of the cookbook by name.

    \b
    rdlake sql "SELECT workspace_id, annual_return FROM loop_catalog ORDER BY 2 DESC LIMIT 5"
    rdlake sql --query better_than_baseline
    """
    import duckdb

    import rdlake
    from rdlake.catalog.contract import load_queries

    if [query is not None, name is not None, listing].count(True) != 1:
        raise click.UsageError("give either a QUERY, --query NAME or --list")
    if listing:
        rows_of = [{"name": each.name, "question": each.question} for each in load_queries()]
        show(rows_of, ["name", "question"], as_json=as_json)
        return
    if name is not None:
        query = next((each.sql for each in load_queries() if each.name == name), None)
    if query is None:
        raise BadInput(
            f"the cookbook has no query named {name}",
            where="--query",
            fix="rdlake sql --list names them",
        )

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
