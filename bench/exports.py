"""Measure the JSON and Parquet exports of a large lake, each in a process of its own.

`python -m bench.exports LAKE FOLDER json|parquet` is what such a process runs. It prints seconds
and peak memory.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from bench.contract import BATCH, LOOPS, fill
from bench.figures import Figure, seconds
from rdlake.catalog.publish import publish
from rdlake.exports.json import export_json
from rdlake.exports.parquet import export_parquet
from rdlake.library import Library
from rdlake.store.opening import init_store, open_store

FEW, FEW_SECONDS = 10_000, 3.0
GIB = 1 << 30


def measure_exports(folder: Path, loops: int = LOOPS) -> list[Figure]:
    """Return the seconds of an export of 10,000 loops, and the memory of one of many."""
    lake = init_store(folder / "large")
    Library(lake).alphas()
    figures, done = [], 0
    for many in (FEW, loops):
        for first in range(done, many, BATCH):
            fill(lake, range(first, min(first + BATCH, many)), days=3)
        done = many
        publish(lake)
        took = run_export(lake.root, folder / f"json-{many}", "json")
        few, goal = many == FEW, 1e9 / GIB
        figures += [
            Figure(f"JSON of {many:,}", took["seconds"], "s", FEW_SECONDS if few else None),
            Figure(f"JSON of {many:,}: memory", took["memory"] / GIB, "GiB", goal),
        ]
    took = run_export(lake.root, folder / "parquet", "parquet")
    return [
        *figures,
        Figure(f"Parquet of {loops:,}", took["seconds"], "s", None),
        Figure(f"Parquet of {loops:,}: memory", took["memory"] / GIB, "GiB", None),
    ]


def run_export(root: Path, folder: Path, kind: str) -> dict[str, float]:
    """Return what an export in a process of its own took."""
    command = [sys.executable, "-m", "bench.exports", str(root), str(folder), kind]
    return dict(json.loads(subprocess.check_output(command)))


def main() -> None:
    root, folder, kind = sys.argv[1:]
    lake = open_store(root)
    export = {"json": export_json, "parquet": export_parquet}[kind]
    took = seconds(lambda: export(lake, Path(folder)))
    json.dump({"seconds": took, "memory": peak()}, sys.stdout)


def peak() -> int:
    """Return the peak memory of this process in bytes.

    `ru_maxrss` will not do: it begins with the peak of the parent.
    """
    match = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert match
    return int(match[1]) * 1024


if __name__ == "__main__":
    main()
