"""The wheel holds what an installed rdlake needs: the SQL and the bundled sample."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.places import REPOSITORY

PUBLISH = """
import rdlake
from rdlake.demo.sample import sample_workspaces

lake = rdlake.init_lake("lake")
lake.ingest(sample_workspaces(), keep="none", charts=False)
print(rdlake.__file__, lake.publish().outcome)
"""


@pytest.mark.slow
def test_an_installed_wheel_publishes_the_sample(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    done = subprocess.run(
        [sys.executable, "-c", PUBLISH],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [str(installed / "rdlake" / "__init__.py"), "published"]
    assert not (installed / "sql").exists()
