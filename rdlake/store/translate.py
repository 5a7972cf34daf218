"""The door to storage: what Delta, Polars and the system say becomes an error with a fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from rdlake.errors import DamagedLake, StorageFailed

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


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
        f"the storage refused: {_one_line(error)}",
        where=getattr(error, "filename", None) or where,
        fix="free space or mend the permissions, then run the command again; "
        "what was committed before stays and is completed",
    )


def damaged_file(folder: Path, sizes: Mapping[Path, int], error: Exception) -> DamagedLake:
    """A data file is gone or not what was written; it is named where its size tells."""
    wrong = (path for path in sizes if not path.is_file() or path.stat().st_size != sizes[path])
    return DamagedLake.file(next(wrong, folder), f"a data file cannot be read: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    """What the engine said, on one line and without colours."""
    return " ".join(_COLOUR.sub("", str(error)).split())
