"""Measure what it costs to keep content and to draw: ingest with and without, and one pair of
charts."""

from __future__ import annotations

import resource
import sys
from functools import partial
from pathlib import Path

import polars as pl

from bench.figures import Figure, seconds
from rdlake.catalog.publish import publish
from rdlake.exports.charts.stored import draw_charts
from rdlake.ingest.content import Keep
from rdlake.store.opening import init_store, open_store
from tests.ingesting import ingest

PAIRS = 25
PAIR_MS, MOST_MIB = 100, 1024
ROUNDS = 2
DAYS = ("date", "nav", "bench", "drawdown")


def measure_keeping(folder: Path, workspaces: Path) -> list[Figure]:
    """Ingest the same folders with nothing, the essential and everything kept, in turn.

    Then draw their curves and publish the whole.
    """
    taken: dict[Keep, list[float]] = {"none": [], "essential": [], "all": []}
    for turn in range(ROUNDS):
        for keep, times in taken.items():
            lake = init_store(folder / f"keeping {keep} {turn}")
            times.append(seconds(partial(ingest, lake, [workspaces], keep=keep)))
    best = {keep: min(times) for keep, times in taken.items()}
    lake = open_store(folder / "keeping essential 0")
    again = min(seconds(lambda: ingest(lake, [workspaces])) for _ in range(3))
    drawing = seconds(lambda: draw_charts(lake))
    pairs = lake.read("charts")["curve_digest"].n_unique()
    idle = seconds(lambda: draw_charts(lake))
    published = seconds(lambda: publish(lake))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"ingest {best}, {pairs} pairs drawn in {drawing:.1f} s", file=sys.stderr)
    return [
        Figure(
            "ingest keeping the essential / nothing", best["essential"] / best["none"], "×", None
        ),
        Figure("ingest keeping all / nothing", best["all"] / best["none"], "×", None),
        Figure("unchanged ingest, essential kept", again, "s", 1.0),
        Figure("one pair of charts", _time_pair(lake.root) * 1000, "ms", PAIR_MS),
        Figure("one pair in a whole drawing", drawing / pairs * 1000, "ms", None),
        Figure("nothing to draw", idle, "s", None),
        Figure("publish with content and charts", published, "s", None),
        Figure("memory at most", most, "MiB", MOST_MIB),
    ]


def _time_pair(root: Path) -> float:
    """Return the best time to draw net value and drawdown of one curve. The best, because other
    programs run too."""
    from rdlake.exports.charts.canvas import Canvas
    from rdlake.exports.charts.curves import plot_curve, plot_drawdown

    days = open_store(root).read("equity_curves", ["workspace_id", *DAYS])
    one = days.filter(pl.col("workspace_id") == days["workspace_id"][0]).sort("date")
    with Canvas() as canvas:

        def draw() -> None:
            canvas.picture(lambda ax: plot_curve(one, ax))
            canvas.picture(lambda ax: plot_drawdown(one, ax))

        draw()
        return min(seconds(draw) for _ in range(PAIRS))
