"""Write the contract as a page: `python -m rdlake.catalog.docs > docs/contract.md`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import duckdb

from rdlake.catalog.contract import CONTRACT_VERSION, TABLES_SCHEMA, current_contract
from rdlake.schema.sql import duckdb_type
from rdlake.schema.tables import table

INTRODUCTION = f"""\
# The contract

What `catalog.duckdb` offers in its schema `main`: every view, its key, and each column with type
and meaning, in the order of the columns. The same texts are comments in the catalog itself. Within
contract version {CONTRACT_VERSION} views and columns are only added. Unknown is null; times are
UTC.

This page is made from `sql/views/` by `make docs`.
"""


def contract_markdown() -> str:
    """Return the page: every view of the contract as DuckDB describes it."""
    with empty_contract() as connection:
        found = sorted(current_contract().keys.items())
        return "\n".join([INTRODUCTION, *(_section(connection, *each) for each in found)])


@contextmanager
def empty_contract() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB that has every view of the contract, without rows."""
    with closing(duckdb.connect()) as connection:
        connection.execute(f"CREATE SCHEMA {TABLES_SCHEMA}")
        columns = table("catalogs").columns
        typed = ", ".join(f"{each.name} {duckdb_type(each.type)}" for each in columns)
        connection.execute(f"CREATE TABLE {TABLES_SCHEMA}.catalogs ({typed})")
        connection.execute(current_contract().text)
        yield connection


def column_meanings(connection: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    """Return the comment on each column of a view."""
    return dict(
        connection.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE NOT internal "
            "AND schema_name = 'main' AND table_name = ? ORDER BY column_index",
            [view],
        ).fetchall()
    )


def view_meaning(connection: duckdb.DuckDBPyConnection, view: str) -> str:
    """Return the comment on a view."""
    ((meaning,),) = connection.execute(
        "SELECT comment FROM duckdb_views() "
        "WHERE NOT internal AND schema_name = 'main' AND view_name = ?",
        [view],
    ).fetchall()
    return str(meaning)


def _section(connection: duckdb.DuckDBPyConnection, name: str, key: tuple[str, ...]) -> str:
    head = [
        f"## {name}",
        "",
        view_meaning(connection, name),
        "",
        f"- Key: {', '.join(f'`{each}`' for each in key)}",
        "",
    ]
    return "\n".join([*head, *_columns(connection, name), ""])


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[str]:
    meanings = column_meanings(connection, name)
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for column, kind, *_ in connection.execute(f"DESCRIBE {name}").fetchall():
        yield f"| `{column}` | `{_cell(kind)}` | {_cell(meanings[column])} |"


def _cell(text: str) -> str:
    """Return a text that stays within its cell."""
    return re.sub(r"[|<]", lambda found: {"|": "\\|", "<": "&lt;"}[found[0]], text)


if __name__ == "__main__":
    sys.stdout.buffer.write(contract_markdown().encode())
