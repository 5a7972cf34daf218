"""docs/cookbook.md: every question of `sql/queries/` with what a small demo answers.

`python -m tests.catalog.cookbook` writes the page again.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import duckdb

import rdlake
from rdlake.catalog.contract import load_queries
from rdlake.catalog.publish import publish
from rdlake.demo import write_demo
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.ingesting import ingest
from tests.places import DOCS

PAGE = DOCS / "cookbook.md"
EXPERIMENTS, SEED = 60, 0
INTRODUCTION = f"""# Cookbook

Questions of an analyst, each a file of `sql/queries/`. Where the catalog is attached and in use
(`USE rd`), they paste as they are; `rdlake sql --query NAME` runs one, and `rdlake sql --list`
names them. The answers are those of a small demo with invented prices
(`rdlake demo --experiments {EXPERIMENTS} --seed {SEED} DIR`, then ingest and publish);
`make docs` writes this page, and a test holds it against the queries.
"""


def demo_lake(folder: Path) -> Lake:
    """The demo, published."""
    written = write_demo(folder / "demo", experiments=EXPERIMENTS, seed=SEED)
    lake = init_store(folder / "lake")
    key = written.signing_key.read_bytes()
    ingest(lake, [written.workspaces], [written.logs], signing_key=key)
    publish(lake, note="the demo")
    return lake


def page(connection: duckdb.DuckDBPyConnection) -> str:
    """The whole page, answered by the catalog that is in use."""
    parts = [INTRODUCTION]
    for each in load_queries():
        code = each.sql.partition("\n")[2].strip()
        answer = _answer(connection.execute(each.sql))
        parts.append(f"## {each.name}\n\n{each.question}\n\n```sql\n{code}\n```\n\n{answer}\n")
    return "\n".join(parts)


def _answer(found: duckdb.DuckDBPyConnection) -> str:
    names = [column[0] for column in found.description or ()]
    rows = found.fetchall()
    if not rows:
        return "No row in the demo."
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return str(value).replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        made = demo_lake(Path(place))
        with contextlib.closing(rdlake.connect(made.root)) as reader:
            PAGE.write_text(page(reader), encoding="utf-8")
