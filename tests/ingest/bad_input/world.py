"""A small world to damage: two logged loops, their folders, and what a lake then differs in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rdlake.ingest.pipeline import IngestReport
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.builders_traces import KEY, make_loop, workspace_id, write_run
from tests.ingesting import ingest
from tests.lake_rows import versions
from tests.sources.mlruns.build import make_recording

RUN = "run"
OWN = {number: workspace_id("own", number) for number in (0, 1)}
NAMES = {OWN[0]: "loop 0", OWN[1]: "loop 1"}
LOOPS = (make_loop(0, call_cost=0.1), make_loop(1, builds_on=(0,)))
COMPARED = ("loops", "feedback", "factors", "equity_curves", "models", "signals")
FIGURES = (
    "annual_return, annual_return_with_cost, annual_return_without_cost, ic, information_ratio, "
    "information_ratio_with_cost, information_ratio_without_cost, max_drawdown, "
    "max_drawdown_with_cost, max_drawdown_without_cost, metrics, rank_ic"
)
OF_CURVE = (
    "curve_days, curve_end, curve_start, final_nav, has_curve, mean_turnover, nav_drawdown, "
    "sharpe, win_rate"
)
ALWAYS_NEW = {"source_digest", "experiment_id"}


@dataclass(frozen=True)
class Place:
    """The folders of one world, and what reads them."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def run(self) -> Path:
        return self.logs / RUN

    @property
    def workspaces(self) -> Path:
        return self.path / "RD-Agent_workspace"

    @property
    def first(self) -> Path:
        """The folder of loop 0, which is the one that is damaged."""
        return self.workspaces / OWN[0]

    def read(self, lake: Lake, key: bytes | None = KEY) -> IngestReport:
        """Ingest whatever there is of logs and workspaces."""
        roots = [self.workspaces] if self.workspaces.is_dir() else []
        return ingest(lake, roots, [self.logs] if self.logs.is_dir() else [], signing_key=key)


def logged(path: Path) -> Place:
    """A world that consists of a log alone."""
    write_run(path / "log", *LOOPS, name=RUN)
    return Place(path)


def lying(path: Path) -> Place:
    """A world that consists of the folders of both loops, each with its recording."""
    place = Place(path)
    for number, folder in OWN.items():
        made = make_workspace(place.workspaces, folder, days=6, level=0.001 + number / 10_000)
        make_recording(made)
    return place


def both(path: Path) -> Place:
    """A world of a log and the folders that it names."""
    lying(path)
    return logged(path)


def ingested(place: Place, key: bytes | None = KEY) -> Lake:
    """A new lake that has read the world, and found nothing new in it when it read it again."""
    lake = init_store(place.path / "lake")
    place.read(lake, key)
    before = versions(lake)
    assert not place.read(lake, key).outcomes
    assert versions(lake) == before
    return lake


def report_of(lake: Lake, name: str) -> Mapping[str, Any]:
    """What the last ingest that met this run or workspace says of it."""
    rows = lake.read("ingests").sort("ingested_at").to_dicts()
    return [row for row in rows if row["workspace_id"] == name][-1]


def differences(whole: Lake, other: Lake) -> set[str]:
    """What another lake has otherwise: `loop 0 loops: ic, icir`, `- loop 0 feedback`."""
    before, after = _rows(whole), _rows(other)
    gone = {f"- {name}" for name in before.keys() - after.keys()}
    more = {f"+ {name}" for name in after.keys() - before.keys()}
    changed = {
        f"{name}: {', '.join(columns)}"
        for name in before.keys() & after.keys()
        if (columns := sorted(_changed(before[name], after[name])))
    }
    return gone | more | changed


def changed(whose: str, *columns: str) -> str:
    """The line of a row that has other columns."""
    return f"{whose}: {', '.join(sorted(', '.join(columns).split(', ')))}"


def _rows(lake: Lake) -> dict[str, dict[str, str]]:
    """Every compared row by whose it is, as text by column; of days and signals the whole list."""
    loops = lake.read("loops").to_dicts()
    names = {row["workspace_id"]: _name(row) for row in loops}
    found: dict[str, dict[str, str]] = {}
    for table in COMPARED:
        for row in lake.read(table).to_dicts():
            part = row.get("factor_name") or ""
            name = " ".join(filter(None, (names[row["workspace_id"]], table, part)))
            for column in row.keys() - ALWAYS_NEW:
                told = found.setdefault(name, {}).get(column, "")
                found[name][column] = told + repr(row[column])
    return found


def _name(row: Mapping[str, Any]) -> str:
    if row["role"] == "baseline":
        return "baseline"
    run = "" if row["task_run_id"] in (RUN, f"synthetic_{row['workspace_id']}") else "other "
    alone = NAMES.get(row["workspace_id"], f"loop {row['loop_id']}")
    return run + (alone if row["task_run_id"].startswith("synthetic") else f"loop {row['loop_id']}")


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    return (column for column in before if before[column] != after[column])
