"""Run a command in this process and see what a shell would see."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rdlake.cli.main import main


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    """Return the exit code, stdout and stderr of a command."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(each) for each in arguments])
    seen = capsys.readouterr()
    return Ran(int(stop.value.code or 0), seen.out, seen.err)
