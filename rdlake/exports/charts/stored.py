"""Keep the charts of a lake up to date: equal curves are drawn once, pictures are stored as
content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl

from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.blobs import CHUNK, Content, store, stored_digests
from rdlake.store.lake import Lake

if TYPE_CHECKING:
    from rdlake.exports.charts.canvas import Canvas


STYLE_VERSION = 1
"""Raise this when pictures should look different: curves are drawn again when they are next met."""
SHOWN = ("date", "nav", "bench", "drawdown")
TOGETHER = 100
"""So many experiments are drawn for one commit, so that a stop loses little."""

Progress = Callable[[int, int], None]
"""Called with the number that is done and the number of all."""
Pictures = Mapping[str, tuple[int, str]]
"""path -> size and digest."""


@dataclass(frozen=True)
class _StoredCharts:
    """Hold the charts that the lake has.

    `loops` has the digest of the evidence by workspace; `pictures` has those of each curve by its
    digest, as far as their content is kept.
    """

    loops: Mapping[str, str]
    pictures: Mapping[str, Pictures]


def draw_charts(lake: Lake, *, draw: bool = True, on_progress: Progress | None = None) -> int:
    """Bring `charts` up to date with the curves; return the number of experiments whose rows
    changed.

    Equal curves share their pictures, so a curve that is read again is not drawn again. With
    `draw=False` nothing is drawn: pictures of days that have changed are only removed.
    """
    loops = lake.read("loops", ["workspace_id", "source_digest"], pl.col("curve_days") > 0)
    current = dict(loops.rows())
    known = _known(lake)
    todo = sorted(
        {key for key in known.loops if known.loops[key] != current.get(key)}
        | {key for key in current if draw and key not in known.loops}
    )
    pictures = dict(known.pictures)
    with ExitStack() as stack:
        canvas = stack.enter_context(open_canvas()) if draw and todo else None
        for first in range(0, len(todo), TOGETHER):
            some = todo[first : first + TOGETHER]
            _commit(lake, some, pictures, canvas)
            if on_progress:
                on_progress(first + len(some), len(todo))
    return len(todo)


def _known(lake: Lake) -> _StoredCharts:
    """Read the charts; a chart whose content is gone counts as missing."""
    rows = lake.read("charts")
    there = stored_digests(lake, rows["sha256"].unique()) if rows.height else frozenset()
    lost = set(rows.filter(~pl.col("sha256").is_in(list(there)))["curve_digest"])
    loops: dict[str, str] = {}
    pictures: dict[str, dict[str, tuple[int, str]]] = {}
    for row in rows.iter_rows(named=True):
        gone = row["curve_digest"] in lost
        loops[row["workspace_id"]] = "" if gone else row["loop_digest"]
        if not gone:
            pictures.setdefault(row["curve_digest"], {})[row["path"]] = row["size"], row["sha256"]
    return _StoredCharts(loops, pictures)


def _commit(
    lake: Lake,
    workspace_ids: Sequence[str],
    pictures: dict[str, Pictures],
    canvas: Canvas | None,
) -> None:
    """Store the content of new pictures, then commit the rows of these workspaces."""
    content: dict[str, bytes] = {}
    rows: list[dict[str, object]] = []
    for workspace_id, loop_digest, days in read_curves(lake, workspace_ids):
        curve = _digest(days)
        if curve not in pictures and canvas:
            drawn = {name: picture() for name, picture in curve_pictures(canvas, days)}
            content |= {sha256(each).hexdigest(): each for each in drawn.values()}
            pictures[curve] = {
                name: (len(each), sha256(each).hexdigest()) for name, each in drawn.items()
            }
        rows += (
            {
                "workspace_id": workspace_id,
                "path": name,
                "size": size,
                "sha256": digest,
                "curve_digest": curve,
                "loop_digest": loop_digest,
            }
            for name, (size, digest) in pictures.get(curve, {}).items()
        )
    missing = content.keys() - stored_digests(lake, content) if content else set()
    lost = store(lake, (_content(digest, content[digest]) for digest in missing))
    assert not lost, lost
    lake.commit({"charts": frame_of(table("charts"), rows)}, {"workspace_id": workspace_ids})


def _content(digest: str, data: bytes) -> Content:
    pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    return Content(digest, len(data), lambda: iter(pieces))


def read_curves(
    lake: Lake, workspace_ids: Iterable[str]
) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """Yield workspace, digest of its evidence, and days of each workspace that has a curve."""
    where = pl.col("workspace_id").is_in(list(workspace_ids))
    columns = ["workspace_id", "source_digest", *SHOWN]
    days = lake.read("equity_curves", columns, where).sort("workspace_id", "date")
    for of_one in days.partition_by("workspace_id", maintain_order=True):
        yield of_one["workspace_id"][0], of_one["source_digest"][0], of_one.select(SHOWN)


def _digest(days: pl.DataFrame) -> str:
    """Return a digest of every figure that a picture shows, to the last bit."""
    exact = [pl.col(name).reinterpret(signed=True).cast(pl.String) for name in SHOWN[1:]]
    texts = days.select("date", *exact).fill_null("").write_csv(include_header=False)
    return sha256(f"{STYLE_VERSION}\n{texts}".encode()).hexdigest()


def open_canvas() -> Canvas:
    """Return a canvas; this loads matplotlib."""
    from rdlake.exports.charts.canvas import Canvas

    return Canvas()


def curve_pictures(
    canvas: Canvas, days: pl.DataFrame, title: str | None = None
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the name of each picture of a curve, and a function that draws it."""
    from rdlake.exports.charts.curves import plot_curve, plot_drawdown

    for name, plot in (("ret_curve.png", plot_curve), ("dd_curve.png", plot_drawdown)):
        yield name, partial(canvas.picture, partial(plot, days), title)
