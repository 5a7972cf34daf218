"""Offer to a user of Python what can be done with a lake."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb
import polars as pl

from rdlake.catalog import publish as publishing
from rdlake.catalog import time_travel
from rdlake.catalog.publish import PublishReport
from rdlake.domain.experiment import Action
from rdlake.exports.charts.stored import draw_charts
from rdlake.ingest.content import Keep
from rdlake.ingest.external import AdditionReport, add_alphas, add_factors, add_strategy
from rdlake.ingest.loop_hook import EndedLoop, commit_ended_loop
from rdlake.ingest.pipeline import IngestReport, ingest
from rdlake.ingest.request import EVERYTHING, IngestRequest, Mode, Selection
from rdlake.sources.workspace.path_maps import read_map
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store


class Library:
    """Offer everything that a user can do with an open lake.

    `rdlake.open_lake` and `rdlake.init_lake` make one. `lake` is the store below it: code that
    commits to it directly must keep the promises of `rdlake.ingest.commit`.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def __repr__(self) -> str:
        return f"Library({str(self.root)!r})"

    @property
    def root(self) -> Path:
        """Return the folder of the lake."""
        return self.lake.root

    def read(
        self, table: str, columns: Collection[str] | None = None, where: pl.Expr | None = None
    ) -> pl.DataFrame:
        """Return the newest rows of a table, published or not; all columns unless some are named.

        `where` chooses rows. A table that was never written to has no rows.
        """
        return self.lake.read(table, columns, where)

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
        """Read what is new or changed in these folders of workspaces and in the other sources.

        `maps` are texts `OLD=NEW`: the workspaces that logs and registries name below OLD are read
        below NEW. The other parameters are those of `IngestRequest`, which explains them.
        """
        request = IngestRequest(
            roots=workspaces,
            logs=list(logs),
            registries=list(registries),
            catalogs=list(catalogs),
            signing_key=signing_key,
            maps=[read_map(each) for each in maps],
            prices=prices,
            selection=selection,
            mode=mode,
            overwrite=overwrite,
            dry_run=dry_run,
            keep=keep,
            charts=charts,
        )
        report = ingest(self.lake, request)
        if not dry_run:
            draw_charts(self.lake, draw=charts)
        return report

    def alphas(self) -> tuple[AdditionReport, ...]:
        """Add Qlib's factor libraries Alpha158 and Alpha360; write nothing when they are there."""
        return add_alphas(self.lake)

    def add_factors(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        source: str = "external_manual",
        prices: str | Path | None = None,
    ) -> AdditionReport:
        """Add a table of factors, .parquet or .csv by datetime and instrument.

        Its notes are read from a YAML of the same name beside it, and its statistics are measured
        against `prices`. It replaces what was added under the same source and name; without `name`
        the file's name counts.
        """
        return add_factors(self.lake, path, name=name, source=source, prices=prices)

    def add_strategy(
        self, path: str | Path, *, name: str | None = None, source: str = "handcrafted"
    ) -> AdditionReport:
        """Add the strategy of a Qlib configuration.

        It replaces what was added under the same source and name; without `name` the file's name
        counts.
        """
        return add_strategy(self.lake, path, name=name, source=source)

    def publish(self, *, note: str | None = None, allow: Collection[str] = ()) -> PublishReport:
        """Publish the newest rows as the next catalog version, unless nothing is new."""
        return publishing.publish(self.lake, note=note, allow=allow)

    def connect(self, version: int | None = None) -> duckdb.DuckDBPyConnection:
        """Open a read-only DuckDB connection to a catalog version, else to the newest."""
        return time_travel.connect(self.root, version)


def open_lake(root: str | Path) -> Library:
    """Open the lake at `root`; NoLake, UnsupportedLake or DamagedLake when it cannot be opened."""
    return Library(open_store(root))


def init_lake(root: str | Path) -> Library:
    """Make a lake at `root`, or open the one that is there."""
    return Library(init_store(root))


def write_loop_artifacts(  # noqa: PLR0913 - RD-Agent names each of them
    library: Library,
    *,
    task_run_row: Mapping[str, object] | None,
    loop_row: Mapping[str, object] | None,
    workspace_path: str | Path | None,
    action: Action | None,
    has_result: bool,
    keep: Keep = "essential",
) -> IngestReport:
    """Take one loop with its folder into the lake. RD-Agent calls this when the loop ends.

    The rows are those of a registry, with as many of its columns as are known; one that is given
    has at least `task_run_id` and `loop_id`. A second call with the same values changes nothing.
    A file that cannot be read, or words that contradict the files, are findings of the report and
    in `ingests`; the rest is written. Statistics of factors need prices and are left for the next
    ingest. Any failure of the lake itself is an RdlakeError.
    """
    loop = EndedLoop(
        task_run_row=task_run_row,
        loop_row=loop_row,
        workspace_path=workspace_path,
        action=action,
        has_result=has_result,
    )
    return commit_ended_loop(library.lake, loop, keep)
