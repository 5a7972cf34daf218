"""Import JSON catalogs as a consumer does: rows by their natural keys, upserted into SQLite."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

KEYS = {
    "factor_catalog": ("name", "source"),
    "strategy_catalog": ("strategy_id",),
    "loop_catalog": ("task_run_id", "loop_id", "workspace_id"),
    "model_catalog": ("model_id",),
    "alpha158_meta": ("name",),
}


def entries(path: Path) -> list[dict[str, Any]]:
    """Return the list of a catalog; a number that JSON does not have is an error."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    catalog = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    (found,) = [value for value in catalog.values() if isinstance(value, list)]
    return list(found)


def upsert(folder: Path, database: Path) -> None:
    """Import every catalog of the folder."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for name, key in KEYS.items():
            columns = ", ".join(key)
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {name} ({columns}, row, PRIMARY KEY ({columns}))"
            )
            for entry in entries(folder / f"{name}.json"):
                values = [*(entry[part] for part in key), json.dumps(entry, sort_keys=True)]
                marks = ", ".join("?" * len(values))
                connection.execute(f"INSERT OR REPLACE INTO {name} VALUES ({marks})", values)


def content(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(database)) as connection:
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY {', '.join(key)}").fetchall()
            for name, key in KEYS.items()
        }
