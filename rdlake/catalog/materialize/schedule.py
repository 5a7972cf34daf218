"""Views whose rows are worked out once, when published, and kept as files beside the catalogs.

The contract does not show the difference: such a view reads its file, another one the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from graphlib import TopologicalSorter
from queue import SimpleQueue

from rdlake.catalog.contract import definitions, sources
from rdlake.catalog.engine import Lists
from rdlake.catalog.materialize.build import Making, is_whole, making
from rdlake.catalog.materialize.changes import Moves
from rdlake.catalog.materialize.partitions import SUFFIX, is_large
from rdlake.catalog.pinning import Pinned, file_lists, lost_lists
from rdlake.catalog.version import Pin, Version
from rdlake.errors import DamagedLake
from rdlake.store.data_files import DataFile, list_digest
from rdlake.store.lake import Lake

AT_ONCE = 2
"""So many views of a large lake are made at the same time, when most rows are there already."""


def with_views(
    lake: Lake,
    version: Version,
    pinned: Pinned,
    last: Version | None,
    moves: Moves,
    taken: Lists,
) -> Pinned:
    """The same with every view that the version's SQL has made when published. What follows from
    the same query and the same rows as in the last version keeps its file; where few rows moved,
    the others are taken from it. Of views that are `taken` the files are there."""
    before = file_lists(lake, last.views) if last else {}
    made: dict[str, tuple[DataFile, ...]] = {}
    lanes = AT_ONCE if last and is_large(version) else 1
    with ExitStack() as opened, ThreadPoolExecutor(lanes) as pool:
        idle = SimpleQueue[Making]()
        for _ in range(lanes):
            idle.put(opened.enter_context(making(lake, version, pinned.files)))

        def make(view: str) -> tuple[DataFile, ...]:
            work = idle.get()
            try:
                work.lists.update(made)
                kept = {each.path[: -len(SUFFIX)]: each for each in before.get(view, ())}
                return tuple(taken.get(view, ())) or work.files_of(view, kept, moves)
            finally:
                idle.put(work)

        for view, files in _in_turn(pool, make, sources(version.sql)):
            made[view] = files
            moves.made(view, files)
    made = {view: made[view] for view in definitions(version.sql)}
    views = {
        view: Pin(view, None, sum(file.rows for file in files), list_digest(view, files))
        for view, files in made.items()
    }
    fresh = {view: files for view, files in made.items() if files != before.get(view)}
    return Pinned(pinned.pins, views, {**pinned.files, **made}, {**pinned.fresh, **fresh})


def _in_turn(
    pool: ThreadPoolExecutor,
    make: Callable[[str], tuple[DataFile, ...]],
    needs: Mapping[str, Collection[str]],
) -> Iterator[tuple[str, tuple[DataFile, ...]]]:
    """Each view with its files, begun as soon as the views are there that it reads; those that
    others read go first."""
    read = set().union(*needs.values())
    order = TopologicalSorter({view: read & needs.keys() & {*of} for view, of in needs.items()})
    order.prepare()
    running: dict[Future[tuple[DataFile, ...]], str] = {}
    try:
        while order.is_active():
            for view in sorted(order.get_ready(), key=lambda view: (view not in read, view)):
                running[pool.submit(make, view)] = view
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                view = running.pop(done)
                yield view, done.result()
                order.done(view)
    finally:
        for each in running:
            each.cancel()


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
