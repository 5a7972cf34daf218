"""What another lake made of the very same files, and found there: taken from it, not done again."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from rdlake.catalog.contract import MADE, definitions, sources
from rdlake.catalog.engine import Lists
from rdlake.catalog.materialize.build import is_whole
from rdlake.catalog.pinning import file_lists
from rdlake.catalog.version import Version, recorded
from rdlake.errors import DamagedLake
from rdlake.store.adopt import copy_checked
from rdlake.store.data_files import DataFile
from rdlake.store.durable import sync_folder
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door


@dataclass(frozen=True)
class Alike:
    """A version, and the newest one of another lake that was made of the same files."""

    version: Version
    theirs: Version

    def none(self, tables: Collection[str]) -> bool:
        """Whether all of these tables consist of the same files in both."""
        ours, theirs = self.version.pins, self.theirs.pins
        return all(
            name in ours and name in theirs and ours[name].file_list == theirs[name].file_list
            for name in tables
        )

    def anywhere(self, _: str) -> None:
        """Where tables differ nobody looks what it is."""


def alike(other: Lake, version: Version) -> Alike | None:
    """None when the other lake has published nothing, or cannot say what."""
    with suppress(DamagedLake):
        for theirs in recorded(other)[-1:]:
            return Alike(version, theirs)
    return None


def taken_from(other: Lake, lake: Lake, alike: Alike) -> Lists:
    """By view the files that the other lake's newest version has of it, now in this lake too: of
    views with the same query over tables of the same files. What is damaged there is not taken."""
    taken: dict[str, tuple[DataFile, ...]] = {}
    with suppress(DamagedLake):
        lists = file_lists(other, alike.theirs.views)
        for view in definitions(alike.version.sql):
            if view in lists and _follows_alike(view, alike):
                _bring(other, lake, lists[view])
                taken[view] = lists[view]
    return taken


def _follows_alike(view: str, alike: Alike) -> bool:
    """Whether it is the same query over the same files, through views that are made before it."""
    ours = definitions(alike.version.sql)
    if ours.get(view) != definitions(alike.theirs.sql).get(view):
        return False
    return all(
        _follows_alike(name, alike) if name in ours else alike.none([name])
        for name in ("loops", *sources(alike.version.sql)[view])  # loops tell how many parts it has
    )


def _bring(other: Lake, lake: Lake, files: tuple[DataFile, ...]) -> None:
    folder = lake.root / MADE
    with storage_door(folder):
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(lake.catalogs_folder)
        for file in [each for each in files if not is_whole(lake, each)]:
            passing = folder / f".{uuid4().hex}.parquet"
            copy_checked(other.root / MADE / file.path, file, passing, folder / file.path)
