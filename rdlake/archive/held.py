"""A lake as it was at one moment: an ingest that goes on meanwhile does not show."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from rdlake.lake import Lake
from rdlake.rowfiles import read_files
from rdlake.tables import TABLES, table

__all__ = ["Held"]


class Held:
    """The tables of a lake as they were when this was made. They are looked at in the opposite
    order of a batch's commits, so that whatever a loop refers to is there."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._tables = {entry.name: lake.snapshot(entry.name) for entry in reversed(TABLES)}

    def read(
        self, name: str, columns: Collection[str] | None = None, where: pl.Expr | None = None
    ) -> pl.DataFrame:
        """Rows of a table."""
        files = self._tables[name].files
        return read_files(table(name), self.lake.folder(name), files, columns, where)

    def files(self, name: str) -> list[tuple[str, int, int]]:
        """The data files of a table: path, size, rows."""
        return list(self._tables[name].files)
