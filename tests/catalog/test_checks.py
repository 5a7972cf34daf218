"""Every check finds the rows that break its promise, and nothing in a lake that keeps it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from rdlake.catalog.contract import checks
from rdlake.catalog.publish import Broken, check
from rdlake.lake import Lake
from rdlake.rows import polars_schema
from rdlake.tables import table
from tests.catalog.published import IDS, Published
from tests.catalog.views import rows_of

A, B, C = IDS


def put(lake: Lake, name: str, *rows: Mapping[str, Any]) -> None:
    """Rows in the place of those of the same owners."""
    entry = table(name)
    schema = polars_schema(entry)
    frame = pl.DataFrame([dict(row) for row in rows], schema={each: schema[each] for each in rows[0]})
    owners = {entry.owner: set(frame[entry.owner])} if entry.owner else {}
    others = {each: lake.read(each) for each in owned_beside(entry.owner, name)}
    kept = {
        each: rest.filter(pl.col(entry.owner).is_in(list(owners[entry.owner])))
        for each, rest in others.items()
        if entry.owner
    }
    lake.commit({name: frame, **kept}, owners)


def owned_beside(owner: str | None, name: str) -> list[str]:
    from rdlake.tables import TABLES

    return [each.name for each in TABLES if owner and each.owner == owner and each.name != name]


def first(lake: Lake, name: str, owner: str) -> dict[str, Any]:
    """One row of a table as it is."""
    return lake.read(name, where=pl.col("workspace_id") == owner).row(0, named=True)


def broken(lake: Lake) -> dict[str, Broken]:
    return {each.check.name: each for each in check(lake)}
