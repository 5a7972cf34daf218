"""Turn a contract into the one text that a published version keeps, and back.

The text is SQL that pastes into any DuckDB. Lines that begin with `---` divide it into sections:
the settings as comments, then every table and every view in an order in which they can be created.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from rdlake.catalog.contract.old_format import is_old_text, read_old_text
from rdlake.catalog.contract.settings import ContractSettings, parse_settings
from rdlake.catalog.contract.values import ROWS_SCHEMA, TABLES_SCHEMA, Contract, TableView, View
from rdlake.schema.sql import duckdb_type, identifier, literal
from rdlake.schema.tables import TABLES, Column, Table

ORIGIN = "the text of the version in tables/catalogs"
_SECTION = re.compile(r"^--- (settings|table|view) ?(\w*)\n", re.MULTILINE)


@lru_cache(maxsize=8)
def contract_of(text: str) -> Contract:
    """Return the contract that a version's text states, of today's form or the old one."""
    if is_old_text(text):
        return read_old_text(text)
    parts = _SECTION.split(text)[1:]
    sections = {(kind, name): body for kind, name, body in zip(*[iter(parts)] * 3, strict=True)}
    lines = sections["settings", ""].splitlines()
    settings = parse_settings("\n".join(line[3:] for line in lines), ORIGIN)
    tables, views = {}, {}
    for (kind, name), body in sections.items():
        if kind == "table":
            tables[name] = table_view_in(name, body.rstrip("\n"))
        elif kind == "view":
            select, _, comments = body.rstrip("\n").partition(";\n\nCOMMENT ON VIEW ")
            select = select.removeprefix(f"CREATE VIEW {name} AS\n")
            views[name] = view_of(name, select, f"COMMENT ON VIEW {comments}", settings, ORIGIN)
    return Contract(text=text, tables=tables, views=views, relations=settings.relations)


def state_contract(toml: str, settings: ContractSettings, views: Iterable[View]) -> Contract:
    """Return the contract of these views over today's tables, with the text that states it."""
    tables = {entry.name: _table_view(entry) for entry in TABLES if entry.pinned}
    by_name = {view.name: view for view in views}
    lines = [f"-- {line}".rstrip() for line in toml.splitlines()]
    sections = [
        "--- settings\n" + "\n".join(lines),
        *(f"--- table {name}\n{create_table_view(entry)}" for name, entry in tables.items()),
        *(f"--- view {name}\n{create_view(view)}" for name, view in by_name.items()),
    ]
    text = "\n".join(sections)
    return Contract(text=text, tables=tables, views=by_name, relations=settings.relations)


def view_of(name: str, select: str, comments: str, settings: ContractSettings, origin: str) -> View:
    """Return the view with its settings."""
    entry = settings.views[name]
    return View(
        name=name,
        select=select,
        shown=f"SELECT * FROM {ROWS_SCHEMA}.{name}()" if entry.materialized else select,
        comments=comments,
        settings=entry,
        origin=origin,
    )


def create_view(view: View) -> str:
    """Return the statements of a view as it is written."""
    return f"CREATE VIEW {view.name} AS\n{view.select};\n\n{view.comments}"


def create_table_view(entry: TableView) -> str:
    """Return the statements of a table's view, without rows."""
    return f"CREATE VIEW {TABLES_SCHEMA}.{entry.name} AS\n{entry.select};\n{entry.comments}"


def table_view_in(name: str, statements: str) -> TableView:
    """Read the view of a table back from the statements that create it."""
    _, casts, nulls, comments = statements.split("\n", 3)
    casts, nulls = casts.removeprefix("SELECT "), nulls.removeprefix("FROM (").removesuffix(");")
    return TableView(name, casts, nulls, comments)


def column_comments(name: str, columns: Iterable[Column]) -> str:
    """Return the statements that give each column of a view or table its meaning."""
    return "\n".join(
        f"COMMENT ON COLUMN {name}.{identifier(each.name)} IS {literal(each.meaning)};"
        for each in columns
    )


def _table_view(entry: Table) -> TableView:
    name = f"{TABLES_SCHEMA}.{entry.name}"
    typed: Mapping[str, str] = {
        identifier(each.name): duckdb_type(each.type) for each in entry.columns
    }
    casts = ", ".join(f"{column}::{kind} AS {column}" for column, kind in typed.items())
    nulls = ", ".join(f"NULL::{kind} AS {column}" for column, kind in typed.items())
    meaning = f"COMMENT ON VIEW {name} IS {literal(entry.meaning)};"
    comments = f"{meaning}\n{column_comments(name, entry.columns)}"
    return TableView(entry.name, casts, f"SELECT {nulls} WHERE false", comments)
