"""Write Parquet files as pandas writes them: index columns last, and pandas' own note in the
schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rdlake.demo.backtest import Backtest
from rdlake.demo.market import Market

PANDAS = "2.3.3"
PANDAS_TYPES = {
    "double": ("float64", "float64"),
    "float": ("float32", "float32"),
    "timestamp[ns]": ("datetime", "datetime64[ns]"),
    "string": ("unicode", "object"),
}


def curve_parquet(backtest: Backtest) -> bytes:
    """Return `ret.parquet`: the back-test's nine columns by day."""
    columns = {name: pa.array(values) for name, values in backtest.curve.items()}
    return _parquet(columns | {"datetime": pa.array(backtest.days)}, index=("datetime",))


def factors_parquet(
    columns: Mapping[str, NDArray[np.float32]], market: Market, *, drop_missing: bool
) -> bytes:
    """Return `combined_factors_df.parquet`: a column ('feature', name) per factor."""
    days = np.repeat(market.days[market.factor_days], len(market.instruments))
    names = np.tile(
        np.array(market.instruments), market.factor_days.stop - market.factor_days.start
    )
    values = {f"('feature', {name!r})": column.ravel() for name, column in columns.items()}
    whole = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    kept = whole if drop_missing else np.full_like(whole, True)
    table = {name: pa.array(column[kept], from_pandas=True) for name, column in values.items()}
    table |= {"datetime": pa.array(days[kept]), "instrument": pa.array(names[kept])}
    return _parquet(table, index=("datetime", "instrument"), levels=2)


def _parquet(columns: Mapping[str, Any], *, index: tuple[str, ...], levels: int = 1) -> bytes:
    table = pa.table(dict(columns))
    note = json.dumps(_pandas_note(list(table.schema), index, levels))
    few = table.num_rows // 10
    repeating = [name for name, column in columns.items() if len(column.unique()) < few]
    sink = pa.BufferOutputStream()
    # This keeps the files small. A dictionary lengthens a column whose values hardly repeat.
    # Arrow's own copy of the schema is for types that these tables do not have.
    with pq.ParquetWriter(sink, table.schema, use_dictionary=repeating, store_schema=False) as file:
        file.write_table(table)
        file.add_key_value_metadata({"pandas": note})
    return bytes(sink.getvalue().to_pybytes())


def _pandas_note(fields: list[Any], index: tuple[str, ...], levels: int) -> dict[str, object]:
    return {
        "index_columns": list(index),
        "column_indexes": [_described(None, "unicode", "object", {"encoding": "UTF-8"})] * levels,
        "columns": [_described(f.name, *PANDAS_TYPES[str(f.type)], None) for f in fields],
        "attributes": {},
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": PANDAS,
    }


def _described(
    name: str | None, pandas_type: str, numpy_type: str, metadata: dict[str, str] | None
) -> dict[str, object]:
    return {
        "name": name,
        "field_name": name,
        "pandas_type": pandas_type,
        "numpy_type": numpy_type,
        "metadata": metadata,
    }
