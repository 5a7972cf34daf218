"""Copy data files of another lake: the same bytes under the same names, checked and flushed to
disk."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from rdlake.errors import DamagedLake
from rdlake.schema.tables import Table
from rdlake.store.data_files import DataFile
from rdlake.store.delta import indexed_columns, stats_of
from rdlake.store.durable import replacing
from rdlake.store.parquet import new_path, read_files
from rdlake.store.translate import damaged_file, storage_door

PIECE = 1 << 20


def copy_files(
    entry: Table, files: Mapping[Path, DataFile], folder: Path
) -> list[tuple[DataFile, str]]:
    """Copy these files into a table's folder. Return each with its statistics for the log.

    Raise DamagedLake for a file that is not what was written. Copies made before that stay; no log
    names them.
    """
    for path, file in files.items():
        with storage_door(folder):
            copy_checked(path, file, folder / file.path, new_path(entry, folder))
    return [(file, _stats(entry, file, folder)) for file in files.values()]


def copy_checked(source: Path, file: DataFile, target: Path, temporary: Path | None = None) -> None:
    """Copy a data file. Raise DamagedLake when it is not what was written; then nothing is at the
    target. The copy is written under the name `temporary`, by default a hidden one."""
    with _open_source(source, file) as old, replacing(target, temporary) as path:
        with path.open("xb") as new:
            digest = _copy_bytes(old, new)
        _refuse_changed(source, file, digest)


def _copy_bytes(old: BinaryIO, new: BinaryIO) -> str:
    digest = sha256()
    while piece := old.read(PIECE):
        digest.update(piece)
        new.write(piece)
    return digest.hexdigest()


def _refuse_changed(path: Path, file: DataFile, digest: str) -> None:
    if digest != file.sha256:
        raise DamagedLake.file(path, "a data file is not what was written")


def _open_source(path: Path, file: DataFile) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise damaged_file(path.parent, {path: file.size}, error) from error


def _stats(entry: Table, file: DataFile, folder: Path) -> str:
    columns = indexed_columns(entry)
    rows = read_files(entry, folder, [(file.path, file.size, file.rows)], columns).to_arrow()
    return stats_of(entry, rows.cast(pa.schema([entry.schema.field(each) for each in columns])))
