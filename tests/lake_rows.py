"""Rows for the lake with valid defaults, and looks at what a commit did: `batch("a", mark="x")`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from rdlake.schema.tables import TABLES
from rdlake.store.lake import CommitReport, Lake

DAYS = 3


def rows(*workspace_ids: str, **values: object) -> pl.DataFrame:
    """One row a workspace, with the same values in each."""
    same = {name: [value] * len(workspace_ids) for name, value in values.items()}
    return pl.DataFrame({"workspace_id": list(workspace_ids), **same})


def curve(*workspace_ids: str, nav: float) -> pl.DataFrame:
    """A few days of each workspace."""
    start = date(2020, 1, 1)
    days = [
        {"workspace_id": each, "date": start + timedelta(day), "nav": nav + day}
        for each in workspace_ids
        for day in range(DAYS)
    ]
    return pl.DataFrame(days)


def batch(*workspace_ids: str, mark: int = 0) -> dict[str, pl.DataFrame]:
    """Rows of several tables that all tell the same mark."""
    return {
        "feedback": rows(*workspace_ids, hypothesis=str(mark)),
        "equity_curves": curve(*workspace_ids, nav=float(mark)),
        "loops": rows(*workspace_ids, task_run_id="run", loop_id=0, status=str(mark)),
        "ingests": rows(*workspace_ids, batch_id=str(mark), status="ok"),
    }


def nothing() -> dict[str, pl.DataFrame]:
    """No row in any table that belongs to workspaces."""
    owned = [each for each in TABLES if each.owner == "workspace_id" and not each.operation]
    return {each.name: rows() for each in owned}


def commit(lake: Lake, *workspace_ids: str, mark: int = 0) -> CommitReport:
    """Commit such a batch."""
    return lake.commit(batch(*workspace_ids, mark=mark), owners(*workspace_ids))


def owners(*workspace_ids: str) -> Mapping[str, Collection[str]]:
    return {"workspace_id": workspace_ids}


def marks(lake: Lake) -> dict[str, dict[str, str]]:
    """What each table that is replaced tells of each workspace; a doubled row fails."""
    found = {}
    for name, column in (("feedback", "hypothesis"), ("loops", "status")):
        pairs = lake.read(name, ["workspace_id", column]).rows()
        assert len(dict(pairs)) == len(pairs)
        found[name] = dict(sorted(pairs))
    firsts = lake.read("equity_curves").group_by("workspace_id").agg(pl.len(), pl.col("nav").min())
    assert set(firsts["len"]) <= {DAYS}
    found["equity_curves"] = {
        key: str(int(nav)) for key, nav in sorted(firsts.select("workspace_id", "nav").rows())
    }
    return found


def versions(lake: Lake) -> dict[str, int | None]:
    """The newest version of every table."""
    return {entry.name: lake.snapshot(entry.name).version for entry in TABLES}


def listing(folder: Path) -> dict[str, str]:
    """Every file below a folder with the digest of its content."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
