"""What differs between two catalog versions: rows added, removed and changed, view by view."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from rdlake.catalog.contract import keys
from rdlake.catalog.render import rendered
from rdlake.catalog.version import Version, numbered
from rdlake.lake import Lake
from rdlake.quoting import identifier, literal

__all__ = ["Change", "ViewDiff", "diff"]

ABOUT_ITSELF = frozenset({"catalog_info", "catalog_versions"})
"""Views that tell of the version; they differ in every version."""


@dataclass(frozen=True)
class Change:
    """One row that differs, by its key; `fields` are the columns of a changed row that do."""

    kind: Literal["added", "removed", "changed"]
    key: dict[str, Any]
    fields: tuple[str, ...]


@dataclass(frozen=True)
class ViewDiff:
    """One view's differences; a view that only one version has has no rows to compare."""

    view: str
    presence: Literal["both", "only before", "only after"]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    changes: tuple[Change, ...]

    def count(self, kind: str) -> int:
        return sum(change.kind == kind for change in self.changes)


def diff(lake: Lake, before: int, after: int) -> list[ViewDiff]:
    """The views that differ between two versions; rows are compared by the key that both have."""
    old, new = numbered(lake, before), numbered(lake, after)
    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute(f"SET VARIABLE lake_root = {literal(lake.root.as_posix())}")
        for alias, version in (("before", old), ("after", new)):
            path = rendered(lake, version)
            connection.execute(f"ATTACH {literal(str(path))} AS {alias} (READ_ONLY)")
        return list(_view_diffs(connection, old, new))


def _view_diffs(
    connection: duckdb.DuckDBPyConnection, old: Version, new: Version
) -> Iterator[ViewDiff]:
    keys_before, keys_after = keys(old.sql), keys(new.sql)
    for view in sorted((keys_before.keys() | keys_after.keys()) - ABOUT_ITSELF):
        if view not in keys_after:
            yield ViewDiff(view, "only before", (), (), ())
        elif view not in keys_before:
            yield ViewDiff(view, "only after", (), (), ())
        else:
            before, after = (_columns(connection, alias, view) for alias in ("before", "after"))
            added = tuple(name for name in after if name not in before)
            removed = tuple(name for name in before if name not in after)
            shared = {name: kind for name, kind in after.items() if name in before}
            told = (keys_after[view], keys_before[view])
            key = next((each for each in told if shared.keys() >= set(each)), ())
            changes = tuple(_changes(connection, view, key, shared)) if key else ()
            if changes or added or removed:
                yield ViewDiff(view, "both", added, removed, changes)


def _columns(connection: duckdb.DuckDBPyConnection, alias: str, view: str) -> dict[str, str]:
    """name -> type, in order."""
    rows = connection.execute(f"DESCRIBE {alias}.main.{identifier(view)}").fetchall()
    return {row[0]: row[1] for row in rows}


def _changes(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    key: tuple[str, ...],
    columns: Mapping[str, str],
) -> Iterator[Change]:
    differs = ", ".join(
        f"CASE WHEN {_value('old', name, kind)} IS DISTINCT FROM {_value('new', name, kind)}"
        f" THEN {literal(name)} END"
        for name, kind in columns.items()
        if name not in key
    )
    join = " AND ".join(
        f"old.{identifier(name)} IS NOT DISTINCT FROM new.{identifier(name)}" for name in key
    )
    shown = ", ".join(f"coalesce(old.{identifier(name)}, new.{identifier(name)})" for name in key)
    name = identifier(view)
    query = f"""
        SELECT CASE WHEN old.here IS NULL THEN 'added'
                    WHEN new.here IS NULL THEN 'removed' ELSE 'changed' END AS kind,
               list_filter([{differs}], lambda field: field IS NOT NULL) AS fields, {shown}
        FROM (SELECT *, true AS here FROM before.main.{name}) AS old
        FULL JOIN (SELECT *, true AS here FROM after.main.{name}) AS new ON {join}
        WHERE old.here IS NULL OR new.here IS NULL OR len(fields) > 0
        ORDER BY ALL
    """
    for kind, fields, *found in connection.execute(query).fetchall():
        named = tuple(fields) if kind == "changed" else ()
        yield Change(kind, dict(zip(key, found, strict=True)), named)


def _value(side: str, name: str, kind: str) -> str:
    """What is compared; the entries of a map have no order, though DuckDB compares them by it."""
    column = f"{side}.{identifier(name)}"
    return f"list_sort(map_entries({column}))" if kind.startswith("MAP(") else column
