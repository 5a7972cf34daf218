"""Read data files through the declared schema; write them sorted, flushed to disk and hashed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from rdlake.schema.frames import polars_schema
from rdlake.schema.tables import Table
from rdlake.schema.tables.schema import BYTES, REAL
from rdlake.store.data_files import SIZE, DataFile, File, Size
from rdlake.store.durable import sync_with_sha256
from rdlake.store.translate import damaged_file, storage_door

FILE = "/file"
"""The column that names the file of a row; no table has a column of that name."""
ROWS_IN_A_GROUP = 100_000
"""Fewer rows make it cheaper to find one row, but every query first reads the list of groups."""
LONG_ROWS_IN_A_GROUP = 2_500
"""The group size for rows with lists or maps, and for tables with one row per owner: one row is
found without reading many others."""
CHUNKS_IN_A_GROUP = 16
PLAIN = (BYTES, REAL)


def read_files(
    entry: Table,
    folder: Path,
    files: Iterable[File],
    columns: Collection[str] | None = None,
    where: pl.Expr | None = None,
    *,
    named: bool = False,
) -> pl.DataFrame:
    """Return rows of these files of a table; columns that a file does not have are null.

    `named` adds the column `FILE`: the path of each row's file in the table. Raise DamagedLake when
    a file cannot be read.
    """
    schema = polars_schema(entry)
    wanted = list(columns) if columns is not None else list(schema)
    paths = {folder / path: (path, size) for path, size, _ in files}
    if not paths:
        empty = pl.DataFrame(schema={name: schema[name] for name in wanted})
        return empty.with_columns(pl.lit(None, pl.String).alias(FILE)) if named else empty
    frame = pl.scan_parquet(
        list(paths),
        schema=schema,
        glob=False,
        missing_columns="insert",
        extra_columns="ignore",
        include_file_paths=FILE if named else None,
    )
    with storage_door(folder):
        try:
            rows = (frame if where is None else frame.filter(where)).select(
                *wanted, *([FILE] if named else [])
            )
            found = rows.collect()
        except (FileNotFoundError, pl.exceptions.ComputeError) as error:
            sizes = {path: size for path, (_, size) in paths.items()}
            raise damaged_file(folder, sizes, error) from error
    if not named:
        return found
    return found.with_columns(
        pl.col(FILE).replace({str(p): name for p, (name, _) in paths.items()})
    )


def write_file(entry: Table, folder: Path, rows: pa.Table) -> DataFile:
    """Write a new data file of these rows, and flush it to disk.

    Tables that readers attach are packed for speed, the others for space. Figures hardly repeat and
    nobody looks them up: they have no dictionary and no statistics. Raw content has small groups,
    so that one chunk can be read without the others.
    """
    looked_up = [
        leaf for field in entry.schema for leaf, kind in _leaves(field) if kind not in PLAIN
    ]
    path = new_path(entry, folder)
    pq.write_table(
        rows,
        path,
        row_group_size=_group_size(entry),
        compression=_packing(entry),
        use_dictionary=looked_up,
        write_statistics=looked_up,
    )
    size = path.stat().st_size
    return DataFile(
        path=path.name,
        size=size,
        sha256=sync_with_sha256(path),
        rows=rows.num_rows,
        columns=rows.num_columns,
    )


def size_in_memory(entry: Table, folder: Path) -> Size:
    """Return a function that tells how many bytes the rows of a file take in memory.

    Raw content may pack to almost nothing, so the metadata of its files is read; other tables use
    the size on disk.
    """
    if not _is_content(entry):
        return SIZE

    @cache
    def asked(file: File) -> int:
        with storage_door(folder), pq.ParquetFile(folder / file[0]) as parquet:
            told = parquet.metadata
            return sum(told.row_group(n).total_byte_size for n in range(told.num_row_groups))

    return asked


def new_path(entry: Table, folder: Path) -> Path:
    """Return an unused path for a new data file of the table."""
    return folder / f"part-00000-{uuid4()}-c000.{_packing(entry)}.parquet"


def _packing(entry: Table) -> Literal["snappy", "zstd"]:
    return "snappy" if entry.pinned and not _is_content(entry) else "zstd"


def _is_content(entry: Table) -> bool:
    return any(each.type == BYTES for each in entry.columns)


def _group_size(entry: Table) -> int:
    if _is_content(entry):
        return CHUNKS_IN_A_GROUP
    nested = any(pa.types.is_nested(each.type) for each in entry.columns)
    looked_up = nested or entry.key == (entry.owner,)
    return LONG_ROWS_IN_A_GROUP if looked_up else ROWS_IN_A_GROUP


def _leaves(field: pa.Field, within: str = "") -> Iterator[tuple[str, pa.DataType]]:
    """Yield the columns that Parquet makes of a field, by their paths."""
    path, kind = f"{within}{field.name}", field.type
    if pa.types.is_map(kind):
        yield from _leaves(kind.key_field, f"{path}.key_value.")
        yield from _leaves(kind.item_field, f"{path}.key_value.")
    elif pa.types.is_list(kind):
        yield from _leaves(kind.value_field.with_name("element"), f"{path}.list.")
    elif pa.types.is_struct(kind):
        for each in kind:
            yield from _leaves(each, f"{path}.")
    else:
        yield path, kind
