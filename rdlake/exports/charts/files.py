"""Draw an experiment or a factor into PNG files, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import polars as pl

from rdlake.errors import BadInput, StorageFailed
from rdlake.exports.charts.stored import curve_pictures, open_canvas, read_curves
from rdlake.store.lake import Lake
from rdlake.store.lookup import find_workspace

Pictures = Mapping[str, bytes]
WINDOWS = ("test", "all", "valid", "train")
"""Which window of a factor is drawn: the first of these that has days."""


def plot(lake: Lake, name: str, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Draw an experiment's net value and drawdown, or a factor's IC and fifths, into a folder.

    Return the files. Raise BadInput when nothing has that name, when there is nothing to draw, and
    when a file exists already and may not be replaced.
    """
    rows = lake.read("factor_perf", where=pl.col("factor_name") == name)
    if rows.is_empty():
        drawn = _draw_experiment(lake, find_workspace(lake, name))
    else:
        drawn = _draw_factor(lake, name, rows)
    return _write({folder / each: content for each, content in drawn.items()}, overwrite)


def _draw_experiment(lake: Lake, workspace_id: str) -> Pictures:
    curves = list(read_curves(lake, [workspace_id]))
    if not curves:
        raise BadInput(
            "this experiment has no curve",
            where=workspace_id,
            fix='rdlake sql "SELECT workspace_id FROM loop_catalog WHERE has_curve" lists those '
            "that have one",
        )
    with open_canvas() as canvas:
        return {
            name: picture() for name, picture in curve_pictures(canvas, curves[0][2], workspace_id)
        }


def _draw_factor(lake: Lake, name: str, rows: pl.DataFrame) -> Pictures:
    """Draw the factor in the newest experiment that has an IC of it."""
    from rdlake.exports.charts.factors import (
        plot_cumulative_ic,
        plot_ic_histogram,
        plot_quintiles,
    )

    created = lake.read("loops", ["workspace_id", "created_at"])
    order = pl.col("window").replace_strict(
        {window: place for place, window in enumerate(WINDOWS)}, default=len(WINDOWS)
    )
    known = rows.filter(pl.col("ic_days") > 0).join(created, on="workspace_id", how="left")
    if known.is_empty():
        raise BadInput(
            "this factor has no IC on any day",
            where=name,
            fix="rdlake ingests says why; prices may be missing: rdlake ingest --prices",
        )
    newest = known.sort(
        "created_at", "workspace_id", order, descending=[True, True, False], nulls_last=True
    )
    row = newest.row(0, named=True)
    of_it = (pl.col("series_id") == row["series_id"]) & pl.col("date").is_between(
        row["start_date"], row["end_date"]
    )
    days = lake.read("factor_ic", where=of_it).sort("date")
    title = f"{name}, {row['window']}: {row['start_date']} to {row['end_date']}"
    plots = {
        "cumulative_ic.png": partial(plot_cumulative_ic, days),
        "ic_histogram.png": partial(plot_ic_histogram, days),
        "quintiles.png": partial(plot_quintiles, newest.head(1)),
    }
    with open_canvas() as canvas:
        return {each: canvas.picture(draw, title) for each, draw in plots.items()}


def _write(drawn: Mapping[Path, bytes], overwrite: bool) -> list[Path]:
    existing = [path for path in drawn if path.exists() or path.is_symlink()]
    if existing and not overwrite:
        raise BadInput(
            "a file of that name is there", where=existing[0], fix="give --force, or another -o DIR"
        )
    for path, content in drawn.items():
        try:
            if overwrite:
                path.unlink(missing_ok=True)
            with path.open("xb") as file:
                file.write(content)
        except OSError as error:
            raise StorageFailed.cannot_write(path, error, "the picture") from error
    return list(drawn)
