"""Views whose rows are worked out once, when published, and kept as files beside the catalogs.

The contract does not show the difference: such a view reads its file, another one the tables.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from rdlake.catalog.contract import definitions, sources
from rdlake.catalog.making import is_whole, making
from rdlake.catalog.moves import Moves
from rdlake.catalog.parts import SUFFIX
from rdlake.catalog.pins import Pinned, file_lists, lost_lists
from rdlake.catalog.version import Pin, Version
from rdlake.datafiles import list_digest
from rdlake.errors import DamagedLake
from rdlake.lake import Lake

__all__ = ["lost_rows", "make_again", "recover_views", "with_views"]


def with_views(
    lake: Lake, version: Version, pinned: Pinned, last: Version | None, moves: Moves
) -> Pinned:
    """The same with every view that the version's SQL has made when published. What follows from
    the same query and the same rows as in the last version keeps its file; where few rows moved,
    the others are taken from it."""
    before = file_lists(lake, last.views) if last else {}
    views: dict[str, Pin] = {}
    with making(lake, version, pinned.files) as work:
        for view in definitions(version.sql):
            kept = {each.path[: -len(SUFFIX)]: each for each in before.get(view, ())}
            files = work.files_of(view, kept, moves)
            work.lists[view] = files
            moves.made(view, files)
            views[view] = Pin(view, None, sum(f.rows for f in files), list_digest(view, files))
    made = {view: work.lists[view] for view in views}
    fresh = {view: files for view, files in made.items() if files != before.get(view)}
    return Pinned(pinned.pins, views, {**pinned.files, **made}, {**pinned.fresh, **fresh})


def lost_rows(lake: Lake, version: Version) -> list[str]:
    """The version's views whose files are not there whole."""
    return [
        view
        for view, files in file_lists(lake, version.views).items()
        if not all(is_whole(lake, file) for file in files)
    ]


def make_again(lake: Lake, version: Version, views: Collection[str]) -> None:
    """Make the files of these views again from the version's tables; one that does not come out as
    it was published gets another name and stays lost."""
    with making(lake, version, file_lists(lake, version.pinned)) as work:
        for view in [each for each in definitions(version.sql) if each in views]:
            there = [each.path for each in work.lists[view] if is_whole(lake, each)]
            for part in work.parts(view):
                if not any(path.startswith(part.stem) for path in there):
                    work.made(part)


def recover_views(lake: Lake, versions: Collection[Version]) -> None:
    """Record lost lists of views' files again, where making these again proves them."""
    lost = {pin.file_list for pin in lost_lists(lake, versions)}
    for version in versions:
        pins = {pin.name: pin for pin in version.pinned}
        for view, needs in sources(version.sql).items():
            if view in pins and pins[view].file_list in lost:
                with suppress(DamagedLake):
                    lists = file_lists(lake, [pins[name] for name in needs])
                    with making(lake, version, lists) as work:
                        made = [work.made(part) for part in work.parts(view)]
                    if list_digest(view, made) == pins[view].file_list:
                        lake.record_files({view: made})
