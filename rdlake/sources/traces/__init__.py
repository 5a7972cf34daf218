"""Read RD-Agent's log folders.

`find_runs` finds the run folders below a log root. `scan_run` lists a run's messages by name and
time. `read_run` opens them and returns a `TracedRun`. A bad message costs that message only.

Only messages whose tag is in `messages.TAGS` are opened. Settings, prompts and sessions never are,
so no secret in them can reach a value or a finding.
"""

from __future__ import annotations

from rdlake.sources.traces.discover import LogRoot, RunFolder, find_runs
from rdlake.sources.traces.messages import MAX_BYTES, find_last_write, scan_run
from rdlake.sources.traces.run import read_run

__all__ = [
    "MAX_BYTES",
    "LogRoot",
    "RunFolder",
    "find_last_write",
    "find_runs",
    "read_run",
    "scan_run",
]
