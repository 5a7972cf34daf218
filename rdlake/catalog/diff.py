"""Compare two catalog versions: rows added, removed and changed, view by view.

`diff` shows people which fields differ. `changes` gives a consumer every step that turns its copy
of one version into a copy of the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import duckdb

from rdlake.catalog.render import render_version
from rdlake.catalog.version import Version, find_version
from rdlake.errors import UnknownVersion
from rdlake.schema.sql import identifier, literal
from rdlake.store.lake import Lake

ABOUT_ITSELF = frozenset({"catalog_info", "catalog_versions"})
"""Views about the version itself; they differ in every version."""
AT_ONCE = 1000


@dataclass(frozen=True)
class Change:
    """Describe one row that differs, by its key; `fields` are the columns that differ."""

    kind: Literal["added", "removed", "changed"]
    key: dict[str, Any]
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ViewDiff:
    """Hold the differences of one view. A view of only one version has no rows to compare."""

    view: str
    presence: Literal["both", "only before", "only after"]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    changes: tuple[Change, ...]

    def count(self, kind: str) -> int:
        return sum(change.kind == kind for change in self.changes)


@dataclass(frozen=True)
class RowChange:
    """Describe one step from one version to the other. `cleared`: remove all rows of the view; its
    new rows follow. `values` are all other columns of an added row, and the columns of a changed
    row that differ, with their new values."""

    view: str
    change: Literal["cleared", "removed", "added", "changed"]
    key: dict[str, Any]
    values: dict[str, Any]


def diff(lake: Lake, before: int, after: int) -> list[ViewDiff]:
    """Return the views that differ between two versions, comparing rows by the key of both."""
    old, new = find_version(lake, before), find_version(lake, after)
    with _side_by_side(lake, old, new) as connection:
        return list(_view_diffs(connection, old, new))


def changes(lake: Lake, since: int, to: int) -> Iterator[RowChange]:
    """Yield the steps that turn a copy of every view in version `since` into one of version `to`.
    They come by view, kind of change and key. A column that a version lacks is null there."""
    old, new = _find_or_advise(lake, since), _find_or_advise(lake, to)
    keys_before, keys_after = old.contract.keys, new.contract.keys
    if old.digest == new.digest:
        return
    with _side_by_side(lake, old, new) as connection:
        for view in sorted(keys_before.keys() | keys_after.keys()):
            before = _columns(connection, "before", view) if view in keys_before else {}
            after = _columns(connection, "after", view) if view in keys_after else {}
            key = keys_after.get(view, ())
            shared = before.keys() & after.keys()
            if key == keys_before.get(view) and all(before[one] == after[one] for one in shared):
                nulls = {name: kind for name, kind in after.items() if name not in before}
                yield from _row_changes(connection, view, key, after, _rows("before", view, nulls))
            else:
                yield RowChange(view, "cleared", {}, {})
                if key:
                    none = f"{_rows('after', view)} WHERE false"
                    yield from _row_changes(connection, view, key, after, none)


def _find_or_advise(lake: Lake, number: int) -> Version:
    try:
        return find_version(lake, number)
    except UnknownVersion as error:
        raise UnknownVersion(
            error.what,
            where=error.where,
            fix="take every view anew with rdlake catalogs export-parquet, and go on from its "
            "version; rdlake catalogs list shows all versions",
        ) from error


@contextlib.contextmanager
def _side_by_side(lake: Lake, old: Version, new: Version) -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute(f"SET VARIABLE lake_root = {literal(lake.root.as_posix())}")
        for alias, version in (("before", old), ("after", new)):
            path = render_version(lake, version)
            connection.execute(f"ATTACH {literal(str(path))} AS {alias} (READ_ONLY)")
        yield connection


def _view_diffs(
    connection: duckdb.DuckDBPyConnection, old: Version, new: Version
) -> Iterator[ViewDiff]:
    keys_before, keys_after = old.contract.keys, new.contract.keys
    for view in sorted((keys_before.keys() | keys_after.keys()) - ABOUT_ITSELF):
        if view not in keys_after:
            yield ViewDiff(
                view=view, presence="only before", columns_added=(), columns_removed=(), changes=()
            )
        elif view not in keys_before:
            yield ViewDiff(
                view=view, presence="only after", columns_added=(), columns_removed=(), changes=()
            )
        else:
            before, after = (_columns(connection, alias, view) for alias in ("before", "after"))
            added = tuple(name for name in after if name not in before)
            removed = tuple(name for name in before if name not in after)
            shared = {name: kind for name, kind in after.items() if name in before}
            keys = (keys_after[view], keys_before[view])
            key = next((each for each in keys if shared.keys() >= set(each)), ())
            changes = tuple(_changes(connection, view, key, shared)) if key else ()
            if changes or added or removed:
                yield ViewDiff(
                    view=view,
                    presence="both",
                    columns_added=added,
                    columns_removed=removed,
                    changes=changes,
                )


def _columns(connection: duckdb.DuckDBPyConnection, alias: str, view: str) -> dict[str, str]:
    """Return the columns of a view in their order: name -> type."""
    rows = connection.execute(f"DESCRIBE {alias}.main.{identifier(view)}").fetchall()
    return {row[0]: row[1] for row in rows}


def _changes(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    key: tuple[str, ...],
    columns: Mapping[str, str],
) -> Iterator[Change]:
    query = _compared(key, columns, _rows("before", view), _rows("after", view))
    for kind, fields, *found in connection.execute(query).fetchall():
        named = tuple(fields) if kind == "changed" else ()
        yield Change(kind, dict(zip(key, found, strict=True)), named)


def _row_changes(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    key: tuple[str, ...],
    columns: Mapping[str, str],
    before: str,
) -> Iterator[RowChange]:
    """Yield the rows that differ with their values; read a few rows at a time."""
    others = [name for name in columns if name not in key]
    shown = tuple(f"new.{identifier(name)}" for name in others)
    query = _compared(key, columns, before, _rows("after", view), shown)
    cursor = connection.execute(query)
    while some := cursor.fetchmany(AT_ONCE):
        for kind, fields, *found in some:
            values = dict(zip(others, found[len(key) :], strict=True))
            names = {"added": others, "changed": fields}.get(kind, ())
            named = dict(zip(key, found, strict=False))
            yield RowChange(view, kind, named, {name: values[name] for name in names})


def _rows(side: str, view: str, nulls: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return SQL for the rows of a view, with nulls for columns that it lacks."""
    lacking = "".join(f", NULL::{kind} AS {identifier(name)}" for name, kind in nulls.items())
    return f"SELECT *, true AS here{lacking} FROM {side}.main.{identifier(view)}"


def _compared(
    key: tuple[str, ...],
    columns: Mapping[str, str],
    before: str,
    after: str,
    shown: tuple[str, ...] = (),
) -> str:
    """Return SQL for the rows that differ: kind of change, names of the fields that differ, key,
    and the columns in `shown`."""
    differs = ", ".join(
        f"CASE WHEN {_value('old', name, kind)} IS DISTINCT FROM {_value('new', name, kind)}"
        f" THEN {literal(name)} END"
        for name, kind in columns.items()
        if name not in key
    )
    join = " AND ".join(
        f"old.{identifier(name)} IS NOT DISTINCT FROM new.{identifier(name)}" for name in key
    )
    named = [f"coalesce(old.{identifier(name)}, new.{identifier(name)})" for name in key]
    order = ", ".join(str(place) for place in (1, *range(3, 3 + len(key))))
    return f"""
        SELECT CASE WHEN old.here IS NULL THEN 'added'
                    WHEN new.here IS NULL THEN 'removed' ELSE 'changed' END AS kind,
               list_filter([{differs}]::VARCHAR[], lambda field: field IS NOT NULL) AS fields,
               {", ".join([*named, *shown])}
        FROM ({before}) AS old
        FULL JOIN ({after}) AS new ON {join}
        WHERE old.here IS NULL OR new.here IS NULL OR len(fields) > 0
        ORDER BY {order}
    """


def _value(side: str, name: str, kind: str) -> str:
    """Return SQL for a value to compare. DuckDB compares maps by the order of their entries, which
    means nothing; so this sorts the entries."""
    column = f"{side}.{identifier(name)}"
    return f"list_sort(map_entries({column}))" if kind.startswith("MAP(") else column
