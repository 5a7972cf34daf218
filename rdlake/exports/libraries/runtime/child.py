"""Run one factor's code unchanged in the current folder, and write its values to a file.

`runner.py` starts this module in a process of its own. The values go back as plain arrays, so the
reader unpickles nothing.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

OPEN = 97
"""The exit code for: the code did not run, because the process could not be closed in."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
REFUSED = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.kill",
    "os.startfile", "os.chmod", "os.chown", "os.symlink", "os.link", "ftplib.", "urllib.", "http.",
)  # fmt: skip
PLACED = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree")


def limit(memory: int, seconds: int, size: int) -> None:
    """Bound memory, processor time and file sizes, where the system can."""
    try:
        import resource
    except ImportError:
        return
    bounds = {"AS": memory, "CPU": seconds, "FSIZE": size, "CORE": 0}
    for name, bound in bounds.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        most = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (most, most))


def watch(folder: str) -> None:
    """Refuse writing outside the folder, new processes and connections, in Python itself.

    This is a second line of defence. Code that means to get around it can.
    """
    inside, devices = folder + os.sep, (os.devnull,)

    def outside(path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False  # a file that is open already
        full = os.path.realpath(os.fsdecode(path))
        return not (full == folder or full.startswith(inside) or full in devices)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = (*arguments, None, None)[:3]
            writes = any(each in str(mode or "") for each in "wax+") or (flags or 0) & WRITING
            refused = bool(writes) and outside(path)
        elif event.startswith(PLACED):
            refused = any(map(outside, arguments[:2] if event == "os.rename" else arguments[:1]))
        else:
            refused = event.startswith(REFUSED)
        if refused:
            raise PermissionError(f"not in a factor: {event} {arguments[:2]!r}")

    sys.addaudithook(hook)


def read_values(path: str) -> dict[str, Any]:
    """Return the only column of the frame that the code wrote, as arrays by day and instrument."""
    import numpy as np
    import pandas as pd

    frame = pd.read_hdf(path, key="data")
    frame = frame.to_frame() if isinstance(frame, pd.Series) else frame
    if frame.shape[1] != 1 or frame.index.nlevels != 2:
        raise ValueError(f"result.h5 has {frame.shape[1]} columns, {frame.index.nlevels} levels")
    levels = {str(name): place for place, name in enumerate(frame.index.names)}
    day, code = levels.get("datetime", 0), levels.get("instrument", 1)
    days = pd.DatetimeIndex(frame.index.get_level_values(day)).as_unit("ns")
    return {
        "days": days.asi8.astype(np.int64),
        "instruments": np.asarray(frame.index.get_level_values(code).astype(str), dtype="U"),
        "values": frame.iloc[:, 0].to_numpy(dtype=np.float64),
        "column": np.asarray([str(frame.columns[0])], dtype="U"),
    }


def main(request: dict[str, Any]) -> int:
    """Close this process in, run the code, write its values; return the exit code."""
    folder = str(Path.cwd().resolve())
    limit(request["memory"], request["seconds"], request["size"])
    if request["closed"]:
        rules = runpy.run_path(str(Path(__file__).with_name("closed.py")))
        try:
            rules["close_in"](folder, tuple(request["readable"]))
        except rules["SandboxUnavailable"] as error:
            sys.stderr.write(f"{error}\n")
            return OPEN
    watch(folder)
    runpy.run_path("factor.py", run_name="__main__")
    arrays = read_values("result.h5")
    import numpy as np

    np.savez("answer.npz", **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
