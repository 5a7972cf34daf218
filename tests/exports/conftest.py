"""Provide one published lake for all exports: runs with logs, a real recording, libraries."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rdlake.demo import write_demo
from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.exports.odd import put_odd
from tests.places import REPOSITORY

RECORDINGS = REPOSITORY / "tests" / "data" / "recordings"


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Provide version 1, for reading only."""
    root = tmp_path_factory.mktemp("everything")
    demo = write_demo(root / "demo", experiments=6, seed=3, fork=True)
    lake = init_store(root / "lake")
    assert demo.registry
    key = demo.signing_key.read_bytes()
    Library(lake).ingest(
        demo.workspaces, RECORDINGS, logs=[demo.logs], registries=[demo.registry], signing_key=key
    )
    Library(lake).alphas()
    put_odd(lake)
    Library(lake).publish(allow=["results_are_finite"])
    return lake


@pytest.fixture
def own(everything: Lake, tmp_path: Path) -> Lake:
    """Provide a copy of that lake, which the test may change."""
    shutil.copytree(everything.root, tmp_path / "lake")
    return open_store(tmp_path / "lake")
