"""Describe a contract as values: its tables, its views with their settings, its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rdlake.catalog.contract.parser import parse_selects, sources_of
from rdlake.catalog.contract.settings import Relations, ViewSettings
from rdlake.schema.sql import literal
from rdlake.schema.tables import table
from rdlake.store.data_files import DataFile

CONTRACT_VERSION = "1.0"
"""Views and columns are only added within a version; anything else raises it."""
TABLES_SCHEMA = "rdlake_tables"
ROWS_SCHEMA = "rdlake_rows"
"""The schema of a table macro for each table and materialized view: its rows."""
VIEW_FILES = "catalogs/data"
"""The folder of the files of materialized views, below the lake's root."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """Hold a promise and the query that returns the rows that break it. With `by`, a row that it
    returns follows only from rows of tables that have the same value in this column."""

    name: str
    promise: str
    sql: str
    by: str | None
    origin: str
    """The place of its text, for messages."""


@dataclass(frozen=True)
class Query:
    """Hold a question of an analyst and the query that answers it."""

    name: str
    question: str
    sql: str


@dataclass(frozen=True)
class TableView:
    """Describe the view of one table: the casts of its columns, a query without rows that has all
    columns, and the statements that comment on it."""

    name: str
    casts: str
    nulls: str
    comments: str

    @property
    def select(self) -> str:
        """Return the query of a table without files."""
        return f"SELECT {self.casts}\nFROM ({self.nulls})"

    def rows_in(self, files: Sequence[DataFile], root: str) -> str:
        """Return the query of the rows in these files below `root`, an SQL expression.

        Where every file has every column the files are read as they are. Otherwise columns are
        matched by name and cast, and one that no file has is a typed null.
        """
        if not files:
            return self.select
        folder = f"tables/{self.name}"
        if all(file.columns == self.nulls.count("NULL::") for file in files):
            return _read(files, root, folder)
        by_name = _read(files, root, folder, ", union_by_name=true")
        return f"SELECT {self.casts}\nFROM ({self.nulls} UNION ALL BY NAME {by_name})"


@dataclass(frozen=True, kw_only=True)
class View:
    """Describe one view of the contract. `select` is its query as it is written, `shown` the query
    in a catalog file: there a materialized view reads the macro of its rows."""

    name: str
    select: str
    shown: str
    comments: str
    settings: ViewSettings
    origin: str
    """The file of the view's text, for messages."""
    first_line: int = 1
    """The line of its CREATE VIEW in that file."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Hold every table and view of a catalog; `text` states all of it, as a version keeps it.

    Views stand after those that they read. A contract `is_old` when its text is of the form that
    rdlake wrote before settings had a file of their own.
    """

    text: str
    tables: Mapping[str, TableView]
    views: Mapping[str, View]
    relations: Relations
    is_old: bool = False

    @cached_property
    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """Return the key columns of each view."""
        return {name: tuple(view.settings.key) for name, view in self.views.items()}

    @cached_property
    def materialized(self) -> Mapping[str, View]:
        """Return the views whose rows are computed when a version is published."""
        return {name: view for name, view in self.views.items() if view.settings.materialized}

    @cached_property
    def sources(self) -> Mapping[str, tuple[str, ...]]:
        """Return the tables and the other materialized views that each materialized view reads."""
        parse_selects(view.select for view in self.materialized.values())
        return {
            name: tuple(
                sorted(
                    source
                    for schema, source in sources_of(view.select)
                    if schema == TABLES_SCHEMA or source in self.materialized
                )
            )
            for name, view in self.materialized.items()
        }

    def columns_known(self, source: str) -> tuple[str, ...]:
        """Return the columns of a table, or the key columns of a view, by which rows are chosen."""
        return self.keys.get(source) or table(source).column_names

    def tables_read_by(self, sql: str) -> frozenset[str]:
        """Return the tables that a query reads, by itself or through views."""
        tables, views, left = set[str](), set[str](), [sql]
        while left:
            for schema, name in sources_of(left.pop()):
                if schema == TABLES_SCHEMA:
                    tables.add(name)
                elif name in self.views and name not in views:
                    views.add(name)
                    left.append(self.views[name].select)
        return frozenset(tables)

    def row_queries(self, files: Mapping[str, Sequence[DataFile]], root: str) -> dict[str, str]:
        """Return the query of the rows of each table and materialized view, in its files below
        `root`, an SQL expression. A table without files has no rows; a view without files has
        those of its own query."""
        tables = {
            name: entry.rows_in(files.get(name, ()), root) for name, entry in self.tables.items()
        }
        views = {
            name: _read(files[name], root, VIEW_FILES) if files.get(name) else view.select
            for name, view in self.materialized.items()
        }
        return tables | views


def _read(files: Sequence[DataFile], root: str, folder: str, option: str = "") -> str:
    paths = _listed(root, [f"/{folder}/{file.path}" for file in files])
    return f"SELECT * FROM read_parquet({paths}, hive_partitioning=false{option})"


def _listed(root: str, paths: Sequence[str]) -> str:
    """Return SQL for a list of these paths below the root. A reader binds every expression of a
    query; so this is one expression, however many the paths are."""
    joined = literal("|".join(paths))
    return f"string_split({root} || replace({joined}, '|', chr(0) || {root}), chr(0))"
