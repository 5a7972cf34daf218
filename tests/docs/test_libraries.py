"""docs/libraries.md does what it says: every block is run, in order, where RD-Agent was run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rdlake.sources.backtest.prices import PRICES
from tests.builders import make_workspace
from tests.exports.libraries.builders import code_of, pandas_prices, write_factors
from tests.exports.libraries.test_runner import closes_in
from tests.exports.libraries.test_verify import OWN, momentum
from tests.places import DOCS

pytest.importorskip("tables")

PAGE = DOCS / "libraries.md"
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.M)


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path) -> None:
    if why := closes_in(tmp_path):
        pytest.skip(why)
    folder = make_workspace(tmp_path / "git_ignore_folder/RD-Agent_workspace", OWN, factors=None)
    momentum().write_parquet(folder / "combined_factors_df.parquet")
    pandas_prices(tmp_path / "git_ignore_folder" / PRICES)
    write_factors(tmp_path / "log", {"M": code_of("M")})
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    places = os.pathsep.join(["rd-factors-lib", os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": places, "PYTHONUTF8": "1"}
    said = []
    for language, block in BLOCKS:
        shell = ["/bin/bash", "-euo", "pipefail", "-c", block]
        done = subprocess.run(
            shell if language == "sh" else [sys.executable, "-c", block],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        said.append(done.stdout)
    written, used, proven, exported = said
    assert "written" in written and used == "M 1 90\n"
    assert "equal" in proven and "M.py" in exported
    assert (tmp_path / "base/M.py").read_text() == code_of("M")
    assert json.loads((tmp_path / "base/.rdlake.json").read_text())["files"].keys() == {"M.py"}
