"""The library's face: an open lake with everything that can be done to it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

from rdlake.catalog import publish as publishing
from rdlake.catalog import time_travel
from rdlake.catalog.publish import PublishReport
from rdlake.exports.charts.stored import draw_charts
from rdlake.ingest.content import Keep
from rdlake.ingest.external import Added, add_alphas, add_factors, add_strategy
from rdlake.ingest.pipeline import IngestReport, Mode, ingest
from rdlake.ingest.request import EVERYTHING, Selection
from rdlake.sources.workspace.path_maps import read_map
from rdlake.store import opening
from rdlake.store.lake import Lake


class Library(Lake):
    """An open lake. `rdlake.open_lake` and `rdlake.init_lake` make one."""

    def ingest(  # noqa: PLR0913 - the front door; what it takes is named at every call
        self,
        *workspaces: str | Path,
        logs: Collection[str | Path] = (),
        registries: Collection[str | Path] = (),
        signing_key: bytes | None = None,
        maps: Collection[str] = (),
        catalogs: Collection[str | Path] = (),
        selection: Selection = EVERYTHING,
        mode: Mode = "incremental",
        prices: str | Path | None = None,
        overwrite: bool = False,
        dry_run: bool = False,
        keep: Keep = "essential",
        charts: bool = True,
    ) -> IngestReport:
        """Read every workspace below these folders, and every run below the `logs` folders and in
        the `registries`, that is new or changed. With a key the signatures of RD-Agent's messages
        are checked. `maps` are texts `OLD=NEW`: the workspaces that logs and registries name below
        OLD are read below NEW. `catalogs` are folders or files of the JSON catalogs that were
        exported before there was a lake. `prices` is the daily_pv.h5 that factors are held against,
        else the one beside each folder of workspaces. `selection` says what of it all is taken;
        `full` reads every file and goes by its content alone, `overwrite` makes all rows anew, a
        dry run writes nothing. `keep` says of which files the content is stored, `charts` whether
        curves that have no pictures yet are drawn."""
        report = ingest(
            self,
            workspaces,
            list(logs),
            registries=list(registries),
            signing_key=signing_key,
            maps=[read_map(each) for each in maps],
            catalogs=list(catalogs),
            selection=selection,
            mode=mode,
            prices=prices,
            overwrite=overwrite,
            dry_run=dry_run,
            keep=keep,
        )
        if not dry_run:
            draw_charts(self, draw=charts)
        return report

    def alphas(self) -> tuple[Added, ...]:
        """Add Qlib's factor libraries Alpha158 and Alpha360; nothing is written when they are
        there."""
        return add_alphas(self)

    def add_factors(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        source: str = "external_manual",
        prices: str | Path | None = None,
    ) -> Added:
        """Add a table of factors, .parquet or .csv by datetime and instrument, with its notes in a
        YAML of the same name beside it, and their statistics against `prices`. It replaces what
        was added under the same source and name, by default that of the file."""
        return add_factors(self, path, name=name, source=source, prices=prices)

    def add_strategy(
        self, path: str | Path, *, name: str | None = None, source: str = "handcrafted"
    ) -> Added:
        """Add the strategy of a Qlib configuration. It replaces what was added under the same
        source and name, by default that of the file."""
        return add_strategy(self, path, name=name, source=source)

    def publish(self, *, note: str | None = None, allow: Collection[str] = ()) -> PublishReport:
        """Publish the newest rows as the next catalog version, unless nothing is new."""
        return publishing.publish(self, note=note, allow=allow)

    def connect(self, version: int | None = None) -> duckdb.DuckDBPyConnection:
        """A read-only DuckDB connection to a catalog version, else to the newest."""
        return time_travel.connect(self.root, version)


def open_lake(root: str | Path) -> Library:
    """The lake at `root`; NoLake, UnsupportedLake or DamagedLake when it cannot be opened."""
    return Library(opening.open_lake(root).root)


def init_lake(root: str | Path) -> Library:
    """A lake at `root`: a new one, or the one that is there."""
    return Library(opening.init_lake(root).root)
