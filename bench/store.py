"""Measure the store as it grows: one durable commit, one publication, maintenance."""

from __future__ import annotations

import statistics
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from bench.figures import Figure, seconds
from rdlake.catalog.publish import publish
from rdlake.catalog.version import newest
from rdlake.operations.maintain import maintain
from rdlake.schema.frames import cast
from rdlake.schema.tables import table
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store

TABLE = table("equity_curves")
SAMPLES = 25
FEW, MANY = 300, 3000
APPEND_MS, REPLACE_MS, PUBLISH_S = 12, 20, 0.5


def measure_growth(folder: Path) -> list[Figure]:
    """Return the median time of appending and of replacing one curve, each a commit on disk.

    It is measured after few commits and after many, before and after maintenance.
    """
    lake = init_store(folder / "growing")
    for number in range(FEW):
        time_commit(lake, number, 1.0)
    figures = time_commits(lake, FEW, f"at {FEW}", kept=True)
    for number in range(FEW + SAMPLES, MANY):
        time_commit(lake, number, 1.0)
    figures += time_commits(lake, MANY, f"at {MANY}", kept=False)
    figures += [
        Figure("compaction", seconds(lambda: lake.compact(TABLE.name)), "s", None),
        Figure("upkeep", seconds(lambda: maintain(lake, older_than_hours=0)), "s", 60),
    ]
    return figures + time_commits(lake, MANY + SAMPLES, f"at {MANY}, upkeep done", kept=True)


def time_commits(lake: Lake, done: int, when: str, *, kept: bool) -> list[Figure]:
    """Time some more commits: new curves, these again, and the oldest, which maintenance has
    moved into the largest file. With `kept` the goals must be met."""
    appends = [time_commit(lake, number, 1.0) for number in range(done, done + SAMPLES)]
    replaced = [time_commit(lake, number, 2.0) for number in range(done, done + SAMPLES)]
    oldest = [time_commit(lake, number, 2.0 + done) for number in range(SAMPLES)]
    return [
        Figure(
            f"append {when}", statistics.median(appends) * 1000, "ms", APPEND_MS if kept else None
        ),
        Figure(
            f"replace {when}",
            statistics.median(replaced) * 1000,
            "ms",
            REPLACE_MS if kept else None,
        ),
        Figure(f"the oldest, {when}", statistics.median(oldest) * 1000, "ms", None),
    ]


def time_commit(lake: Lake, number: int, nav: float) -> float:
    """Return how long one durable commit of one curve takes."""
    owner = f"{number * 2654435761 % 2**32:08x}" * 4
    days = [date(2020, 1, 1) + timedelta(day) for day in range(240)]
    frame = pl.DataFrame({"date": days}).with_columns(
        pl.lit(owner).alias("workspace_id"),
        pl.lit(nav).alias("nav"),
        pl.lit("digest").alias("source_digest"),
    )
    rows = cast(TABLE, frame)
    return seconds(lambda: lake._commit_table(TABLE, rows, [owner]))


def measure_publication(lake: Lake) -> list[Figure]:
    """Time one publication with many versions before it, which pin what the newest pins."""
    last = newest(lake)
    while last.catalog_version < FEW:
        last = replace(
            last,
            catalog_version=last.catalog_version + 1,
            published_at=last.published_at + timedelta(microseconds=1),
            previous_digest=last.digest,
        ).with_digest()
        at = lake.snapshot("catalogs").version
        assert at is not None
        assert lake.append_at("catalogs", last.frame(), at)
    times = [seconds(lambda: publish(lake, repin=True)) for _ in range(5)]
    return [Figure(f"publish, {FEW} versions", statistics.median(times), "s", PUBLISH_S)]
