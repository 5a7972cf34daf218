"""Talk to delta-rs: create a table, list its files, replace files in one commit."""

from __future__ import annotations

import json
import shutil
import time
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from rdlake.schema.tables import Table
from rdlake.schema.tables.schema import TEXT
from rdlake.store.data_files import DataFile, File
from rdlake.store.delta_log import VERSION_MARK, sync_commit
from rdlake.store.durable import sync_folder
from rdlake.store.translate import storage_door

CONFIGURATION = {
    "delta.checkpointInterval": "10",
    "delta.enableExpiredLogCleanup": "false",
}


@dataclass(frozen=True)
class Snapshot:
    """Describe one table at one version: its data files as (path, size, rows). The version is None
    before the table exists."""

    version: int | None
    files: tuple[File, ...]

    @property
    def rows(self) -> int:
        return sum(rows for _, _, rows in self.files)


def snapshot_of(delta: DeltaTable) -> Snapshot:
    """Return the table as it was opened or last updated."""
    return _snapshot(delta, delta.get_add_actions(flatten=True))


def find_owner_files(
    delta: DeltaTable, owner: str, ids: Collection[str]
) -> tuple[Snapshot, tuple[File, ...]]:
    """Return the snapshot and the files that may contain rows of `ids`, judged by min/max
    statistics."""
    actions = delta.get_add_actions(flatten=True)
    now = _snapshot(delta, actions)
    ends = (f"min.{owner}", f"max.{owner}")
    if not set(ends) <= set(actions.column_names) or not ids:
        return now, now.files
    wanted = sorted(ids)
    paths, lows, highs = (actions.column(name).to_pylist() for name in ("path", *ends))
    held = {
        path
        for path, low, high in zip(paths, lows, highs, strict=True)
        if low is None or high is None or bisect_left(wanted, low) < bisect_right(wanted, high)
    }
    return now, tuple(file for file in now.files if file[0] in held)


def _snapshot(delta: DeltaTable, actions: Any) -> Snapshot:
    columns = [actions.column(name).to_pylist() for name in ("path", "size_bytes", "num_records")]
    return Snapshot(delta.version(), tuple(sorted(zip(*columns, strict=True))))


@dataclass(frozen=True, kw_only=True)
class LogState:
    """Hold everything that a Delta log says of a table at its end."""

    snapshot: Snapshot
    schema: str
    identity: tuple[str, str, str]
    configuration: Mapping[str, str]
    protocol: object


def read_log_state(log_files: Iterable[Path]) -> LogState | None:
    """Return what a log of only these files says; None when nothing can be read."""
    with TemporaryDirectory() as passing:
        log = Path(passing) / "_delta_log"
        log.mkdir()
        try:
            for path in log_files:
                shutil.copyfile(path, log / path.name)
            delta = DeltaTable(passing)
            about = delta.metadata()
            return LogState(
                snapshot=snapshot_of(delta),
                schema=delta.schema().to_json(),
                identity=(str(about.id), about.name, about.description),
                configuration=about.configuration,
                protocol=delta.protocol(),
            )
        except (DeltaError, FileNotFoundError):
            return None


def create_table(entry: Table, folder: Path, description: str) -> None:
    """Create an empty typed table, unless another process creates it at the same time."""
    with storage_door(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            DeltaTable.create(
                str(folder),
                entry.schema,
                name=entry.name,
                description=description,
                configuration=CONFIGURATION,
                # A second creation would be committed as version 1 if it were tried again.
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except DeltaError:
            if not DeltaTable.is_deltatable(str(folder)):
                raise
        else:
            sync_commit(folder, 0)
            sync_folder(folder.parent)


def replace_files(
    delta: DeltaTable,
    fresh: Iterable[tuple[DataFile, str]],
    gone: Iterable[File],
    *,
    changed: bool,
) -> None:
    """Replace old files by new ones in one commit on exactly the version of `delta`.

    `changed` is False when the rows are the same. Raise CommitFailedError when another writer was
    faster.
    """
    now = time.time_ns() // 1_000_000
    actions: list[AddAction | RemoveAction] = [
        AddAction(file.path, file.size, {}, now, changed, stats) for file, stats in fresh
    ]
    actions += [
        RemoveAction(path, changed, now, size=size, partition_values={}) for path, size, _ in gone
    ]
    exactly = CommitProperties({VERSION_MARK: int(delta.version()) + 1}, max_commit_retries=0)
    delta.create_write_transaction(actions, "append", delta.schema(), commit_properties=exactly)


def indexed_columns(entry: Table) -> list[str]:
    """Return the columns with minimum and maximum in the log: texts of the key, and the owner."""
    names = {*entry.key, *filter(None, [entry.owner])}
    return sorted(name for name in names if entry.schema.field(name).type == TEXT)


def stats_of(entry: Table, rows: pa.Table) -> str:
    """Return the statistics of a file as the log has them, so that a replace opens only the files
    it needs."""
    texts = indexed_columns(entry)
    ends = {name: pc.min_max(rows.column(name)).as_py() for name in texts}
    return json.dumps(
        {
            "numRecords": rows.num_rows,
            "minValues": {name: ends[name]["min"] for name in texts if ends[name]["min"]},
            "maxValues": {name: ends[name]["max"] for name in texts if ends[name]["max"]},
            "nullCount": {name: rows.column(name).null_count for name in texts},
        },
        ensure_ascii=False,  # delta-rs misreads the escape of U+10FFFF
    )


def unused_files(delta: DeltaTable, hours: int) -> list[str]:
    """Return files below the table that its newest version does not need, older than `hours`."""
    return delta.vacuum(
        retention_hours=hours, dry_run=True, enforce_retention_duration=False, full=True
    )
