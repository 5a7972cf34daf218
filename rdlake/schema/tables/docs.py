"""Write the tables as a page: `python -m rdlake.schema.tables.docs > docs/tables.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rdlake.schema.sql import duckdb_type
from rdlake.schema.tables import TABLES, Column, Table

INTRODUCTION = """\
# The tables

Each is a Delta table under `tables/` and, in a published catalog, a view of the schema
`rdlake_tables`. A batch commits them in the order of this page, so that whatever a row refers to
is there before the row is. Types are DuckDB's. A clock column tells when something was seen, not
what it was: a row that differs in nothing else is not written again.

`make docs` writes this page from `rdlake/schema/tables/`.
"""


def tables_markdown() -> str:
    """Return the page: what each table holds, its key, and every column."""
    return "\n".join([INTRODUCTION, *map(_section, TABLES)])


def _section(entry: Table) -> str:
    return "\n".join([f"## {entry.name}", "", *_facts(entry), "", *_columns(entry.columns), ""])


def _facts(entry: Table) -> Iterator[str]:
    yield f"{entry.meaning[0].upper()}{entry.meaning[1:]}."
    yield ""
    yield f"- Key: {', '.join(f'`{name}`' for name in entry.key)}"
    if entry.owner:
        yield f"- Rows belong to their `{entry.owner}` and are replaced with it."
    else:
        yield "- Rows are only ever added."
    if entry.operation:
        yield "- It tells what was done, and is never rolled back."
    if not entry.pinned:
        yield "- No catalog version pins it: it is what the versions themselves are made of."


def _columns(columns: tuple[Column, ...]) -> Iterator[str]:
    yield "| column | type | meaning | clock |"
    yield "|---|---|---|---|"
    for each in columns:
        clock = "clock" if each.clock else ""
        kind = duckdb_type(each.type)
        yield f"| `{each.name}` | `{kind}` | {_cell(each.meaning)} | {clock} |"


def _cell(text: str) -> str:
    """Return text that stays within its cell."""
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.buffer.write(tables_markdown().encode())
