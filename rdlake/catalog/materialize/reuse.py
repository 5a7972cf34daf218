"""Copy files of views that another lake made of the very same files."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from rdlake.catalog.contract import VIEW_FILES
from rdlake.catalog.engine import FileLists
from rdlake.catalog.materialize.build import is_whole
from rdlake.catalog.pinning import file_lists
from rdlake.catalog.version import Version, read_versions
from rdlake.errors import DamagedLake
from rdlake.store.adopt import copy_checked
from rdlake.store.data_files import DataFile
from rdlake.store.durable import sync_folder
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door


@dataclass(frozen=True)
class OtherVersion:
    """Compare the version that is published with the newest one of another lake."""

    version: Version
    other: Version

    def unchanged(self, tables: Collection[str]) -> bool:
        """Say whether all of these tables consist of the same files in both."""
        ours, others = self.version.pins, self.other.pins
        return all(
            name in ours and name in others and ours[name].file_list == others[name].file_list
            for name in tables
        )

    def in_lake(self, _: str) -> None:
        """Return no values: where tables differ, the rows are not compared."""


def find_other_version(lake: Lake, version: Version) -> OtherVersion | None:
    """Return the newest version of another lake; None when it has none, or cannot say which."""
    with suppress(DamagedLake):
        for newest in read_versions(lake)[-1:]:
            return OtherVersion(version, newest)
    return None


def copy_views(source: Lake, lake: Lake, versions: OtherVersion) -> FileLists:
    """Copy the files of views with the same query over the same files, and return them by view. A
    damaged file is not copied."""
    copied: dict[str, tuple[DataFile, ...]] = {}
    with suppress(DamagedLake):
        lists = file_lists(source, versions.other.views)
        for view in versions.version.contract.materialized:
            if view in lists and _is_the_same(view, versions):
                _copy_files(source, lake, lists[view])
                copied[view] = lists[view]
    return copied


def _is_the_same(view: str, versions: OtherVersion) -> bool:
    """Say whether a view, and each view that it reads, has the same query over the same files."""
    contract, other = versions.version.contract, versions.other.contract
    if view not in other.materialized or other.is_old:
        return False
    if contract.views[view].select != other.views[view].select:
        return False
    return all(
        _is_the_same(name, versions)
        if name in contract.materialized
        else versions.unchanged([name])
        for name in ("loops", *contract.sources[view])  # the number of loops decides on parts
    )


def _copy_files(source: Lake, lake: Lake, files: tuple[DataFile, ...]) -> None:
    folder = lake.root / VIEW_FILES
    with storage_door(folder):
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(lake.catalogs_folder)
        for file in [each for each in files if not is_whole(lake, each)]:
            copy_checked(source.root / VIEW_FILES / file.path, file, folder / file.path)
