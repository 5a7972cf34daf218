"""Describe one published catalog version, and read the chain that the versions form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from rdlake.catalog.contract import Contract, contract_of
from rdlake.errors import DamagedLake, UnknownVersion, restore
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.lake import Lake


@dataclass(frozen=True)
class Pin:
    """Pin one table, or one materialized view, as a catalog version has it. `file_list` names its
    files by digest."""

    name: str
    delta_version: int | None
    rows: int
    file_list: str


@dataclass(frozen=True, kw_only=True)
class Version:
    """Hold one row of `catalogs`: everything needed to render the version again."""

    catalog_version: int
    published_at: datetime
    note: str | None
    lake_id: str
    contract_version: str
    rdlake_version: str
    rolled_back_to: int | None
    tables: tuple[Pin, ...]
    views: tuple[Pin, ...]
    allowed_checks: tuple[str, ...]
    checks_digest: str | None
    sql: str
    previous_digest: str | None
    digest: str = ""

    @property
    def file_name(self) -> str:
        return file_name(self.catalog_version)

    @property
    def pinned(self) -> tuple[Pin, ...]:
        """Return the pins of all tables and materialized views."""
        return (*self.tables, *self.views)

    @property
    def pins(self) -> Mapping[str, Pin]:
        return {pin.name: pin for pin in self.tables}

    @property
    def contract(self) -> Contract:
        """Return the tables and views that the version shows."""
        return contract_of(self.sql)

    def with_digest(self) -> Version:
        """Return this version with its digest. It covers every other field, so also the digest of
        the version before."""
        return replace(self, digest=self.computed_digest())

    def computed_digest(self) -> str:
        """Return what the digest must be."""
        fields = asdict(self)
        del fields["digest"]
        fields["published_at"] = self.published_at.isoformat(timespec="microseconds")
        text = json.dumps(fields, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def frame(self) -> pl.DataFrame:
        """Return the version as a row of the table `catalogs`."""
        return frame_of(table("catalogs"), [asdict(self)])


def file_name(number: int) -> str:
    """Return the name of a version's file."""
    return f"v{number:06d}.duckdb"


def history(lake: Lake) -> list[Version]:
    """Return every published version, oldest first. DamagedLake when the row of a later version is
    gone: its number must not be given again, nor may its files be removed."""
    versions = read_versions(lake)
    while (after := _file_after(lake, versions)).exists():
        again = read_versions(lake)  # a publisher commits the row before it names the file
        if len(again) == len(versions):
            raise DamagedLake(
                f"version {len(versions) + 1} was published, but its row is gone from `catalogs`",
                where=after,
                fix=f"{restore('tables/catalogs')}; or go back to version {len(versions)} "
                "with rdlake doctor --repair, which moves the file aside",
            )
        versions = again
    return versions


def _file_after(lake: Lake, versions: list[Version]) -> Path:
    return lake.catalogs_folder / file_name(versions[-1].catalog_version + 1 if versions else 1)


def read_versions(lake: Lake) -> list[Version]:
    """Read the rows of `catalogs`, oldest first."""
    rows = lake.read("catalogs").sort("catalog_version").iter_rows(named=True)
    return [_version(row) for row in rows]


def last_number(lake: Lake) -> int:
    """Return the number of the newest version; ValueError when nothing was published yet."""
    numbers: list[int] = lake.read("catalogs", ["catalog_version"])["catalog_version"].to_list()
    return max(numbers)


def newest(lake: Lake) -> Version:
    """Return the newest version; UnknownVersion when nothing was published yet."""
    versions = history(lake)
    if not versions:
        raise UnknownVersion(
            "nothing is published yet", where=lake.root, fix="rdlake catalogs publish"
        )
    return versions[-1]


def find_version(lake: Lake, number: int) -> Version:
    """Return the version of that number; UnknownVersion when there is none."""
    versions = {version.catalog_version: version for version in history(lake)}
    if number not in versions:
        known = f"1 to {max(versions)}" if versions else "none"
        raise UnknownVersion(
            f"there is no catalog version {number} (published: {known})",
            where=lake.root,
            fix="rdlake catalogs list shows them",
        )
    return versions[number]


def _version(row: dict[str, Any]) -> Version:
    tables, views = (
        tuple(Pin(**pin) for pin in row.pop(name) or ()) for name in ("tables", "views")
    )
    allowed = tuple(row.pop("allowed_checks") or ())
    return Version(tables=tables, views=views, allowed_checks=allowed, **row)
