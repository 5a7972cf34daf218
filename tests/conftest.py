"""A real lake and real workspaces in tmp_path; no test sees the machine's settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from rdlake.exports.charts import stored
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace

if TYPE_CHECKING:
    from rdlake.exports.charts.canvas import Canvas


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what guards data as slow too, so that `-m "not slow"` leaves it out."""
    for item in items:
        if item.get_closest_marker("guards"):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands run in an empty folder, without RDLAKE_* of the machine."""
    for name in [name for name in os.environ if name.startswith(("RDLAKE_", "RD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True, scope="session")
def remembered_charts() -> Iterator[None]:
    """Draw the charts of equal days once: they cost more than the rest of an ingest."""
    draw, drawn = stored.curve_pictures, dict[tuple[bytes, str | None, str], bytes]()

    def curve_pictures(
        canvas: Canvas, days: pl.DataFrame, title: str | None = None
    ) -> Iterator[tuple[str, Callable[[], bytes]]]:
        rows = days.write_ipc(None).getvalue()

        def picture(name: str, drawing: Callable[[], bytes]) -> bytes:
            key = (rows, title, name)
            if key not in drawn:
                drawn[key] = drawing()
            return drawn[key]

        for name, drawing in draw(canvas, days, title):
            yield name, partial(picture, name, drawing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "curve_pictures", curve_pictures)
        yield


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return init_store(tmp_path / "lake")


@pytest.fixture
def workspaces(tmp_path: Path) -> Path:
    """A folder of three experiments: two of factors, one of a model."""
    root = tmp_path / "workspaces"
    make_workspace(root, "a" * 32, level=0.001)
    make_workspace(root, "b" * 32, level=0.002, factors=("MOM_5D",))
    make_workspace(root, "c" * 32, action="model", level=-0.001, factors=None)
    return root
