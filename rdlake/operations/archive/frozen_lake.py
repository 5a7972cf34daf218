"""Read a lake as it was at one moment: an ingest meanwhile does not show."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from threading import Event, Lock

import polars as pl

from rdlake.schema.tables import TABLES, table
from rdlake.store.blobs import is_sound, read_contents, stored_digests
from rdlake.store.data_files import DataFile
from rdlake.store.lake import Lake
from rdlake.store.parquet import read_files


class FrozenLake:
    """Hold the tables of a lake as they were when this was made.

    Tables are opened in the opposite order of a batch's commits, so that whatever a loop refers to
    is there.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._tables = {entry.name: lake.snapshot(entry.name) for entry in reversed(TABLES)}
        self._owners: dict[str, Mapping[str, int]] = {}
        self._sound: bool | None = None
        self._turn = Lock()

    def read(
        self, name: str, columns: Collection[str] | None = None, where: pl.Expr | None = None
    ) -> pl.DataFrame:
        """Return rows of a table."""
        files = self._tables[name].files
        return read_files(table(name), self.lake.folder(name), files, columns, where)

    def files(self, name: str) -> list[tuple[str, int, int]]:
        """Return the data files of a table: path, size, rows."""
        return list(self._tables[name].files)

    def rows(self, name: str) -> int:
        """Return how many rows a table has."""
        return self._tables[name].rows

    def owners(self, name: str) -> Mapping[str, int]:
        """Return the owners of a table's rows, and how many rows each has."""
        if name not in self._owners:
            owner = table(name).owner
            assert owner is not None
            self._owners[name] = dict(self.read(name, [owner]).group_by(owner).len().rows())
        return self._owners[name]

    @contextmanager
    def checking_content(self) -> Iterator[None]:
        """Check all content in a thread while the block runs; `is_sound` returns the answer."""
        over = Event()
        with ThreadPoolExecutor(1) as beside:
            beside.submit(self.is_sound, over)
            try:
                yield
            finally:
                over.set()

    def is_sound(self, over: Event | None = None) -> bool:
        """Return whether all content is what its digest says; the first caller checks it.

        Return False when `over` is set before the answer is known.
        """
        lake = Lake(self.lake.root)  # another thread needs its own
        with self._turn:
            if self._sound is None:
                going = takewhile(
                    lambda _: not (over and over.is_set()),
                    read_contents(lake, stored_digests(lake)),
                )
                sound = all(map(is_sound, going))
                if over and over.is_set():
                    return False
                self._sound = sound
            return self._sound

    def data_files(self, name: str) -> tuple[DataFile, ...] | None:
        """Return the data files of a table as they were when written.

        Return None when nothing was recorded of a file, since its writer was stopped, or when its
        name is not one of ours.
        """
        files = [self._known.get((name, path)) for path, _, _ in self.files(name)]
        known = tuple(file for file in files if file and Path(file.path).name == file.path)
        return known if len(known) == len(files) else None

    @cached_property
    def _known(self) -> Mapping[tuple[str, str], DataFile]:
        paths = {path for held in self._tables.values() for path, _, _ in held.files}
        return self.lake.known_files(tuple(self._tables), paths)
