"""Check hostile pickles: nothing runs, and each ends within two seconds and 512 MiB.

They are read in processes of their own, with a limit on memory, in an empty folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.marks import slow
from tests.places import REPOSITORY
from tests.sources.pickles.hostile import ATTACKS

SECONDS = 2.0
# One thread and one arena: others reserve memory when they start, which is not the reader's.
ENVIRONMENT = {
    "PYTHONPATH": str(REPOSITORY), "POLARS_MAX_THREADS": "1", "MALLOC_ARENA_MAX": "1",
}  # fmt: skip
GROUPS = ("call", "opcode", "record", *slow("bomb"))


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_runs_and_everything_ends(group: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sources.pickles.attacked", group],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True,
        check=False, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"{lines[-1:]}\n{done.stderr[-2000:]}"
    found = {line["name"]: line for line in lines}
    assert {name: line["fate"] for name, line in found.items()} == {
        name: hostile.fate for name, hostile in ATTACKS.items() if name.startswith(group)
    }
    late = {name: line["seconds"] for name, line in found.items() if line["seconds"] > SECONDS}
    assert not late
    assert not list(tmp_path.iterdir()), "something was run"
