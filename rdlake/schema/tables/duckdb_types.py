"""DuckDB's names of the types that a column may have."""

from __future__ import annotations

import pyarrow as pa

from rdlake.schema.sql import identifier

_SIMPLE = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.binary(): "BLOB",
}


def duckdb_type(kind: pa.DataType) -> str:
    """DuckDB's name of an Arrow type; KeyError for one that no column may have."""
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return f"MAP({duckdb_type(kind.key_type)}, {duckdb_type(kind.item_type)})"
    if pa.types.is_struct(kind):
        fields = ", ".join(f"{identifier(each.name)} {duckdb_type(each.type)}" for each in kind)
        return f"STRUCT({fields})"
    return _SIMPLE[kind]
