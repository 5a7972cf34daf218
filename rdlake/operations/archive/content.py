"""Compare the files of workspaces with the content that the lake keeps."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from rdlake.ingest.content import is_worth_keeping
from rdlake.operations.archive.frozen_lake import FrozenLake


def kept_content(frozen: FrozenLake, workspace_ids: Collection[str]) -> pl.DataFrame:
    """Return workspace_id and sha256 of each file and chart whose content the lake has."""
    mine = pl.col("workspace_id").is_in(list(workspace_ids)) & pl.col("sha256").is_not_null()
    found = [
        frozen.read(name, ["workspace_id", "sha256"], mine).unique()
        for name in ("artifacts", "charts")
    ]
    there = frozen.read("blobs", ["sha256"]).unique()
    return pl.concat(found).unique().join(there, on="sha256", how="semi")


def missing_content(
    frozen: FrozenLake, workspace_ids: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Return by workspace the files worth keeping whose content the lake does not have."""
    columns = ["workspace_id", "path", "artifact_type", "size", "sha256"]
    mine = pl.col("workspace_id").is_in(list(workspace_ids)) & (pl.col("kind") == "file")
    there = frozen.read("blobs", ["sha256"]).unique()
    files = frozen.read("artifacts", columns, mine).join(there, on="sha256", how="anti")
    found: dict[str, list[str]] = {}
    for workspace_id, path, word, size, _ in files.sort("workspace_id", "path").rows():
        if is_worth_keeping("essential", path, word, size):
            found.setdefault(workspace_id, []).append(path)
    return {key: tuple(paths) for key, paths in found.items()}


def count_files(
    frozen: FrozenLake, workspace_ids: Collection[str]
) -> dict[str, tuple[int, int, int]]:
    """Return by workspace the files with kept content, their bytes, and the files without it."""
    mine = pl.col("workspace_id").is_in(list(workspace_ids)) & (pl.col("kind") == "file")
    files = frozen.read("artifacts", ["workspace_id", "size", "sha256"], mine)
    there = frozen.read("blobs", ["sha256"]).unique().with_columns(kept=pl.lit(value=True))
    kept = pl.col("kept").fill_null(value=False)
    rows = (
        files.join(there, on="sha256", how="left")
        .group_by("workspace_id")
        .agg(
            kept.sum(), pl.col("size").filter(kept).sum().alias("bytes"), (~kept).sum().alias("not")
        )
    )
    found = {key: (int(files), int(size), int(no)) for key, files, size, no in rows.rows()}
    return {each: found.get(each, (0, 0, 0)) for each in workspace_ids}
