"""Published lakes: one to read, shared by all tests; copies of it to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.catalog.published import IDS, NEW, Published, copied


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Three experiments, a folder without a loop and a broken one, published as version 1."""
    root = tmp_path_factory.mktemp("template")
    workspaces = root / "workspaces"
    make_workspace(workspaces, IDS[0], level=0.001)
    make_workspace(workspaces, IDS[1], level=0.002, factors=("MOM_5D",))
    make_workspace(workspaces, IDS[2], action="model", level=-0.001, factors=None)
    (workspaces / IDS[2] / "ret.parquet").write_bytes(b"torn")
    (workspaces / "sub").mkdir()
    (workspaces / "sub" / "factor.py").write_text("pass\n", encoding="utf-8")
    made = Published(init_store(root / "lake"), workspaces)
    made.ingest()
    assert made.publish() == 1
    return made


@pytest.fixture(scope="session")
def template_of_two(template: Published, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The same with a fourth experiment, published as version 2."""
    made = copied(template, tmp_path_factory.mktemp("two"))
    made.add(NEW)
    assert made.publish() == 2
    return made


@pytest.fixture
def published(template: Published, tmp_path: Path) -> Published:
    """A copy of the lake with one version, for the test to change."""
    return copied(template, tmp_path)


@pytest.fixture
def two_versions(template_of_two: Published, tmp_path: Path) -> Published:
    """A copy of the lake with two versions, for the test to change."""
    return copied(template_of_two, tmp_path)
