"""Turn what Delta, Polars and the operating system raise into errors with a fix."""

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
    """Translate foreign errors. A lost race passes unchanged, for the caller to try again."""
    try:
        yield
    except (CommitFailedError, TableNotFoundError):
        raise
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise storage_failed(where, error) from error


def storage_failed(where: Path, error: Exception) -> StorageFailed:
    """Return the error for a refusal; it names the file when the system does."""
    return StorageFailed(
        f"the storage refused: {_one_line(error)}",
        where=getattr(error, "filename", None) or where,
        fix="free space or mend the permissions, then run the command again; "
        "what was committed before stays and is completed",
    )


def damaged_file(folder: Path, sizes: Mapping[Path, int], error: Exception) -> DamagedLake:
    """Return the error for a data file that is missing or not what was written; a wrong size tells
    which file."""
    wrong = (path for path in sizes if not path.is_file() or path.stat().st_size != sizes[path])
    return DamagedLake.file(next(wrong, folder), f"a data file cannot be read: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    """Return the message of an engine on one line and without colours."""
    return " ".join(_COLOUR.sub("", str(error)).split())
