"""What a catalog version really answers, in the words of the model."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

import rdlake
from rdlake.catalog.diff import ABOUT_ITSELF, ViewDiff
from rdlake.catalog.version import find_version
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.model.folders import Answers, Rows

KEYS = {
    "artifact_list": ("workspace_id", "path"),
    "equity_curve": ("workspace_id", "date"),
    "factor_catalog": ("name", "source"),
    "loop_catalog": ("task_run_id", "loop_id", "workspace_id"),
}
COLUMNS = {
    "artifact_list": ("size", "sha256", "role", "task_run_id"),
    "equity_curve": (
        "date", "return", "cost", "bench", "turnover", "account", "value", "cash",
        "net_return", "nav",
    ),
    "factor_catalog": ("experiments",),
    "loop_catalog": (
        "experiment_id", "role", "action", "ic", "has_curve", "curve_start",
        "curve_end", "curve_days", "final_nav", "factor_names",
    ),
}  # fmt: skip
"""What the model tells of each view; a changed row differs in one of these at least."""

STORED = {"artifact_list": "artifacts", "equity_curve": "equity_curves"}
"""Views of which the model knows every key that their table holds."""

REPORT = """
    SELECT workspace_id, count(DISTINCT batch_id), arg_max(status, ingested_at)
    FROM ingest_report GROUP BY workspace_id
"""
VERSIONS = "SELECT catalog_version, rolled_back_to FROM catalog_versions ORDER BY catalog_version"

Connection = duckdb.DuckDBPyConnection
Changes = dict[str, dict[tuple[object, ...], object]]


def answers_of(root: Path, number: int) -> tuple[Answers, list[tuple[int, int | None]]]:
    """A version's views, and the versions that it knows of."""
    with contextlib.closing(rdlake.connect(root, number)) as connection:
        found = {view: _rows(connection, view) for view in KEYS}
        found["ingest_report"] = {
            (name,): {"times": times, "status": status}
            for name, times, status in connection.execute(REPORT).fetchall()
        }
        return found, connection.execute(VERSIONS).fetchall()


def stored_in(lake: Lake) -> dict[str, set[tuple[object, ...]]]:
    """The keys of the rows that the tables hold now, published or not."""
    found = {}
    for view, name in STORED.items():
        rows = lake.read(name, KEYS[view]).rows()
        found[view] = set(rows)
        assert len(found[view]) == len(rows), f"{name} has a key twice"
    return found


def _rows(connection: Connection, view: str) -> Rows:
    key, columns = KEYS[view], COLUMNS[view]
    wanted = ", ".join(f'"{name}"' for name in (*key, *columns))
    found = connection.execute(f"SELECT {wanted} FROM {view}").fetchall()
    rows: Rows = {
        row[: len(key)]: dict(zip(columns, row[len(key) :], strict=True)) for row in found
    }
    assert len(rows) == len(found), f"{view} has a key twice"
    return rows


def changes_of(diffs: Iterable[ViewDiff]) -> tuple[Changes, list[str], list[str]]:
    """The changes that the model tells, and the workspaces on which `ingest_report` has words that
    only the later or only the earlier version has."""
    found: Changes = {}
    words: dict[str, set[tuple[Any, str]]] = {"added": set(), "removed": set()}
    for each in diffs:
        assert (each.presence, each.columns_added, each.columns_removed) == ("both", (), ())
        if each.view == "ingest_report":
            for change in each.changes:
                if change.kind == "changed":
                    assert change.fields == ("latest",)
                else:
                    key = change.key
                    words[change.kind].add((key["batch_id"], key["workspace_id"]))
        elif each.view in KEYS:
            told = set(COLUMNS[each.view])
            of_view = {
                tuple(change.key[name] for name in KEYS[each.view]): set(change.fields) & told
                if change.kind == "changed"
                else change.kind
                for change in each.changes
            }
            if any(of_view.values()):
                found[each.view] = {key: told for key, told in of_view.items() if told}
    added, removed = (sorted(name for _, name in words[kind]) for kind in ("added", "removed"))
    return found, added, removed


def all_changes_of(diffs: Iterable[ViewDiff]) -> Changes:
    """The changes of every view, of whose fields the model knows few."""
    return {
        each.view: {
            tuple(change.key.values()): set(change.fields) or change.kind for change in each.changes
        }
        for each in diffs
        if each.view != "ingest_report"
    }


def all_changes(root: Path, before: int, after: int) -> Changes:
    """The same, from all rows of both versions."""
    found = {}
    old, new = (_views(root, number) for number in (before, after))
    assert old.keys() == new.keys()
    for view in old:
        kinds: dict[tuple[object, ...], object] = {
            **dict.fromkeys(old[view].keys() - new[view].keys(), "removed"),
            **dict.fromkeys(new[view].keys() - old[view].keys(), "added"),
        }
        for key in old[view].keys() & new[view].keys():
            earlier, later = old[view][key], new[view][key]
            if fields := {name for name in earlier if earlier[name] != later[name]}:
                kinds[key] = fields
        if kinds:
            found[view] = kinds
    return found


def _views(root: Path, number: int) -> dict[str, Rows]:
    with contextlib.closing(rdlake.connect(root, number)) as connection:
        keys = find_version(open_store(root), number).contract.keys
        return {
            view: _whole(connection, view, key)
            for view, key in keys.items()
            if view not in {"ingest_report", *ABOUT_ITSELF}
        }


def _whole(connection: Connection, view: str, key: tuple[str, ...]) -> Rows:
    cursor = connection.execute(f"FROM {view}")
    names = [each[0] for each in cursor.description or ()]
    named = [dict(zip(names, map(_comparable, row), strict=True)) for row in cursor.fetchall()]
    rows: Rows = {tuple(row[name] for name in key): row for row in named}
    assert len(rows) == len(named), f"{view} has a key twice"
    return rows


def _comparable(value: object) -> object:
    """NaN is NaN here, as in the database."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, dict):
        return {name: _comparable(each) for name, each in value.items()}
    return [_comparable(each) for each in value] if isinstance(value, list) else value
