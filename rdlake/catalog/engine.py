"""The door to DuckDB: the files it is given are looked at before, and what it says becomes ours."""

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

Lists = Mapping[str, Sequence[DataFile]]
"""The files of each table, and of each view that was made when published."""
WRITE_FAILED = (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException)
"""What DuckDB raises when it cannot write or flush its own file."""


def engine() -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, which looks once at what each file says of itself."""
    connection = duckdb.connect()
    connection.execute("SET parquet_metadata_cache = true")
    return connection


@contextmanager
def engine_door(lake: Lake, number: int, path: Path) -> Iterator[None]:
    """Around whatever makes the file `path` of the pinned files of a version. DamagedLake when one
    of these cannot be read, StorageFailed when that one cannot be written."""
    try:
        yield
    except (*WRITE_FAILED, OSError) as error:
        raise storage_failed(path, error) from error
    except duckdb.Error as error:
        reason = f"catalog version {number} cannot be read: {error}"
        raise DamagedLake.file(lake.root, reason) from error


def refuse_torn(lake: Lake, number: int, lists: Lists) -> None:
    """DamagedLake when a file is not there whole."""
    for name, files in lists.items():
        for file in files:
            path = folder_of(lake, name) / file.path
            if not path.is_file() or path.stat().st_size != file.size:
                fault = "not whole" if path.is_file() else "gone"
                raise DamagedLake.file(
                    path, f"catalog version {number} pins a file that is {fault}"
                )
