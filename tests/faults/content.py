"""What a lake says: to a reader with plain DuckDB, and table by table to rdlake."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from rdlake.schema.sql import literal
from rdlake.schema.tables import TABLES
from rdlake.store.lake import Lake
from tests.catalog.views import VIEWS

Views = dict[str, list[tuple[Any, ...]]]
Tables = dict[str, list[str]]

OWN_TO_A_RUN = ("published_at", "digest", "ingested_at", "batch_id")
"""Columns of views that differ between two runs that do the same."""
OF_FILES = {"file_lists", "catalogs"}
PUBLISHED = ["catalog_version", "note", "rolled_back_to", "allowed_checks", "sql", "name", "rows"]
HISTORY = frozenset({"ingests", "catalogs", "ingest_report", "catalog_info", "catalog_versions"})
"""Tables and views that tell what was done."""


def views_of(root: Path) -> Views:
    """view -> its rows, as somebody sees them who attaches catalog.duckdb and has no rdlake."""
    columns = f"COLUMNS(lambda name: name NOT IN {OWN_TO_A_RUN})"
    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute(f"SET VARIABLE lake_root = {literal(root.as_posix())}")
        catalog = literal(str(root / "catalog.duckdb"))
        connection.execute(f"ATTACH {catalog} AS rd (READ_ONLY)")
        return {
            view: connection.execute(f"SELECT {columns} FROM rd.{view} ORDER BY ALL").fetchall()
            for view in VIEWS
        }


def tables_of(root: Path) -> Tables:
    """table -> its rows, without clocks. Files have other names in every run: of `catalogs` there
    is what was published, of `file_lists` nothing."""
    lake = Lake(root)
    found: dict[str, pl.DataFrame] = {}
    for entry in TABLES:
        if entry.name not in OF_FILES:
            columns = [column.name for column in entry.columns if not column.clock]
            found[entry.name] = lake.read(entry.name, columns)
    found["catalogs"] = lake.read("catalogs").explode("tables").unnest("tables").select(PUBLISHED)
    return {name: sorted(map(repr, frame.rows())) for name, frame in found.items()}
