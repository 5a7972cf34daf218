"""A process that is talked to through its pipes."""

from __future__ import annotations

import subprocess


def ended(process: subprocess.Popen[str]) -> int:
    """Its exit code, after it was told that nothing more comes."""
    assert process.stdin and process.stdout
    process.stdin.close()
    process.stdout.close()
    return process.wait(timeout=30)
