"""The baseline: what a notebook would do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def read_with_pandas(workspaces: Path) -> int:
    """Metrics and curve of each experiment, as a notebook would read them; nothing else."""
    read = 0
    for folder in sorted(workspaces.iterdir()):
        if (folder / "qlib_res.csv").exists():
            pd.read_csv(folder / "qlib_res.csv", index_col=0)
            pd.read_parquet(folder / "ret.parquet")
            read += 1
    return read
