"""Materialize every view of a version, each after the views that it reads; rebuild lost files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from graphlib import TopologicalSorter
from queue import SimpleQueue

from rdlake.catalog.engine import FileLists
from rdlake.catalog.materialize.build import ViewBuilder, is_whole, open_builder
from rdlake.catalog.materialize.changes import ChangedValues
from rdlake.catalog.materialize.partitions import SUFFIX, is_large
from rdlake.catalog.pinning import Pinned, file_lists, lost_lists
from rdlake.catalog.version import Pin, Version
from rdlake.errors import DamagedLake
from rdlake.store.data_files import DataFile, list_digest
from rdlake.store.lake import Lake

LANES = 2
"""The number of views of a large lake that are built at once when most rows are there already."""


def materialize_views(
    lake: Lake,
    version: Version,
    pinned: Pinned,
    last: Version | None,
    changes: ChangedValues,
    copied: FileLists,
) -> Pinned:
    """Return the pins with every materialized view of the version. Files of the last version stay
    or are patched where few rows changed; files of `copied` views are there already."""
    before = file_lists(lake, last.views) if last else {}
    built: dict[str, tuple[DataFile, ...]] = {}
    lanes = LANES if last and is_large(version) else 1
    with ExitStack() as opened, ThreadPoolExecutor(lanes) as pool:
        idle = SimpleQueue[ViewBuilder]()
        for _ in range(lanes):
            idle.put(opened.enter_context(open_builder(lake, version, pinned.files)))

        def build(view: str) -> tuple[DataFile, ...]:
            builder = idle.get()
            try:
                builder.lists.update(built)
                old = {each.path[: -len(SUFFIX)]: each for each in before.get(view, ())}
                return tuple(copied.get(view, ())) or builder.build_files(view, old, changes)
            finally:
                idle.put(builder)

        for view, files in _in_order(pool, build, version.contract.sources):
            built[view] = files
            changes.add_view(view, files)
    built = {view: built[view] for view in version.contract.materialized}
    views = {
        view: Pin(view, None, sum(file.rows for file in files), list_digest(view, files))
        for view, files in built.items()
    }
    fresh = {view: files for view, files in built.items() if files != before.get(view)}
    return Pinned(pinned.pins, views, {**pinned.files, **built}, {**pinned.fresh, **fresh})


def _in_order(
    pool: ThreadPoolExecutor,
    build: Callable[[str], tuple[DataFile, ...]],
    sources: Mapping[str, Collection[str]],
) -> Iterator[tuple[str, tuple[DataFile, ...]]]:
    """Yield each view with its files. A view starts as soon as the views that it reads are there;
    views that others read go first."""
    read = set().union(*sources.values())
    order = TopologicalSorter({view: sources.keys() & {*of} for view, of in sources.items()})
    order.prepare()
    running: dict[Future[tuple[DataFile, ...]], str] = {}
    try:
        while order.is_active():
            for view in sorted(order.get_ready(), key=lambda view: (view not in read, view)):
                running[pool.submit(build, view)] = view
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                view = running.pop(done)
                yield view, done.result()
                order.done(view)
    finally:
        for each in running:
            each.cancel()


def find_lost_views(lake: Lake, version: Version) -> list[str]:
    """Return the version's views that have a file which is not there whole."""
    return [
        view
        for view, files in file_lists(lake, version.views).items()
        if not all(is_whole(lake, file) for file in files)
    ]


def rebuild_views(lake: Lake, version: Version, views: Collection[str]) -> None:
    """Build lost files of these views again from the version's tables. A file that comes out
    otherwise than it was published gets another name; the lost one stays lost."""
    if not views:
        return
    with open_builder(lake, version, file_lists(lake, version.pinned)) as builder:
        for view in [each for each in version.contract.materialized if each in views]:
            there = [each.path for each in builder.lists[view] if is_whole(lake, each)]
            for part in builder.parts(view):
                if not any(path.startswith(part.stem) for path in there):
                    builder.build_part(part)


def recover_views(lake: Lake, versions: Collection[Version]) -> None:
    """Record lost lists of views' files again, where building the views again proves the lists."""
    lost = {pin.file_list for pin in lost_lists(lake, versions)}
    for version in versions:
        pins = {pin.name: pin for pin in version.pinned}
        if not any(pin.file_list in lost for pin in version.views):
            continue
        for view, sources in version.contract.sources.items():
            if view in pins and pins[view].file_list in lost:
                with suppress(DamagedLake):
                    lists = file_lists(lake, [pins[name] for name in sources])
                    with open_builder(lake, version, lists) as builder:
                        built = [builder.build_part(part) for part in builder.parts(view)]
                    if list_digest(view, built) == pins[view].file_list:
                        lake.record_files({view: built})
