"""Which workspace really executed a loop whose result RD-Agent took from its cache."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from rdlake.store.lake import Lake

LOOP = ("workspace_id", "role", "cached", "created_at", "metrics", "ic")
FACTOR = ("workspace_id", "factor_name", "code_sha256")


def cached_loops(lake: Lake) -> list[str]:
    """The workspaces of loops from the cache: whatever comes may be what they were taken from."""
    rows = lake.read("loops", ["workspace_id"], pl.col("cached"))
    return sorted(rows["workspace_id"])


def with_executed(
    lake: Lake, frames: Mapping[str, pl.DataFrame], ids: Collection[str]
) -> pl.DataFrame:
    """These rows of `loops`, each cached one with the earliest loop of the same role that ran the
    same tasks and has, to the bit, the same metrics; null where none is known. `ids` are the
    workspaces of which `frames` holds all rows."""
    loops = frames["loops"]
    cached = loops.filter("cached", "has_result")
    if cached.is_empty():
        return loops
    elsewhere = ~pl.col("workspace_id").is_in(list(ids))
    alike = pl.col("ic").is_in(cached["ic"].to_list(), nulls_equal=True) & pl.col("has_result")
    there = lake.read("loops", LOOP, elsewhere & alike)
    ran = pl.concat([there, loops.filter(alike).select(LOOP)]).filter(
        ~pl.col("cached").eq_missing(True)
    )
    owners = pl.col("workspace_id").is_in([*ran["workspace_id"], *cached["workspace_id"]])
    factors = pl.concat(
        [lake.read("factors", FACTOR, elsewhere & owners), frames["factors"].select(FACTOR)]
    ).drop_nulls()
    tasks: dict[str, set[tuple[str, str]]] = {}
    for workspace_id, *task in factors.rows():
        tasks.setdefault(workspace_id, set()).add((task[0], task[1]))
    found: dict[Any, str] = {}
    earliest_last = ran.sort("created_at", "workspace_id", descending=True, nulls_last=False)
    for row in earliest_last.iter_rows(named=True):
        found[_result(row, tasks)] = row["workspace_id"]
    of = {row["workspace_id"]: found.get(_result(row, tasks)) for row in cached.to_dicts()}
    known = {key: value for key, value in of.items() if value}
    return loops.with_columns(
        result_workspace_id=pl.col("workspace_id").replace_strict(
            known, default=None, return_dtype=pl.String
        )
    )


def _result(row: Mapping[str, Any], tasks: Mapping[str, set[tuple[str, str]]]) -> Any:
    """What two loops share when one was taken from the other."""
    metrics = tuple(sorted(dict(row["metrics"] or {}).items()))
    return row["role"], repr(metrics), frozenset(tasks.get(row["workspace_id"], ()))
