"""Measure an archive of demo experiments, and `cp -r` with `sha256sum` of the same bytes.

`python -m bench.archive LAKE ARCHIVE` is what a process of its own runs. It prints seconds and peak
memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.exports import GIB, peak
from bench.figures import Figure, seconds
from rdlake.library import Library
from rdlake.operations.archive import archive
from rdlake.store.opening import init_store, open_store
from tests.ingesting import ingest

SPEED, AGAIN_SECONDS = 0.6, 1.0
COPY = "cp -r {0} {1} && find {1} -type f -print0 | xargs -0 sha256sum > {1}.sha256 && sync -f {1}"


def measure_archive(folder: Path, workspaces: Path) -> list[Figure]:
    """Archive every byte of the workspaces. They are copied before and after, because the
    machine drifts."""
    lake = init_store(folder / "kept")
    ingest(lake, [workspaces], keep="all")
    Library(lake).publish()
    copies = [_time_copy(workspaces, folder / "copy 1")]
    first = run_archive(lake.root, folder / "archive")
    copies.append(_time_copy(workspaces, folder / "copy 2"))
    again = run_archive(lake.root, folder / "archive")
    print(f"copied and hashed {copies} s, archived {first['seconds']:.2f} s", file=sys.stderr)
    ratio = first["seconds"] / (sum(copies) / len(copies))
    return [
        Figure("archive / cp and sha256sum", ratio, "×", 1 / SPEED),
        Figure("archive again, nothing new", again["seconds"], "s", AGAIN_SECONDS),
        Figure("archive: memory", first["memory"] / GIB, "GiB", 1e9 / GIB),
    ]


def run_archive(lake: Path, to: Path) -> dict[str, float]:
    """Return what an archive in a process of its own took."""
    command = [sys.executable, "-m", "bench.archive", str(lake), str(to)]
    return dict(json.loads(subprocess.check_output(command)))


def _time_copy(workspaces: Path, to: Path) -> float:
    command = COPY.format(f"'{workspaces}'", f"'{to}'")
    return seconds(lambda: subprocess.run(command, shell=True, check=True))


def main() -> None:
    lake, to = sys.argv[1:]
    opened = open_store(lake)
    took = seconds(lambda: archive(opened, to))
    json.dump({"seconds": took, "memory": peak()}, sys.stdout)


if __name__ == "__main__":
    main()
