"""Open DuckDB, check the files that it is given, and translate its errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from rdlake.catalog.pinning import folder_of
from rdlake.errors import DamagedLake
from rdlake.store.data_files import DataFile
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_failed

FileLists = Mapping[str, Sequence[DataFile]]
"""The files of each table and of each materialized view."""
WRITE_FAILED = (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException)
"""What DuckDB raises when it cannot write or flush its own file."""


def open_engine() -> duckdb.DuckDBPyConnection:
    """Return a new DuckDB that reads the footer of each Parquet file only once."""
    connection = duckdb.connect()
    connection.execute("SET parquet_metadata_cache = true")
    return connection


@contextmanager
def engine_door(lake: Lake, number: int, path: Path) -> Iterator[None]:
    """Translate errors while the file `path` is made of the pinned files of a version. DamagedLake
    when one of these cannot be read, StorageFailed when `path` cannot be written."""
    try:
        yield
    except (*WRITE_FAILED, OSError) as error:
        raise storage_failed(path, error) from error
    except duckdb.Error as error:
        reason = f"catalog version {number} cannot be read: {error}"
        raise DamagedLake.file(lake.root, reason) from error


def refuse_torn(lake: Lake, number: int, lists: FileLists) -> None:
    """Raise DamagedLake when a file is not there whole."""
    for name, files in lists.items():
        for file in files:
            path = folder_of(lake, name) / file.path
            if not path.is_file() or path.stat().st_size != file.size:
                fault = "not whole" if path.is_file() else "gone"
                raise DamagedLake.file(
                    path, f"catalog version {number} pins a file that is {fault}"
                )
