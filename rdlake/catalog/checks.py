"""The checks: queries over a drafted version that return the rows that break a promise.

A check that held is asked again only when a table moved that it reads; one whose rows follow from
rows with the same value in one column, then of the moved values alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import duckdb

from rdlake.catalog.contract import (
    TABLES_SCHEMA,
    Check,
    checks,
    checks_digest,
    keys,
    script,
)
from rdlake.catalog.materialize.changes import FEW, LONG, Moves, within
from rdlake.catalog.materialize.reuse import Alike
from rdlake.catalog.template import ALIAS
from rdlake.catalog.version import Version
from rdlake.schema.tables import TABLES, table

ROWS_NAMED = 5
ROWS_COUNTED = 10_000
"""So many at a time, whatever a check finds."""
MOVED = "moved"
_VIEW = re.compile(r"^CREATE VIEW (\w+) AS$", re.MULTILINE)
_NAME = re.compile(
    rf"\b(?P<schema>{TABLES_SCHEMA})\.(?P<table>\w+)|\b(?:FROM|JOIN)\s+(?P<view>\w+)\b(?!\.)"
)


@dataclass(frozen=True)
class Broken:
    """A check that found rows which break its promise."""

    check: Check
    rows: tuple[dict[str, object], ...]
    total: int

    def __str__(self) -> str:
        shown = "; ".join(str(row) for row in self.rows)
        return f"{self.check.name}: {self.check.promise} {self.total} rows break it: {shown}"


@dataclass(frozen=True)
class Held:
    """A version, of this lake or another one, and what is not as it is there."""

    version: Version
    moves: Moves | Alike

    def of(self, check: Check) -> set[str] | None:
        """The only values of which the check may fail now; None for everything."""
        version = self.version
        same = (version.checks_digest, version.sql) == (checks_digest(), script())
        if not same or check.name in version.allowed_checks:
            return None
        if self.moves.none(tables_read_by(check)):
            return set()
        if check.by is None:
            return None
        values = self.moves.anywhere(check.by)
        return values if values is not None and len(values) <= FEW else None


def run_checks(connection: duckdb.DuckDBPyConnection, held: Held | None = None) -> list[Broken]:
    """Every check that does not hold in the draft that the connection uses."""
    only = {each: held.of(each) if held else None for each in checks()}
    found = [_asked(connection, each) for each, values in only.items() if values is None]
    for by in sorted({each.by for each, values in only.items() if values and each.by}):
        some = {each: values for each, values in only.items() if values and each.by == by}
        with _moved(connection, some, by, set().union(*some.values())):
            found += [_asked(connection, each) for each in some]
    return sorted((each for each in found if each), key=lambda each: each.check.name)


def _asked(connection: duckdb.DuckDBPyConnection, check: Check) -> Broken | None:
    found = connection.execute(check.sql)
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchmany(ROWS_NAMED)]
    total = len(rows)
    while more := len(found.fetchmany(ROWS_COUNTED)):
        total += more
    return Broken(check, tuple(rows), total) if rows else None


@contextmanager
def _moved(
    connection: duckdb.DuckDBPyConnection, some: Collection[Check], by: str, values: Collection[str]
) -> Iterator[None]:
    """The draft as if it had only rows with such a value, for these checks. Of tables that several
    ask the rows are read once."""
    where = f" WHERE {within(by, values)}"
    held = {f"{TABLES_SCHEMA}.{each.name}" for each in TABLES if each.name not in LONG}
    connection.execute(f"ATTACH ':memory:' AS {MOVED}")
    try:
        connection.execute(f"CREATE SCHEMA {MOVED}.{TABLES_SCHEMA}")
        for name in sorted(set().union(*(_read_by(each.sql) for each in some))):
            has = by in _columns(connection, name)
            kind = "TABLE" if has and name in held else "VIEW"
            rows = f"SELECT * FROM {ALIAS}.{name}{where if has else ''}"
            connection.execute(f"CREATE {kind} {MOVED}.{name} AS {rows}")
        connection.execute(f"USE {MOVED}")
        yield
    finally:
        connection.execute(f"USE {ALIAS}")
        connection.execute(f"DETACH {MOVED}")


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> Collection[str]:
    schema, _, own = name.partition(".")
    if schema == TABLES_SCHEMA:
        return table(own).column_names
    return [row[0] for row in connection.execute(f"DESCRIBE {ALIAS}.{name}").fetchall()]


@cache
def tables_read_by(check: Check) -> frozenset[str]:
    """The tables that a check reads, by itself or through views."""
    parts = _VIEW.split(script())
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    tables, views, texts_left = set[str](), set[str](), [check.sql]
    while texts_left:
        for schema, _, name in (each.partition(".") for each in _read_by(texts_left.pop())):
            if schema == TABLES_SCHEMA:
                tables.add(name)
            elif name not in views:
                views.add(name)
                texts_left.append(texts[name])
    return frozenset(tables)


def _read_by(sql: str) -> set[str]:
    """The tables and views that a check reads, each with its schema."""
    views = keys(script())
    return {
        f"{TABLES_SCHEMA}.{found['table']}" if found["schema"] else f"main.{found['view']}"
        for found in _NAME.finditer(sql)
        if found["schema"] or found["view"] in views
    }
