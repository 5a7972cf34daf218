"""The store as it grows: one durable commit, one publication, upkeep."""

from __future__ import annotations

import statistics
from datetime import date, timedelta
from pathlib import Path

import polars as pl

import rdlake
from bench.figures import Figure, seconds
from rdlake.lake import Lake
from rdlake.rows import cast
from rdlake.tables import table
from rdlake.upkeep import maintain

TABLE = table("equity_curves")
SAMPLES = 25


def growth(folder: Path, stages: tuple[int, ...]) -> list[Figure]:
    """p50 of appending and of replacing one curve, each a commit on disk, after so many commits."""
    lake = rdlake.init_lake(folder / "growing")
    figures: list[Figure] = []
    done = 0
    for stage in stages:
        for number in range(done, stage):
            commit(lake, number, 1.0)
        done = stage + SAMPLES
        appends = [commit(lake, number, 1.0) for number in range(stage, done)]
        replaced = [commit(lake, number, 2.0 + stage) for number in range(SAMPLES)]
        figures += [
            Figure(f"append at {stage}", statistics.median(appends) * 1000, "ms", 12),
            Figure(f"replace at {stage}", statistics.median(replaced) * 1000, "ms", 20),
        ]
    figures.append(Figure("compact and clean up", seconds(lambda: maintain(lake)), "s", 60))
    return figures


def commit(lake: Lake, number: int, nav: float) -> float:
    """How long one durable commit of one curve takes."""
    owner = f"{number * 2654435761 % 2**32:08x}" * 4
    days = [date(2020, 1, 1) + timedelta(day) for day in range(240)]
    frame = pl.DataFrame({"date": days}).with_columns(
        pl.lit(owner).alias("workspace_id"),
        pl.lit(nav).alias("nav"),
        pl.lit("digest").alias("source_digest"),
    )
    rows = cast(TABLE, frame)
    return seconds(lambda: lake._commit_table(TABLE, rows, [owner]))
