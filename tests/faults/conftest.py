"""One stage for all tests of a process: a library, four lakes, a process that runs commands."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest

from tests.faults.harness import Runner, compiled
from tests.faults.stage import Stage, prepared_lakes


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if sys.platform != "linux":
        pytest.skip("calls are counted with LD_PRELOAD, which only Linux has")
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler `cc` for the library that counts calls")
    folder = tmp_path_factory.mktemp("faults")
    workspaces = folder / "workspaces"
    lakes = prepared_lakes(folder, workspaces)
    with Runner(compiled(folder), workspaces, folder) as runner:
        yield Stage(runner, lakes, folder)
