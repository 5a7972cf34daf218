"""Test that charts draw what the rows say, and that equal rows give equal bytes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from rdlake.exports.charts.canvas import CHINESE, Canvas
from rdlake.exports.charts.curves import plot_curve, plot_drawdown
from rdlake.exports.charts.factors import (
    plot_cumulative_ic,
    plot_ic_histogram,
    plot_quintiles,
)
from tests.exports.charts.frames import START, curve, factor_days

PLOTS: dict[str, tuple[Callable[[pl.DataFrame, Axes], Axes], Callable[[int], pl.DataFrame]]] = {
    "curve": (plot_curve, curve),
    "drawdown": (plot_drawdown, curve),
    "cumulative IC": (plot_cumulative_ic, factor_days),
    "IC histogram": (plot_ic_histogram, factor_days),
}
each_plot = pytest.mark.parametrize("name", PLOTS)


@pytest.fixture(scope="module")
def canvas() -> Iterator[Canvas]:
    with Canvas() as canvas:
        yield canvas


def axes() -> Axes:
    return Figure().add_subplot()


def lines(ax: Axes) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    return {str(each.get_label()): np.asarray(each.get_ydata(), float) for each in ax.lines}


def test_the_curve_is_net_value_and_the_benchmark_compounded() -> None:
    frame = curve(30)
    drawn = lines(plot_curve(frame, axes()))
    assert drawn["net value, after cost"].tolist() == frame["nav"].to_list()
    value, expected = 1.0, []
    for each in frame["bench"]:
        value *= 1 + each
        expected.append(value)
    assert drawn["benchmark"].tolist() == pytest.approx(expected)


def test_without_a_benchmark_none_is_drawn() -> None:
    assert "benchmark" not in lines(plot_curve(curve(30, bench=None), axes()))


def test_days_without_a_figure_are_gaps() -> None:
    frame = curve(5).with_columns(nav=pl.when(pl.col("date") != START).then("nav"))
    drawn = lines(plot_curve(frame, axes()))["net value, after cost"]
    assert np.isnan(drawn).tolist() == [True, False, False, False, False]


def test_the_drawdown_is_in_per_cent() -> None:
    frame = curve(30)
    drawn = lines(plot_drawdown(frame, axes()))["drawdown of net value, %"]
    assert drawn.tolist() == [each * 100 for each in frame["drawdown"]]


def test_ics_are_summed_over_the_days_that_have_one() -> None:
    frame = factor_days(20)
    drawn = lines(plot_cumulative_ic(frame, axes()))
    assert drawn["IC, summed"][-1] == pytest.approx(sum(each or 0 for each in frame["ic"]))
    assert drawn["rank IC, summed"][-1] == pytest.approx(sum(frame["rank_ic"]))


def test_the_histogram_counts_every_day_that_has_an_ic() -> None:
    frame = factor_days(50)
    ax = plot_ic_histogram(frame, axes())
    bars = [each for each in ax.patches if isinstance(each, Rectangle)]
    assert sum(bar.get_height() for bar in bars) == 40
    there = frame["ic"].drop_nulls()
    assert f"mean {sum(there) / len(there):.4f}" in lines(ax)


def test_the_axis_names_days_that_are_there() -> None:
    ax = plot_curve(curve(300), axes())
    named = [each.get_text() for each in ax.get_xticklabels()]
    days = [str(each) for each in curve(300)["date"]]
    assert (named[0], named[-1]) == (days[0], days[-1])
    assert set(named) <= set(days)


@each_plot
@pytest.mark.parametrize("days", [0, 1, 2, 700])
def test_any_number_of_days_can_be_drawn(canvas: Canvas, name: str, days: int) -> None:
    plot, frame = PLOTS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = Image.open(BytesIO(canvas.picture(lambda ax: plot(frame(days), ax))))
    assert (picture.format, picture.size) == ("PNG", (720, 360))


@pytest.mark.slow
@each_plot
def test_equal_rows_give_equal_bytes_whatever_came_before(canvas: Canvas, name: str) -> None:
    plot, frame = PLOTS[name]
    first = canvas.picture(lambda ax: plot(frame(60), ax))
    canvas.picture(lambda ax: plot_drawdown(curve(9), ax), "动量")
    assert canvas.picture(lambda ax: plot(frame(60), ax)) == first
    with Canvas() as other:
        assert other.picture(lambda ax: plot(frame(60), ax)) == first
    assert canvas.picture(lambda ax: plot(frame(62), ax)) != first


def test_the_bytes_tell_no_program_and_no_time_and_white_is_white(canvas: Canvas) -> None:
    content = canvas.picture(lambda ax: plot_curve(curve(60), ax))
    picture = Image.open(BytesIO(content))
    assert not picture.info.keys() & {"Software", "Creation Time", "date"}
    assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.slow
def test_another_process_with_a_style_of_its_own_gives_the_same_bytes(canvas: Canvas) -> None:
    code = """
        import sys
        import matplotlib as mpl
        mpl.rcParams.update({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"})
        from rdlake.exports.charts.canvas import Canvas
        from rdlake.exports.charts.curves import plot_curve
        from tests.exports.charts.frames import curve
        with Canvas() as canvas:
            sys.stdout.buffer.write(canvas.picture(lambda ax: plot_curve(curve(60), ax)))
        assert mpl.rcParams["font.size"] == 30
        assert "matplotlib.pyplot" not in sys.modules
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == canvas.picture(lambda ax: plot_curve(curve(60), ax))
    assert done.stderr == b""


def test_chinese_in_a_title_is_drawn_without_a_warning(canvas: Canvas) -> None:
    def drawn(title: str) -> bytes:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            picture = canvas.picture(lambda ax: plot_curve(curve(5), ax), title)
        assert not seen
        return picture

    first, second = drawn("动量_10日"), drawn("反转_10日")
    known = {font.name for font in font_manager.fontManager.ttflist}
    if any(CHINESE.search(name) for name in known):
        assert first != second
        assert mpl.rcParams["font.family"][1:]
    assert drawn("$\\bad{") != first


def test_fifths_are_bars_in_basis_points() -> None:
    ax = Figure().add_subplot()
    means = [-0.001, 0.0, 0.0005, 0.001, 0.002]
    frame = pl.DataFrame({"fifths": [None, means]}, schema={"fifths": pl.List(pl.Float64)})
    plot_quintiles(frame, ax)
    heights = [bar.get_height() for bar in ax.patches]  # type: ignore[attr-defined]
    assert heights == pytest.approx([10_000 * each for each in means])


def test_fifths_that_are_not_known_are_no_bars() -> None:
    ax = Figure().add_subplot()
    frame = pl.DataFrame({"fifths": [None]}, schema={"fifths": pl.List(pl.Float64)})
    assert not plot_quintiles(frame, ax).patches
