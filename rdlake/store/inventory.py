"""List the files that the lake knows, and tell which content it keeps."""

from __future__ import annotations

import polars as pl

from rdlake.store.blobs import stored_digests
from rdlake.store.lake import Lake

COLUMNS = ["workspace_id", "path", "artifact_type", "kind", "size", "sha256"]


def list_types(lake: Lake) -> pl.DataFrame:
    """Return one row per artifact type: files, distinct contents and their bytes, kept contents and
    their bytes."""
    files = _files(lake)
    contents = files.filter(pl.col("sha256").is_not_null()).unique(["artifact_type", "sha256"])
    kept = pl.col("size").filter(pl.col("kept"))
    counted = contents.group_by("artifact_type").agg(
        contents=pl.len(),
        bytes=pl.col("size").sum(),
        kept=pl.col("kept").sum(),
        kept_bytes=kept.sum(),
    )
    return (
        files.group_by("artifact_type")
        .agg(files=pl.len())
        .join(counted, on="artifact_type", how="left", nulls_equal=True)
        .with_columns(pl.exclude("artifact_type").fill_null(0).cast(pl.Int64))
        .sort("kept_bytes", "bytes", "artifact_type", descending=[True, True, False])
    )


def list_files(lake: Lake, workspace_id: str) -> pl.DataFrame:
    """Return one row per file of a workspace, with whether the lake keeps its content."""
    return _files(lake, pl.col("workspace_id") == workspace_id).sort("path").drop("workspace_id")


def _files(lake: Lake, where: pl.Expr | None = None) -> pl.DataFrame:
    files = lake.read("artifacts", COLUMNS, where)
    charts = lake.read("charts", ["workspace_id", "path", "size", "sha256"], where)
    made = charts.join(files, on=["workspace_id", "path"], how="anti").with_columns(
        artifact_type=pl.lit("backtest_curve_image"), kind=pl.lit("made")
    )
    files = pl.concat([files, made.select(COLUMNS)])
    there = pl.col("sha256").is_in(list(stored_digests(lake)))
    return files.with_columns(kept=there.fill_null(value=False))
