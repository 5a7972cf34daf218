"""Compare the contract over pinned files with the contract over `delta_scan`, in one DuckDB
process.

python plain.py EXTENSION CATALOG SCRIPT QUERY…

Another Python than that of the benchmark runs this module, so it imports only duckdb.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import duckdb

REPEATS = 20


def main(extension: str, catalog: str, script: str, *queries: str) -> None:
    """Print, for each query, the median seconds over the pinned files and over `delta_scan`."""
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"ATTACH '{catalog}' AS rd (READ_ONLY)")
    connection.execute(Path(script).read_text("utf-8"))
    json.dump([compare(connection, query) for query in queries], sys.stdout)


def compare(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[float, float]:
    """Ask both in turn, because the machine drifts. Their answers must be equal."""
    pinned: list[float] = []
    scanned: list[float] = []
    for _ in range(REPEATS):
        rows = ask(connection, "rd", pinned, query)
        assert rows == ask(connection, "memory", scanned, query), query
    return statistics.median(pinned), statistics.median(scanned)


def ask(
    connection: duckdb.DuckDBPyConnection, catalog: str, times: list[float], query: str
) -> list[tuple[object, ...]]:
    """Return the rows of a query, and append its time."""
    connection.execute(f"USE {catalog}")
    started = time.perf_counter()
    rows = connection.execute(query).fetchall()
    times.append(time.perf_counter() - started)
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:])
