"""RD-Agent's log folders: `find_runs`, then per run `scan_run` (names and times) and `read_run`.

Only the messages named in `messages.TAGS` are opened; settings, prompts and sessions never are,
so that no secret in them can reach a value or a finding.
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
