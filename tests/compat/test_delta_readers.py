"""Each table is plain Delta: every engine that reads Delta finds the rows that the lake gives."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from rdlake.schema.frames import cast
from rdlake.schema.tables import TABLES, Table
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.compat.interpreters import BUILT, NOT_BUILT, ask, delta_extensions
from tests.compat.read import canonical

Reader = Callable[[Lake, Table], pa.Table]


@pytest.fixture(scope="module")
def plain(full: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake at a path of plain letters: `scan_delta` of Polars cannot read any other."""
    root = tmp_path_factory.mktemp("plain") / "lake"
    return open_store(shutil.copytree(full.root, root))


def as_texts(rows: pa.Table) -> list[str]:
    """The rows as the reader of the other processes writes them."""
    return canonical(rows.to_pylist(maps_as_pydicts="strict"))


def by_the_lake(lake: Lake, entry: Table) -> list[str]:
    return as_texts(cast(entry, lake.read(entry.name)))


def by_polars(lake: Lake, entry: Table) -> pa.Table:
    return cast(entry, pl.scan_delta(str(lake.folder(entry.name))).collect())


def by_polars_files(lake: Lake, entry: Table) -> pa.Table:
    """Without the log: the data files alone are the truth."""
    frames = [pl.read_parquet(path, glob=False) for path in files(lake, entry)]
    return cast(entry, pl.concat(frames, how="diagonal"))


def by_pyarrow(lake: Lake, entry: Table) -> pa.Table:
    return ds.dataset(files(lake, entry), schema=entry.schema, format="parquet").to_table()


def files(lake: Lake, entry: Table) -> list[str]:
    return [str(lake.folder(entry.name) / path) for path, _, _ in lake.snapshot(entry.name).files]


@pytest.mark.slow
@pytest.mark.parametrize("entry", TABLES, ids=lambda entry: entry.name)
@pytest.mark.parametrize("read", [by_polars, by_polars_files, by_pyarrow])
def test_the_rows_are_those_of_the_lake(plain: Lake, read: Reader, entry: Table) -> None:
    expected = by_the_lake(plain, entry)
    assert expected
    assert as_texts(read(plain, entry)) == expected


@pytest.mark.compat
@pytest.mark.skipif(not BUILT, reason=NOT_BUILT)
def test_duckdb_reads_the_rows_with_its_delta_extension(full: Lake) -> None:
    extensions = delta_extensions()
    if not extensions:
        pytest.skip("no package of DuckDB's delta extension could be installed")
    for version, extension in extensions.items():
        names = [entry.name for entry in TABLES]
        found = ask(BUILT[version], "delta", extension, full.root / "tables", *names)
        for entry in TABLES:
            assert found[entry.name] == by_the_lake(full, entry), entry.name
