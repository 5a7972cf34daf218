"""A fork of RD-Agent: its registry and JSON files to a published catalog, and its own hand."""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path

import rdlake
from bench.figures import Figure, seconds
from rdlake.catalog.publish import publish
from rdlake.demo import DemoReport, write_demo
from rdlake.ingest.pipeline import ingest
from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store

BY_HAND = 12
RUN = "f" * 32


def of_a_fork(folder: Path, count: int) -> list[Figure]:
    """From folders and a registry to a catalog; again, unchanged; then loops one by one."""
    demo = write_demo(folder / "fork", experiments=count, seed=1, fork=True)
    more = write_demo(folder / "more", experiments=BY_HAND, seed=2)
    lake = init_store(folder / "of a fork")
    assert demo.registry
    registry = demo.registry

    def take() -> None:
        ingest(lake, [demo.workspaces], registries=[registry])
        publish(lake)

    taken = seconds(take)
    again = min(seconds(take) for _ in range(3))
    return [
        Figure(f"{count} of a fork to a catalog", taken, "s", None),
        Figure("the same again, unchanged", again, "s", 1.0),
        Figure("write_loop_artifacts", _by_hand(lake, more) * 1000, "ms", 300),
    ]


def _by_hand(lake: Lake, demo: DemoReport) -> float:
    """The median of loops that end one after the other in a lake of many."""
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
