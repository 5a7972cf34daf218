"""The contract as DuckDB reports it from a published file: views, keys, columns, types, comments.

After a wanted change `python -m tests.catalog.golden` writes the golden file again; the
difference is reviewed like code.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

import rdlake
from rdlake.catalog.contract import current_contract
from rdlake.catalog.publish import publish
from rdlake.store.opening import init_store

GOLDEN = Path(__file__).with_name("contract.golden")


@dataclass(frozen=True)
class View:
    """A view, or the table of versions: its comment, and type and comment of each column."""

    comment: str | None
    columns: Mapping[str, tuple[str, str | None]]


def described(connection: duckdb.DuckDBPyConnection) -> dict[str, View]:
    """schema.name -> what DuckDB knows of it, in the order of the names, columns in theirs."""
    comments = connection.execute(
        """
        SELECT schema_name || '.' || view_name AS name, comment FROM duckdb_views()
        WHERE NOT internal AND database_name = current_database()
        UNION ALL
        SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()
        WHERE NOT internal AND database_name = current_database()
        ORDER BY name
        """
    ).fetchall()
    columns: dict[str, dict[str, tuple[str, str | None]]] = {name: {} for name, _ in comments}
    for name, column, kind, comment in connection.execute(
        """
        SELECT schema_name || '.' || table_name, column_name, data_type, comment
        FROM duckdb_columns()
        WHERE NOT internal AND database_name = current_database()
        ORDER BY ALL
        """
    ).fetchall():
        columns[name][column] = (kind, comment)
    return {
        name: View(comment, {column: columns[name][column] for column in _order(connection, name)})
        for name, comment in comments
    }


def _order(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]


def as_text(views: Mapping[str, View]) -> str:
    """One block a view, one line a column."""
    of = current_contract().keys
    lines = []
    for name, view in views.items():
        key = ", ".join(of.get(name.removeprefix("main."), ()))
        lines.append(f"{name} (key: {key}): {view.comment}" if key else f"{name}: {view.comment}")
        lines += [
            f"    {column} {kind}: {comment}" for column, (kind, comment) in view.columns.items()
        ]
        lines.append("")
    return "\n".join(lines)


def published_text() -> str:
    """The contract as an empty lake publishes it."""
    with tempfile.TemporaryDirectory() as folder:
        publish(init_store(folder))
        with contextlib.closing(rdlake.connect(folder)) as connection:
            return as_text(described(connection))


if __name__ == "__main__":
    GOLDEN.write_text(published_text(), encoding="utf-8")
