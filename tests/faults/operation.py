"""The side that is stopped: a command of rdlake in a process of its own, its calls counted.

    LD_PRELOAD=shim.so python -m tests.faults.operation

imports everything once and then forks for each job: a line of JSON in, a line of JSON out.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

from rdlake.catalog import contract
from rdlake.cli.main import main
from rdlake.operations import maintain

LOADED_BY_COMMANDS = (
    "pandas",  # by pyarrow, where it is installed
    "pyarrow.pandas_compat",
    "rdlake.cli.catalogs",
    "rdlake.cli.ingest",
    "rdlake.cli.lakes",
    "rdlake.operations.doctor",
    "rdlake.library",
    "rich.console",
    "rich.table",
)
PATIENCE_SECONDS = 120
CRASHED = 70


def arguments_of(operation: str, lake: str, workspaces: str) -> list[str]:
    """What a person would type."""
    words = {
        "ingest": ["ingest", "--workspaces", workspaces],
        "publish": ["catalogs", "publish"],
        "rollback": ["catalogs", "rollback", "1"],
        "maintain": ["maintain"],
        "repair": ["doctor", "--repair"],
    }
    return [*words[operation], "--lake", lake]


def warm_up() -> None:
    """Load what commands load, for the forks to share. No engine is touched, for no engine's
    threads outlive a fork."""
    for name in LOADED_BY_COMMANDS:
        with suppress(ImportError):
            import_module(name)
    contract.current_contract()
    contract.current_checks()


def lower_thresholds() -> None:
    """Upkeep does to this small and young lake what it does to a large and old one."""
    maintain.FILES_WORTH_COMPACTING = 2
    maintain.CATALOG_FILES_KEPT = 1
    setattr(maintain, "maintain", partial(maintain.maintain, older_than_hours=0))  # noqa: B010


def run(job: dict[str, Any]) -> int:
    """The exit code of the job's command; it may not return."""
    signal.alarm(PATIENCE_SECONDS)
    for name, descriptor in (("out", 1), ("err", 2)):
        os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.chdir(job["cwd"])
    shim = ctypes.CDLL(None)
    shim.faults_arm(
        os.fsencode(job["lake"]), os.fsencode(job["log"]), ctypes.c_long(job["at"]), job["kind"]
    )
    try:
        main(arguments_of(job["operation"], job["lake"], job["workspaces"]))
    except SystemExit as stop:
        return int(stop.code or 0)
    except BaseException:  # noqa: BLE001 - the edge of the process; a Rust panic is one of these
        traceback.print_exc()
    return CRASHED


def serve() -> None:
    """One job after the other, each in a fork of this process."""
    warm_up()
    lower_thresholds()
    for line in sys.stdin:
        began = time.monotonic()
        child = os.fork()
        if not child:
            code = run(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([ended, time.monotonic() - began]), flush=True)


if __name__ == "__main__":
    serve()
