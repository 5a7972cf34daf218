"""The door to storage: what Delta, Polars and the system say becomes an error with a fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from rdlake.errors import StorageFailed

__all__ = ["storage_door", "storage_failed"]


@contextmanager
def storage_door(where: Path) -> Iterator[None]:
    """Foreign errors become ours here; a lost race stays what it is, for the caller to retry."""
    try:
        yield
    except (CommitFailedError, TableNotFoundError):
        raise
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise storage_failed(where, error) from error


def storage_failed(where: Path, error: Exception) -> StorageFailed:
    """The refusal, naming the file where the system names one."""
    return StorageFailed(
        f"the storage refused: {error}",
        where=getattr(error, "filename", None) or where,
        fix="free space or mend the permissions, then run the command again; "
        "what was committed before stays and is completed",
    )
