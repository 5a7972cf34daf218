"""What plain DuckDB reads, as canonical JSON; each DuckDB version runs this by itself.

    python read.py catalog FILE [VARIABLE ROOT]
    python read.py queries FILE SQL_FILE…
    python read.py delta EXTENSION TABLES_FOLDER NAME…

Only duckdb is imported: no rdlake, no pyarrow, no pytz, as in AIstock's process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb

CONTENT = """
    SELECT schema_name, view_name, comment FROM duckdb_views()
    WHERE database_name = 'rd' AND NOT internal
    UNION ALL
    SELECT schema_name, table_name, comment FROM duckdb_tables()
    WHERE database_name = 'rd' AND NOT internal
    ORDER BY ALL
"""
COLUMNS = """
    SELECT column_name, data_type, comment FROM duckdb_columns()
    WHERE database_name = 'rd' AND schema_name = ? AND table_name = ?
    ORDER BY column_index
"""


def main(arguments: list[str]) -> None:
    """Print what was asked for."""
    kind, *rest = arguments
    ask: dict[str, Callable[..., object]]
    ask = {"catalog": catalog, "queries": queries, "delta": delta}
    json.dump(ask[kind](*rest), sys.stdout)


def catalog(file: str, *variable: str) -> dict[str, Any]:
    """Every view of an attached catalog: its comment, its columns as told and as answered, its
    rows; a variable says where the lake lies now."""
    connection = duckdb.connect()
    if variable:
        name, root = variable
        connection.execute(f"SET VARIABLE {name} = '{doubled(root)}'")
    connection.execute(f"ATTACH '{doubled(file)}' AS rd (READ_ONLY)")
    return {
        f"{schema}.{view}": {"comment": comment} | answered(connection, schema, view)
        for schema, view, comment in connection.execute(CONTENT).fetchall()
    }


def answered(connection: duckdb.DuckDBPyConnection, schema: str, view: str) -> dict[str, Any]:
    """Columns and rows of one view, or what DuckDB says against it."""
    source = f"rd.{schema}.{view}"
    try:
        described = connection.execute(f"DESCRIBE {source}").fetchall()
        return {
            "columns": connection.execute(COLUMNS, [schema, view]).fetchall(),
            "described": [(name, kind) for name, kind, *_ in described],
            "rows": canonical(connection.execute(f"SELECT * FROM {source}").fetchall()),
        }
    except duckdb.Error as error:
        return {"error": str(error)}


def queries(file: str, *paths: str) -> dict[str, list[str]]:
    """What each query answers in a catalog that is attached and in use."""
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{doubled(file)}' AS rd (READ_ONLY)")
    connection.execute("USE rd")
    found = {}
    for path in paths:
        found[path] = canonical(connection.execute(Path(path).read_text("utf-8")).fetchall())
    return found


def delta(extension: str, tables: str, *names: str) -> dict[str, list[str]]:
    """The rows of each Delta table's newest version, as the delta extension reads them."""
    connection = duckdb.connect()
    connection.execute(f"LOAD '{doubled(extension)}'")
    found = {}
    for name in names:
        cursor = connection.execute(f"SELECT * FROM delta_scan('{doubled(tables)}/{name}')")
        columns = [column[0] for column in cursor.description or ()]
        found[name] = canonical(dict(zip(columns, row, strict=True)) for row in cursor.fetchall())
    return found


def canonical(found: Iterable[object]) -> list[str]:
    """Rows, sorted, as texts that are equal where the values are; a map has no order."""
    return sorted(
        json.dumps(row, default=text, sort_keys=True, ensure_ascii=False) for row in found
    )


def text(value: object) -> str:
    """What JSON has no word for: bytes as hexadecimal, dates and times as ISO has them."""
    return value.hex() if isinstance(value, bytes) else str(value)


def doubled(name: str) -> str:
    return name.replace("'", "''")


if __name__ == "__main__":
    main(sys.argv[1:])
