"""What delta-rs is told: how a table is made, how its files are written, how they are swapped."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import ColumnProperties, DeltaTable, WriterProperties
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from rdlake.datafiles import DataFile, sync_folder, write_rows
from rdlake.deltalog import sync_commit
from rdlake.storage import storage_door
from rdlake.tables import Table
from rdlake.tables.schema import BYTES, TEXT

__all__ = ["Snapshot", "create_table", "holding", "rewritten", "snapshot_of", "writer_properties"]

CONFIGURATION = {
    "delta.checkpointInterval": "10",
    "delta.enableExpiredLogCleanup": "false",
}
ROWS_IN_A_GROUP = 25_000
CHUNKS_IN_A_GROUP = 16


@dataclass(frozen=True)
class Snapshot:
    """One table at one version: its data files as (path, size, rows). No version, no table yet."""

    version: int | None
    files: tuple[tuple[str, int, int], ...]

    @property
    def rows(self) -> int:
        return sum(rows for _, _, rows in self.files)


def snapshot_of(delta: DeltaTable) -> Snapshot:
    """The table as it was opened or last updated."""
    return _snapshot(delta, pa.table(delta.get_add_actions(flatten=True)))


def holding(delta: DeltaTable, owner: str, ids: Collection[str]) -> Snapshot:
    """The same without the files that, by what the log tells of them, hold no row of `ids`."""
    actions = pa.table(delta.get_add_actions(flatten=True))
    told = {f"min.{owner}", f"max.{owner}"} <= set(actions.column_names)
    if not told or not actions.num_rows or not ids:
        return _snapshot(delta, actions)
    wanted = pl.Series(sorted(ids), dtype=pl.String)
    low, high = (pl.Series(actions.column(f"{end}.{owner}")) for end in ("min", "max"))
    hit = wanted.search_sorted(high.fill_null(wanted[-1]), "right") > wanted.search_sorted(
        low.fill_null(wanted[0]), "left"
    )
    return _snapshot(delta, actions.filter((hit | low.is_null() | high.is_null()).to_arrow()))


def _snapshot(delta: DeltaTable, actions: pa.Table) -> Snapshot:
    columns = [actions.column(name).to_pylist() for name in ("path", "size_bytes", "num_records")]
    return Snapshot(delta.version(), tuple(sorted(zip(*columns, strict=True))))


def create_table(entry: Table, folder: Path, description: str) -> None:
    """An empty typed table; the one that another process made at the same time will do."""
    with storage_door(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            DeltaTable.create(
                str(folder),
                entry.schema,
                name=entry.name,
                description=description,
                configuration=CONFIGURATION,
            )
        except DeltaError:
            if not DeltaTable.is_deltatable(str(folder)):
                raise
        else:
            sync_commit(folder, 0)
            sync_folder(folder.parent)


@cache
def writer_properties(entry: Table) -> WriterProperties:
    """How a table's files are written. Chunks of content come in small groups, so that one can be
    read without the others, and nobody looks for them by dictionary or statistics."""
    plain = ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")
    return WriterProperties(
        compression="ZSTD",
        compression_level=1,
        max_row_group_size=_group(entry),
        column_properties=dict.fromkeys(_content(entry), plain),
    )


def _content(entry: Table) -> list[str]:
    """Columns of raw content."""
    return [each.name for each in entry.columns if each.type == BYTES]


def _group(entry: Table) -> int:
    return CHUNKS_IN_A_GROUP if _content(entry) else ROWS_IN_A_GROUP


def rewritten(
    entry: Table, folder: Path, rows: pa.Table, old: Iterable[tuple[str, int, int]]
) -> tuple[DataFile, list[AddAction | RemoveAction]]:
    """A new file of these rows, which are those of the `old` files, and what the commit says that
    puts it in their place: no row was changed."""
    file = write_rows(rows, folder, _group(entry), _content(entry))
    now = time.time_ns() // 1_000_000
    removed = [
        RemoveAction(path, False, now, size=size, partition_values={}) for path, size, _ in old
    ]
    return file, [AddAction(file.path, file.size, {}, now, False, _stats(entry, rows)), *removed]


def _stats(entry: Table, rows: pa.Table) -> str:
    """What the log tells of a file, so that a replace need not look into those of others."""
    names = {*entry.key, *filter(None, [entry.owner])}
    texts = sorted(name for name in names if rows.schema.field(name).type == TEXT)
    ends = {name: pc.min_max(rows.column(name)).as_py() for name in texts}
    return json.dumps(
        {
            "numRecords": rows.num_rows,
            "minValues": {name: ends[name]["min"] for name in texts if ends[name]["min"]},
            "maxValues": {name: ends[name]["max"] for name in texts if ends[name]["max"]},
            "nullCount": {name: rows.column(name).null_count for name in texts},
        }
    )
