"""Run the checks: queries over a drafted version that return the rows which break a promise.

A check that held before runs again only when a table changed that it reads. When its rows follow
from rows with the same value in one column, it then runs over the changed values alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import duckdb

from rdlake.catalog.contract import (
    TABLES_SCHEMA,
    Check,
    checks_digest,
    current_checks,
    current_contract,
)
from rdlake.catalog.contract.parser import sources_of
from rdlake.catalog.materialize.changes import FEW, LONG, ChangedValues, is_one_of
from rdlake.catalog.materialize.reuse import OtherVersion
from rdlake.catalog.template import ALIAS
from rdlake.catalog.version import Version
from rdlake.errors import BadInput
from rdlake.schema.tables import TABLES, table

ROWS_NAMED = 5
ROWS_COUNTED = 10_000
"""The number of rows read at a time, however many a check finds."""
CHANGED = "moved"
"""The database that has only rows of changed values."""


@dataclass(frozen=True)
class Broken:
    """Report a check that found rows which break its promise."""

    check: Check
    rows: tuple[dict[str, object], ...]
    total: int

    def __str__(self) -> str:
        shown = "; ".join(str(row) for row in self.rows)
        return f"{self.check.name}: {self.check.promise} {self.total} rows break it: {shown}"


@dataclass(frozen=True)
class EarlierProof:
    """Hold a version whose checks held, of this lake or another one, and what changed since."""

    version: Version
    changes: ChangedValues | OtherVersion

    def values_to_check(self, check: Check) -> set[str] | None:
        """Return the only values for which the check may fail now; None for everything."""
        version, now = self.version, (checks_digest(), current_contract().text)
        if (version.checks_digest, version.sql) != now or check.name in version.allowed_checks:
            return None
        if self.changes.unchanged(tables_read_by(check)):
            return set()
        if check.by is None:
            return None
        values = self.changes.in_lake(check.by)
        return values if values is not None and len(values) <= FEW else None


def run_checks(
    connection: duckdb.DuckDBPyConnection, proof: EarlierProof | None = None
) -> list[Broken]:
    """Return every check that does not hold in the draft that the connection uses."""
    only = {each: proof.values_to_check(each) if proof else None for each in current_checks()}
    found = [_run(connection, each) for each, values in only.items() if values is None]
    for by in sorted({each.by for each, values in only.items() if values and each.by}):
        some = {each: values for each, values in only.items() if values and each.by == by}
        with _changed_rows(connection, some, by, set().union(*some.values())):
            found += [_run(connection, each) for each in some]
    return sorted((each for each in found if each), key=lambda each: each.check.name)


def _run(connection: duckdb.DuckDBPyConnection, check: Check) -> Broken | None:
    try:
        found = connection.execute(check.sql)
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        raise BadInput(
            f"DuckDB refuses the check {check.name}: {str(error).splitlines()[0]}",
            where=check.origin,
            fix="correct the query; docs/contract.md and docs/tables.md list the columns",
        ) from error
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchmany(ROWS_NAMED)]
    total = len(rows)
    while more := len(found.fetchmany(ROWS_COUNTED)):
        total += more
    return Broken(check, tuple(rows), total) if rows else None


@contextmanager
def _changed_rows(
    connection: duckdb.DuckDBPyConnection, some: Collection[Check], by: str, values: Collection[str]
) -> Iterator[None]:
    """Show these checks the draft as if it had only rows with such a value. Read rows once for all
    checks."""
    where = f" WHERE {is_one_of(by, values)}"
    short = {f"{TABLES_SCHEMA}.{each.name}" for each in TABLES if each.name not in LONG}
    connection.execute(f"ATTACH ':memory:' AS {CHANGED}")
    try:
        connection.execute(f"CREATE SCHEMA {CHANGED}.{TABLES_SCHEMA}")
        names = set().union(*(sources_of(each.sql) for each in some))
        for name in sorted(f"{schema or 'main'}.{name}" for schema, name in names):
            has = by in _columns(connection, name)
            kind = "TABLE" if has and name in short else "VIEW"
            rows = f"SELECT * FROM {ALIAS}.{name}{where if has else ''}"
            connection.execute(f"CREATE {kind} {CHANGED}.{name} AS {rows}")
        connection.execute(f"USE {CHANGED}")
        yield
    finally:
        connection.execute(f"USE {ALIAS}")
        connection.execute(f"DETACH {CHANGED}")


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> Collection[str]:
    schema, _, own = name.partition(".")
    if schema == TABLES_SCHEMA:
        return table(own).column_names
    return [row[0] for row in connection.execute(f"DESCRIBE {ALIAS}.{name}").fetchall()]


@cache
def tables_read_by(check: Check) -> frozenset[str]:
    """Return the tables that a check reads, by itself or through views."""
    return current_contract().tables_read_by(check.sql)
