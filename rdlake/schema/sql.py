"""Write SQL text for values, names and types where an engine takes no parameters."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

_SIMPLE = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.binary(): "BLOB",
}


def literal(value: str) -> str:
    """Return a text literal; DuckDB and DataFusion read everything but the quote as it is."""
    return "'" + value.replace("'", "''") + "'"


def literals(values: Iterable[str]) -> str:
    """Return text literals, separated by commas."""
    return ", ".join(literal(value) for value in values)


def identifier(name: str) -> str:
    """Return a quoted name."""
    return '"' + name.replace('"', '""') + '"'


def duckdb_type(kind: pa.DataType) -> str:
    """Return DuckDB's name of an Arrow type; raise KeyError for one that no column may have."""
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return f"MAP({duckdb_type(kind.key_type)}, {duckdb_type(kind.item_type)})"
    if pa.types.is_struct(kind):
        fields = ", ".join(f"{identifier(each.name)} {duckdb_type(each.type)}" for each in kind)
        return f"STRUCT({fields})"
    return _SIMPLE[kind]
