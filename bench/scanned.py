"""Compare the published views with the same views over DuckDB's `delta_scan`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.figures import Figure
from rdlake.catalog.contract import TABLES_SCHEMA, current_contract
from rdlake.store.lake import Lake

COMPAT = Path(__file__).parent.parent / ".venv-compat" / "1.5.5"
EXTENSION = "lib/python*/site-packages/duckdb_extension_delta/extensions/*/*.duckdb_extension"
SHARE = 1 / 3
"""The goal: three times as fast."""


def measure_delta_scan(lake: Lake, folder: Path, queries: dict[str, str]) -> list[Figure]:
    """Return the time of all queries over the pinned files as a share of that over `delta_scan`.

    Each query's own share follows. Without a DuckDB that has the delta extension, which `make
    test-compat` builds, nothing is measured.
    """
    extension = next(COMPAT.glob(EXTENSION), None)
    if extension is None:
        print("no delta extension here (make test-compat): delta_scan left out", file=sys.stderr)
        return []
    text = folder / "scanned.sql"
    text.write_text(contract_over_delta_scan(lake), encoding="utf-8")
    reader = Path(__file__).with_name("plain.py")
    catalog = lake.root / "catalog.duckdb"
    command = [COMPAT / "bin" / "python", "-I", reader, extension, catalog, text]
    done = subprocess.run(
        [*map(str, command), *queries.values()], stdout=subprocess.PIPE, text=True, check=True
    )
    times = json.loads(done.stdout)
    pinned, scanned = (sum(each) for each in zip(*times, strict=True))
    return [
        Figure("the contract / delta_scan", pinned / scanned, "×", SHARE),
        *(
            Figure(f"  {name}, {1000 * own:.1f} ms", own / other, "×", None)
            for name, (own, other) in zip(queries, times, strict=True)
        ),
    ]


def contract_over_delta_scan(lake: Lake) -> str:
    """Return the contract over the newest version of each Delta table."""
    sql = current_contract().text
    for name, entry in current_contract().tables.items():
        folder = lake.folder(name)
        if folder.is_dir():
            sql = sql.replace(f"({entry.nulls})", f"delta_scan('{folder}')")
    versions = (
        f"CREATE VIEW {TABLES_SCHEMA}.catalogs AS FROM delta_scan('{lake.folder('catalogs')}')"
    )
    return f"CREATE SCHEMA {TABLES_SCHEMA};\n{versions};\n{sql}"
