"""Measure a fork of RD-Agent: from its registry and JSON files to a published catalog, then loop
by loop."""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path

import rdlake
from bench.figures import Figure, seconds
from rdlake.catalog.publish import publish
from rdlake.demo import DemoReport, write_demo
from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.ingesting import ingest

LOOPS = 12
RUN = "f" * 32


def measure_fork(folder: Path, count: int) -> list[Figure]:
    """Ingest folders and a registry and publish; do it again, unchanged; then write loops one by
    one."""
    demo = write_demo(folder / "fork", experiments=count, seed=1, fork=True)
    more = write_demo(folder / "more", experiments=LOOPS, seed=2)
    lake = init_store(folder / "of a fork")
    assert demo.registry
    registry = demo.registry

    def ingest_all() -> None:
        ingest(lake, [demo.workspaces], registries=[registry])
        publish(lake)

    taken = seconds(ingest_all)
    again = min(seconds(ingest_all) for _ in range(3))
    return [
        Figure(f"{count} of a fork to a catalog", taken, "s", None),
        Figure("the same again, unchanged", again, "s", 1.0),
        Figure("write_loop_artifacts", _time_loops(lake, more) * 1000, "ms", 300),
    ]


def _time_loops(lake: Lake, demo: DemoReport) -> float:
    """Return the median seconds of loops that end one after the other in a lake of many."""
    folders = [
        path for path in sorted(demo.workspaces.iterdir()) if (path / "ret.parquet").exists()
    ]

    def write(number: int) -> None:
        rdlake.write_loop_artifacts(
            Library(lake),
            task_run_row={"task_run_id": RUN, "scenario": "QuantRDLoop"},
            loop_row={"task_run_id": RUN, "loop_id": number, "status": "success"},
            workspace_path=folders[number],
            action="factor",
            has_result=True,
        )

    return statistics.median(seconds(partial(write, number)) for number in range(len(folders)))
