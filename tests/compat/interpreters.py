"""The Pythons that `make test-compat` builds, one for each DuckDB, and what their reader says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.places import REPOSITORY

NOT_BUILT = "needs the other DuckDB versions: make test-compat"
READER = Path(__file__).with_name("read.py")
TIMEOUT_SECONDS = 300

BUILT: dict[str, Path] = {
    stamp.parent.name: stamp.parent / "bin" / "python"
    for stamp in sorted((REPOSITORY / ".venv-compat").glob("*/.installed"))
}
"""DuckDB version -> the interpreter that has it."""


def wanted() -> set[str]:
    """The versions that the Makefile names."""
    lines = (REPOSITORY / "Makefile").read_text(encoding="utf-8").splitlines()
    (named,) = [line for line in lines if line.startswith("DUCKDBS :=")]
    return set(named.partition(":=")[2].split())


def ask(python: Path | str, *arguments: object) -> Any:
    """What the reader prints under that interpreter; AssertionError with its last words."""
    done = subprocess.run(
        [str(python), "-I", str(READER), *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def delta_extensions() -> dict[str, Path]:
    """DuckDB version -> the delta extension that was installed beside it as a package."""
    pattern = "lib/python*/site-packages/duckdb_extension_delta/extensions/*/*.duckdb_extension"
    found = {version: list(python.parents[1].glob(pattern)) for version, python in BUILT.items()}
    return {version: paths[0] for version, paths in found.items() if paths}
