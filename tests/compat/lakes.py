"""Lakes that hold everything which some engine might read in its own way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from rdlake.catalog.contract import current_checks
from rdlake.catalog.publish import publish, release, rollback
from rdlake.demo import write_demo
from rdlake.demo.sample import sample_workspaces
from rdlake.library import Library
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import TABLES, Table, table
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace, write_metrics

DAYS = 3
ODD = "Zoë's “工作区” #1 & 2 = x;y$z"
AWKWARD = 'it\'s "quoted"\\ 动量 🎲 \t\n{}[]%?*#'
VALUES: dict[pa.DataType, tuple[object, ...]] = {
    pa.string(): (AWKWARD, "", None),
    pa.int64(): (2**63 - 1, -(2**63), None),
    pa.float64(): (-1.7976931348623157e308, float("nan"), None),
    pa.bool_(): (True, False, None),
    pa.date32(): (date(1, 1, 1), date(9999, 12, 31), None),
    pa.timestamp("us"): (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), None),
    pa.binary(): (bytes(range(256)), b"", None),
}


def full_lake(folder: Path) -> Lake:
    """The sample, 30 experiments of the demo, odd names, every type in every table, one table
    whose older files lack columns, compacted tables that were written to again; three versions,
    the second a rollback, the last with all of it."""
    workspaces = folder / "workspaces"
    demo = write_demo(folder / "demo", experiments=30, seed=1)
    make_workspace(workspaces, ODD, days=DAYS, factors=("A", "动量 #1 %;"), metrics={AWKWARD: -0.0})
    lake = init_store(folder / ODD)
    older_factors(lake)
    allowed = [each.name for each in current_checks()]
    Library(lake).ingest(sample_workspaces(), demo.workspaces, workspaces)
    publish(lake, note=AWKWARD, allow=allowed)
    rollback(lake, 1)
    every_type(lake)
    for name in ("equity_curves", "factors", "loops"):
        assert lake.compact(name)
    write_metrics(workspaces / ODD, {"IC": 5e-324, "Rank IC": float("nan")})
    Library(lake).ingest(workspaces)
    release(lake, allow=allowed)
    return lake


def empty_lake(folder: Path) -> Lake:
    """A lake without a row, published."""
    lake = init_store(folder / "empty")
    Library(lake).publish()
    return lake


def moved_lake(folder: Path) -> Lake:
    """A lake that no longer lies where it was published."""
    make_workspace(folder / "workspaces", ODD, days=DAYS)
    lake = init_store(folder / "published")
    Library(lake).ingest(folder / "workspaces")
    Library(lake).publish()
    return open_store(lake.root.rename(folder / ODD))


def older_factors(lake: Lake) -> None:
    """The table `factors` with one row, as an rdlake that knew fewer columns left it."""
    entry = table("factors")
    kept = ("factor_name", "source", "workspace_id", "variables", "tags")
    columns = [replace(each) for each in entry.columns if each.name in kept]
    schema = pa.schema([(each.name, each.type) for each in columns])
    row = {
        "factor_name": "Old",
        "source": "alpha_library",
        "workspace_id": "external:old",
        "variables": {"close": "price"},
        "tags": ["x", None],
    }
    DeltaTable.create(str(lake.folder(entry.name)), schema)
    write_deltalake(
        str(lake.folder(entry.name)), pa.Table.from_pylist([row], schema), mode="append"
    )


def every_type(lake: Lake) -> None:
    """Three rows in every table that a version pins, with the outermost values of each type."""
    frames = {
        entry.name: frame_of(entry, [_row(entry, number) for number in range(3)])
        for entry in TABLES
        if entry.pinned
    }
    ids = [_id(number) for number in range(3)]
    lake.commit(frames, {entry.owner: ids for entry in TABLES if entry.owner})


def _row(entry: Table, number: int) -> dict[str, object]:
    return {
        column.name: _key(column.type, number)
        if column.name in (*entry.key, entry.owner)
        else _value(column.type, number)
        for column in entry.columns
    }


def _key(kind: pa.DataType, number: int) -> object:
    if kind == pa.date32():
        return date(2020, 1, 1 + number)
    return _id(number) if kind == pa.string() else number


def _id(number: int) -> str:
    return f"external:{number}"


def _value(kind: pa.DataType, number: int) -> object:
    """A value of any type; of the nested ones a full, an empty and none."""
    if pa.types.is_struct(kind):
        return {field.name: _value(field.type, number) for field in kind}
    if pa.types.is_map(kind):
        full = {AWKWARD: _value(kind.item_type, 0), "": _value(kind.item_type, 2)}
        return (full, {}, None)[number]
    if pa.types.is_list(kind):
        return ([_value(kind.value_type, each) for each in range(3)], [], None)[number]
    return VALUES[kind][number]
