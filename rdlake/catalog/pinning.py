"""Pin the newest files of every table: a catalog version names them by the digest of their list."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from rdlake.catalog.contract import VIEW_FILES
from rdlake.catalog.version import Pin, Version
from rdlake.errors import DamagedLake, StorageFailed, restore
from rdlake.schema.tables import TABLES
from rdlake.store.data_files import DataFile, list_digest
from rdlake.store.delta import Snapshot
from rdlake.store.delta_log import data_changed_since, last_repair, log_folder
from rdlake.store.durable import sync_with_sha256
from rdlake.store.lake import Lake


@dataclass(frozen=True)
class Pinned:
    """Hold the pin of every table and materialized view, with their files. `fresh` are the lists
    that the lake does not have yet."""

    pins: Mapping[str, Pin]
    views: Mapping[str, Pin]
    files: Mapping[str, tuple[DataFile, ...]]
    fresh: Mapping[str, tuple[DataFile, ...]]

    def rolled_back(self, lake: Lake, target: Version) -> Pinned:
        """Return the tables and views as `target` pinned them, with today's operations."""
        operations = {entry.name for entry in TABLES if entry.operation}
        back = [pin for name, pin in target.pins.items() if name not in operations]
        kept = {name: pin for name, pin in self.pins.items() if name in operations}
        return Pinned(
            {**kept, **{pin.name: pin for pin in back}},
            {pin.name: pin for pin in target.views},
            {
                **{name: self.files[name] for name in kept},
                **file_lists(lake, [*back, *target.views]),
            },
            {name: files for name, files in self.fresh.items() if name in operations},
        )


def pin_tables(lake: Lake, last: Version | None) -> Pinned:
    """Pin the newest version of every table.

    This reads tables in the opposite order of a batch's commits, so that whatever a loop refers to
    is there. A table that did not change since `last` keeps its pin, unless the lake was repaired.
    """
    if last and (lost := lost_commits(lake, last)):
        name, reason = next(iter(lost.items()))
        raise DamagedLake(
            reason,
            where=log_folder(lake.folder(name)),
            fix=f"{restore()}; or rdlake doctor --repair, then ingest again",
        )
    kept_by = last.pins if last and not repaired_since(lake, last) else {}
    moved: dict[str, Snapshot] = {}
    kept: dict[str, Pin] = {}
    for entry in reversed([each for each in TABLES if each.pinned]):
        now = lake.snapshot(entry.name)
        before = kept_by.get(entry.name)
        if before and before.delta_version == now.version:
            kept[entry.name] = before
        else:
            lake.settle(entry.name)
            moved[entry.name] = now
    lake.settle("file_lists")
    known = lake.known_files(moved, {path for now in moved.values() for path, _, _ in now.files})
    files = {name: _data_files(lake, name, now, known) for name, now in moved.items()}
    pins = kept | {
        name: Pin(name, now.version, now.rows, list_digest(name, files[name]))
        for name, now in moved.items()
    }
    recorded = _recorded(lake, [pins[name] for name in moved])
    return Pinned(
        {entry.name: pins[entry.name] for entry in TABLES if entry.pinned},
        {},
        {**files, **file_lists(lake, kept.values())},
        {name: each for name, each in files.items() if pins[name].file_list not in recorded},
    )


def folder_of(lake: Lake, pin_name: str) -> Path:
    """Return the folder of the files of a table or materialized view."""
    tables = {entry.name for entry in TABLES}
    return lake.folder(pin_name) if pin_name in tables else lake.root / VIEW_FILES


def repaired_since(lake: Lake, version: Version) -> bool:
    """Say whether the lake was repaired after that publication. Then its tables are pinned anew."""
    repaired = last_repair(lake.root)
    return repaired is not None and repaired >= version.published_at


def lost_commits(lake: Lake, last: Version) -> dict[str, str]:
    """Return the tables whose log lost commits that the last publication had seen, with the reason.
    Their version numbers would be given again to other rows. After a repair there are none: it
    reported them."""
    if repaired_since(lake, last):
        return {}
    ends = {name: lake.snapshot(name).version for name in last.pins}
    return {
        name: f"the log of {name} ends at version {ends[name]}, but catalog version "
        f"{last.catalog_version} was published at its version {pin.delta_version}"
        for name, pin in last.pins.items()
        if pin.delta_version is not None and pin.delta_version > (ends[name] or 0)
    }


def same_rows(lake: Lake, before: Pin, now: Pin) -> bool:
    """Say whether a table has the same rows. Compaction and clean-up replace files, but no row."""
    if before.delta_version == now.delta_version:
        return True
    if before.rows != now.rows or before.delta_version is None or now.delta_version is None:
        return before.rows == now.rows == 0
    return not data_changed_since(lake.folder(now.name), before.delta_version, now.delta_version)


def file_lists(lake: Lake, pins: Collection[Pin]) -> dict[str, tuple[DataFile, ...]]:
    """Return the files of each pin, by table; DamagedLake when a list is gone."""
    wanted = {pin.file_list for pin in pins}
    found = {
        row["digest"]: tuple(DataFile(**record) for record in row["files"] or ())
        for row in lake.read("file_lists", where=pl.col("digest").is_in(sorted(wanted))).iter_rows(
            named=True
        )
    }
    empty = {list_digest(pin.name, ()) for pin in pins}
    if missing := wanted - found.keys() - empty:
        reason = f"the list of files {min(missing)} is missing"
        raise DamagedLake.table(lake.folder("file_lists"), reason, "publish again")
    return {pin.name: found.get(pin.file_list, ()) for pin in pins}


def lost_lists(lake: Lake, versions: Collection[Version]) -> list[Pin]:
    """Return the pins whose list of files is not in the lake."""
    pins = {pin.file_list: pin for version in versions for pin in version.pinned}
    known = _recorded(lake, list(pins.values()))
    return [
        pin
        for digest, pin in pins.items()
        if digest not in known and digest != list_digest(pin.name, ())
    ]


def recover_lists(lake: Lake, versions: Collection[Version]) -> None:
    """Record lost lists of files again from the tables' logs; the digest proves them. A list that
    the logs do not have stays lost."""
    tables = {entry.name for entry in TABLES}
    for pin in lost_lists(lake, versions):
        if pin.name not in tables:
            continue  # the files of views are in no log
        with suppress(DamagedLake, StorageFailed):
            then = lake.snapshot_at(pin.name, pin.delta_version or 0)
            files = _data_files(lake, pin.name, then, {})
            if list_digest(pin.name, files) == pin.file_list:
                lake.record_files({pin.name: files})


def _recorded(lake: Lake, pins: Collection[Pin]) -> set[str]:
    where = pl.col("digest").is_in([pin.file_list for pin in pins])
    return set(lake.read("file_lists", ["digest"], where)["digest"])


def _data_files(
    lake: Lake, name: str, now: Snapshot, known: Mapping[tuple[str, str], DataFile]
) -> tuple[DataFile, ...]:
    return tuple(
        known.get((name, path)) or _inspect_file(lake, name, path, size, rows)
        for path, size, rows in now.files
    )


def _inspect_file(lake: Lake, name: str, path: str, size: int, rows: int) -> DataFile:
    """Read the facts of a file whose writer was stopped before it could record them."""
    file = lake.folder(name) / path
    try:
        columns = len(pq.read_schema(file))
        return DataFile(
            path=path, size=size, sha256=sync_with_sha256(file), rows=rows, columns=columns
        )
    except (OSError, pa.ArrowException) as error:
        raise DamagedLake(
            f"{name} names a file that cannot be read: {error}",
            where=file,
            fix="rdlake doctor --repair returns the table to the version before",
        ) from error
