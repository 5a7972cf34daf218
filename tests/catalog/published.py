"""A lake with its workspaces, as the catalog's tests use it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.catalog.publish import publish
from rdlake.schema.frames import polars_schema
from rdlake.schema.tables import TABLES, table
from rdlake.sources.backtest.prices import PRICES
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.builders import make_workspace
from tests.ingesting import ingest

IDS = ("a" * 32, "b" * 32, "c" * 32)
NEW = "d" * 32


@dataclass(frozen=True)
class Published:
    """A lake with its workspaces and one catalog version."""

    lake: Lake
    workspaces: Path

    def add(self, name: str, **overrides: object) -> Path:
        """One more workspace, ingested and not yet published."""
        folder = make_workspace(self.workspaces, name, **overrides)  # type: ignore[arg-type]
        self.ingest()
        return folder

    def ingest(self) -> None:
        ingest(self.lake, [self.workspaces])

    def publish(self) -> int:
        """The number of the version that is there after publishing."""
        return publish(self.lake).version.catalog_version


def copied(made: Published, folder: Path) -> Published:
    """A copy of a lake and its workspaces; its catalog files still name the lake it came from."""
    shutil.copytree(made.workspaces, folder / "workspaces")
    prices = PRICES.parent
    shutil.copytree(made.workspaces.parent / prices, folder / prices)
    shutil.copytree(made.lake.root, folder / "lake")
    return Published(open_store(folder / "lake"), folder / "workspaces")


def with_view(text: str, view: str, key: str, select: str) -> str:
    """The text of a contract with one more view."""
    settings = f'--- settings\n-- [views.{view}]\n-- key = ["{key}"]\n--\n'
    created = f"CREATE VIEW {view} AS\n{select};\n\nCOMMENT ON VIEW {view} IS 'added';"
    return f"{text.replace('--- settings', settings, 1)}\n--- view {view}\n{created}"


@contextmanager
def batches_of(*names: str) -> Iterator[None]:
    """Writers commit these tables alone, as one that is stopped in the middle of a batch does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "rdlake.store.lake.TABLES", [entry for entry in TABLES if entry.name in names]
        )
        yield


def replace_rows(lake: Lake, name: str, workspace_id: str, *rows: Mapping[str, Any]) -> None:
    """A workspace's rows in one table, and in no other."""
    schema = polars_schema(table(name))
    columns = {column: schema[column] for column in rows[0]} if rows else schema
    with batches_of(name):
        lake.commit({name: pl.DataFrame(rows, schema=columns)}, {"workspace_id": [workspace_id]})


def rows_in_table(lake: Lake, name: str, workspace_id: str) -> list[dict[str, Any]]:
    """A workspace's rows of one table as they are."""
    return lake.read(name, where=pl.col("workspace_id") == workspace_id).to_dicts()
