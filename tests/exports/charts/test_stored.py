"""Test the charts of a lake: made of its rows, drawn once for equal days, and gone with their
days."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

import rdlake
from rdlake.catalog.publish import publish
from rdlake.exports.charts.stored import draw_charts
from rdlake.library import Library
from rdlake.store.blobs import read_content, stored_digests
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.ingesting import ingest
from tests.lake_rows import versions

A, B, C = ("a" * 32, "b" * 32, "c" * 32)
NAMES = ["dd_curve.png", "ret_curve.png"]


def charts(lake: Lake) -> dict[tuple[str, str], str]:
    rows = lake.read("charts", ["workspace_id", "path", "sha256"]).rows()
    assert len({row[:2] for row in rows}) == len(rows)
    return {(workspace, path): digest for workspace, path, digest in rows}


def listed(lake: Lake) -> Sequence[tuple[object, ...]]:
    publish(lake)
    with rdlake.connect(lake.root) as reader:
        query = """
            SELECT workspace_id, path, kind, artifact_type, kept, role FROM artifact_list
            WHERE path LIKE '%.png' ORDER BY ALL
        """
        return reader.execute(query).fetchall()


@pytest.fixture
def drawn(lake: Lake, workspaces: Path) -> Lake:
    ingest(lake, [workspaces])
    assert draw_charts(lake) == 3
    return lake


@pytest.mark.slow
def test_each_curve_has_two_pictures_in_the_lake(drawn: Lake) -> None:
    found = charts(drawn)
    assert sorted(found) == [(each, name) for each in (A, B, C) for name in NAMES]
    for digest in found.values():
        picture = Image.open(BytesIO(b"".join(read_content(drawn, digest))))
        assert picture.size == (720, 360)
    assert listed(drawn) == [
        (each, name, "made", "backtest_curve_image", True, "experiment")
        for each in (A, B, C)
        for name in NAMES
    ]


def test_what_is_drawn_is_not_drawn_again(drawn: Lake, workspaces: Path) -> None:
    before = versions(drawn)
    assert ingest(drawn, [workspaces]).unchanged == 3
    assert draw_charts(drawn) == 0
    assert versions(drawn) == before


def test_equal_curves_share_their_pictures(drawn: Lake, tmp_path: Path) -> None:
    make_workspace(tmp_path / "more", "d" * 32, level=0.001)
    ingest(drawn, [tmp_path / "more"])
    rows = drawn.snapshot("blobs").rows
    assert draw_charts(drawn) == 1
    found = charts(drawn)
    assert [found["d" * 32, name] for name in NAMES] == [found[A, name] for name in NAMES]
    assert drawn.snapshot("blobs").rows == rows


def test_a_workspace_that_changed_beside_its_curve_keeps_its_pictures(
    drawn: Lake, workspaces: Path
) -> None:
    before, there = charts(drawn), stored_digests(drawn)
    (workspaces / A / "notes.txt").write_text("x", encoding="utf-8")
    ingest(drawn, [workspaces])
    assert draw_charts(drawn, draw=False) == 1
    assert charts(drawn) == before
    assert stored_digests(drawn) == there
    assert draw_charts(drawn) == 0


@pytest.mark.slow
@pytest.mark.parametrize("draw", [True, False])
def test_pictures_of_days_that_are_gone_are_never_shown(
    drawn: Lake, workspaces: Path, tmp_path: Path, draw: bool
) -> None:
    before = charts(drawn)
    other = make_workspace(tmp_path / "other", A, level=0.02)
    (other / "ret.parquet").replace(workspaces / A / "ret.parquet")
    (workspaces / B / "ret.parquet").unlink()
    ingest(drawn, [workspaces])
    assert {row[0] for row in listed(drawn)} == {C}
    assert draw_charts(drawn, draw=draw) == 2
    after = charts(drawn)
    assert {key for key, _ in after} == ({A, C} if draw else {C})
    assert {row[0] for row in listed(drawn)} == {key for key, _ in after}
    assert not draw or all(after[A, name] != before[A, name] for name in NAMES)


@pytest.mark.slow
def test_the_folder_s_own_picture_is_shown_in_place_of_the_made_one(
    lake: Lake, workspaces: Path
) -> None:
    (workspaces / A / "ret_curve.png").write_bytes(b"its own")
    ingest(lake, [workspaces])
    draw_charts(lake)
    kinds = {(row[0], row[1]): row[2] for row in listed(lake)}
    assert (kinds[A, "ret_curve.png"], kinds[A, "dd_curve.png"]) == ("file", "made")


def test_a_picture_whose_content_is_lost_is_drawn_again(drawn: Lake) -> None:
    digest = charts(drawn)[A, "ret_curve.png"]
    drawn.commit({"blobs": pl.DataFrame(schema={"sha256": pl.String})}, {"sha256": [digest]})
    assert digest not in stored_digests(drawn)
    assert draw_charts(drawn) == 1
    assert digest in stored_digests(drawn)


@pytest.mark.slow
def test_a_stopped_drawing_is_completed_by_the_next(
    lake: Lake, workspaces: Path, tmp_path: Path
) -> None:
    ingest(lake, [workspaces])
    code = """
        import os, sys, rdlake
        from rdlake.exports.charts.stored import draw_charts
        from rdlake.store.lake import Lake
        Lake.commit = lambda *arguments: os._exit(9)
        draw_charts(rdlake.open_lake(sys.argv[1]).lake)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(lake.root)]
    assert subprocess.run(command, check=False).returncode == 9
    there = stored_digests(lake)
    assert charts(lake) == {}
    assert draw_charts(lake) == 3
    assert stored_digests(lake) == there
    assert set(charts(lake).values()) <= there


@pytest.mark.guards
def test_two_that_draw_at_once_double_nothing(lake: Lake, workspaces: Path) -> None:
    ingest(lake, [workspaces])
    code = "import sys, rdlake; from rdlake.exports.charts.stored import draw_charts\n"
    code += "draw_charts(rdlake.open_lake(sys.argv[1]).lake)"
    command = [sys.executable, "-c", code, str(lake.root)]
    both = [subprocess.Popen(command, env=os.environ.copy()) for _ in range(2)]
    assert [each.wait(60) for each in both] == [0, 0]
    assert len(charts(lake)) == 6
    rows = lake.read("blobs", ["sha256", "chunk"]).rows()
    assert len(set(rows)) == len(rows)


def test_the_library_draws_unless_told_not_to(tmp_path: Path, workspaces: Path) -> None:
    library = init_store(tmp_path / "library")
    Library(library).ingest(workspaces, charts=False)
    assert charts(library) == {}
    assert Library(library).ingest(workspaces).counts == {"unchanged": 3}
    assert len(charts(library)) == 6


@pytest.mark.slow
def test_nothing_to_draw_loads_no_matplotlib(drawn: Lake) -> None:
    code = "import sys, rdlake; from rdlake.exports.charts.stored import draw_charts\n"
    code += (
        "draw_charts(rdlake.open_lake(sys.argv[1]).lake); assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(drawn.root)], check=True)
