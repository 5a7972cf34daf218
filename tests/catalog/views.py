"""What the views of a catalog file say, as rows to compare."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb

from rdlake.catalog.contract import current_contract
from rdlake.catalog.time_travel import file_of
from rdlake.schema.sql import literal
from rdlake.store.lake import Lake

VIEWS = tuple(sorted(current_contract().keys))
ABOUT_ITSELF = frozenset({"catalog_info", "catalog_versions"})
CONTENT = tuple(view for view in VIEWS if view not in ABOUT_ITSELF | {"ingest_report"})
"""The views that a rollback takes back: neither operations nor about the version itself."""

OFTEN_EMPTY = frozenset(
    {
        "factor_contents",
        "factor_duplicates",
        "factor_versions",
        "group_comparison",
        "group_members",
        "group_words",
        "model_catalog",
        "strategy_catalog",
        "strategy_registry",
    }
)
"""Views of which lakes without recordings and without several versions of a factor have no rows;
test_protocol.py here, tests/statistics/test_pairs.py and tests/test_groups.py have some."""

Rows = dict[str, list[tuple[Any, ...]]]


def rows_of(lake: Lake, number: int, views: Collection[str] = VIEWS) -> Rows:
    """view -> all rows of that version, in an order of their own."""
    return rows_in(file_of(lake, number), lake.root, views)


def rows_in(file: Path, root: Path, views: Collection[str] = VIEWS) -> Rows:
    """view -> all rows of a catalog file over the lake at `root`, in an order of their own."""
    with contextlib.closing(duckdb.connect(str(file), read_only=True)) as connection:
        connection.execute(f"SET VARIABLE lake_root = {literal(root.as_posix())}")
        return {
            view: connection.execute(f"SELECT * FROM main.{view} ORDER BY ALL").fetchall()
            for view in views
        }
