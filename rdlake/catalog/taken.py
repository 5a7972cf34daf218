"""Views' rows that another lake made of the very same files: taken from it, not made again."""

from __future__ import annotations

from contextlib import suppress
from uuid import uuid4

from rdlake.catalog.contract import MADE, definitions, sources
from rdlake.catalog.engine import Lists
from rdlake.catalog.making import is_whole
from rdlake.catalog.pins import file_lists
from rdlake.catalog.version import Version, recorded
from rdlake.copies import copy_checked
from rdlake.datafiles import DataFile, sync_folder
from rdlake.errors import DamagedLake
from rdlake.lake import Lake
from rdlake.storage import storage_door

__all__ = ["taken_from"]


def taken_from(other: Lake, lake: Lake, version: Version) -> Lists:
    """By view the files that the other lake's newest version has of it, now in this lake too: of
    views with the same query over tables of the same files. What is damaged there is not taken."""
    taken: dict[str, tuple[DataFile, ...]] = {}
    with suppress(DamagedLake):
        for theirs in recorded(other)[-1:]:
            lists = file_lists(other, theirs.views)
            for view in definitions(version.sql):
                if view in lists and _follows_alike(view, version, theirs):
                    _bring(other, lake, lists[view])
                    taken[view] = lists[view]
    return taken


def _follows_alike(view: str, one: Version, other: Version) -> bool:
    """Whether it is the same query over the same files, through views that are made before it."""
    if definitions(one.sql).get(view) != definitions(other.sql).get(view):
        return False
    return all(
        _follows_alike(name, one, other)
        if name in definitions(one.sql)
        else name in other.pins and other.pins[name].file_list == one.pins[name].file_list
        for name in ("loops", *sources(one.sql)[view])  # loops tell in how many parts it is
    )


def _bring(other: Lake, lake: Lake, files: tuple[DataFile, ...]) -> None:
    folder = lake.root / MADE
    with storage_door(folder):
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(lake.catalogs_folder)
        for file in [each for each in files if not is_whole(lake, each)]:
            passing = folder / f".{uuid4().hex}.parquet"
            copy_checked(other.root / MADE / file.path, file, passing, folder / file.path)
