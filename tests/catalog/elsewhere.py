"""AIstock's side: plain DuckDB in another process and another folder, without rdlake."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.processes import ended

PROGRAM = """
import json, sys
import duckdb
connection = duckdb.connect()
for line in sys.stdin:
    try:
        answer = connection.execute(json.loads(line)).fetchall()
    except duckdb.Error as error:
        answer = {"error": str(error)}
    print(json.dumps(answer, default=str), flush=True)
assert "rdlake" not in sys.modules
"""


class Reader:
    """A DuckDB session elsewhere that stays open between questions."""

    def __init__(self, cwd: Path, *first: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=cwd,
            encoding="utf-8",
        )
        for statement in first:
            self.ask(statement)

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert ended(self.process) == 0

    def ask(self, statement: str) -> Any:
        """The rows of one statement as JSON has them; AssertionError with DuckDB's own words."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(statement) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert isinstance(answer, list), answer["error"]
        return answer


def counts(reader: Reader, views: Sequence[str], alias: str = "rd") -> dict[str, int]:
    """view -> how many rows the other process sees."""
    return {
        view: reader.ask(f"SELECT count(*) FROM (FROM {alias}.main.{view})")[0][0] for view in views
    }
