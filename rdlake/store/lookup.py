"""Find an experiment by what a person calls it."""

from __future__ import annotations

import polars as pl

from rdlake.errors import BadInput
from rdlake.store.lake import Lake

SHOWN = 3


def find_workspace(lake: Lake, text: str) -> str:
    """Return the workspace with that name, or the only one whose name begins with it, or that of
    the loop `<task_run_id>/<loop_id>` (`/baseline` after it for a baseline).

    Raise BadInput when there is none, or more than one.
    """
    loops = lake.read("loops", ["workspace_id", "task_run_id", "loop_id", "role"])
    folders = lake.read("workspaces", ["workspace_id"])
    names = {*folders["workspace_id"], *loops["workspace_id"]}
    if text in names:
        return text
    ends = pl.when(pl.col("role") == "baseline").then(pl.lit("/baseline")).otherwise(pl.lit(""))
    of_loop = loops.filter(
        pl.concat_str("task_run_id", pl.lit("/"), pl.col("loop_id").cast(pl.String), ends) == text
    )
    found: list[str] = sorted(
        {*of_loop["workspace_id"]} or {each for each in names if each.startswith(text)}
    )
    if len(found) == 1:
        return found[0]
    raise BadInput(
        f"{len(found)} experiments are called so: {', '.join(found[:SHOWN])}, …"
        if found
        else "no experiment is called so",
        where=text or "an empty name",
        fix="give more of its workspace's name; "
        'rdlake sql "SELECT workspace_id, experiment_id FROM loop_catalog" lists them',
    )
