"""Write the queries of the checks that count keys: rows of one key that stand more than once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rdlake.schema.sql import identifier, literal

DAYS = """
WHERE {owner} IN (
    SELECT {owner}
    FROM (
        SELECT
            {owner},
            count(*) AS rows,
            bit_or(1::UBIGINT << ((date - DATE '0001-01-01') % 64)::UBIGINT) AS days
        FROM {name}
        GROUP BY {owner}, (date - DATE '0001-01-01') // 64
    )
    WHERE rows IS DISTINCT FROM bit_count(days)
)"""
"""For a table with a row for every day: look only at owners that have a day twice. A 64-day block
has no day twice when its row count equals its number of set bits."""


def key_check(promise: str, keys: Mapping[str, Sequence[str]]) -> str:
    """Return the query that finds keys of more than one row, in these tables and views. It names
    the table or view, the key and the number of rows."""
    parts = [_doubles(name, key) for name, key in keys.items()]
    return f"-- {promise}\n" + "\nUNION ALL\n".join(parts) + ";\n"


def _doubles(name: str, key: Sequence[str]) -> str:
    columns = ", ".join(map(identifier, key))
    shown = f"concat_ws(' ', {columns})"
    where = DAYS.format(owner=identifier(key[0]), name=name) if tuple(key[1:]) == ("date",) else ""
    return (
        f"SELECT {literal(name.rpartition('.')[2])} AS view, {shown} AS key, count(*) AS rows\n"
        f"FROM {name}{where}\nGROUP BY {columns} HAVING count(*) > 1"
    )
