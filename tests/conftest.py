"""A real lake and real workspaces in tmp_path; no test sees the machine's settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands run in an empty folder, without RDLAKE_* of the machine."""
    for name in [name for name in os.environ if name.startswith(("RDLAKE_", "RD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


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
