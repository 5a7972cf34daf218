"""Measure RD-Agent's logs: how fast messages are read, and an ingest of logs and workspaces
together."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.figures import Figure, seconds
from bench.notebook import read_with_pandas
from rdlake.demo import DemoReport
from rdlake.sources.traces import find_runs
from rdlake.sources.traces.messages import RunReading, list_messages, read_message, scan_run
from rdlake.store.opening import init_store
from tests.ingesting import ingest

MESSAGES = 2000


def measure_logs(folder: Path, demo: DemoReport) -> list[Figure]:
    """Measure the reader alone, then the whole ingest against pandas, which reads the workspaces
    alone."""
    return [_measure_reader(demo), *_measure_ingest(folder, demo)]


def _measure_reader(demo: DemoReport) -> Figure:
    """Find, open, verify and decode every message of interest."""
    reading = RunReading(key=demo.signing_key.read_bytes())

    def read_all() -> None:
        for run in find_runs(demo.logs).runs:
            for message in list_messages(scan_run(run.path), reading):
                read_message(reading, message)

    taken = seconds(read_all)
    assert not reading.findings, reading.findings[0]
    print(f"{len(reading.digests):,} messages read in {taken:.1f} s", file=sys.stderr)
    return Figure(
        f"reading {MESSAGES:,} messages", taken * MESSAGES / len(reading.digests), "s", 1.0
    )


def _measure_ingest(folder: Path, demo: DemoReport) -> list[Figure]:
    lake = init_store(folder / "with logs")
    key = demo.signing_key.read_bytes()

    def ingest_all() -> None:
        ingest(lake, [demo.workspaces], [demo.logs], signing_key=key)

    plain = seconds(lambda: read_with_pandas(demo.workspaces))
    taken, again = seconds(ingest_all), seconds(ingest_all)
    return [
        Figure("ingest with logs / pandas without", taken / plain, "×", None),
        Figure("unchanged ingest with logs", again, "s", None),
    ]
