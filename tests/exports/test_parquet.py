"""Test every view as a Parquet file: the same rows and types, with their meanings."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

import rdlake
from rdlake.catalog.contract import current_contract
from rdlake.catalog.docs import column_meanings
from rdlake.exports.parquet import export_parquet
from rdlake.library import Library
from rdlake.store.lake import Lake
from tests.catalog.views import OFTEN_EMPTY
from tests.cli.run import run
from tests.exports.odd import ODD, put_odd

EMPTY = OFTEN_EMPTY
"""Views of which this lake may have no rows."""


@pytest.fixture(scope="module")
def folder(everything: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parquet")
    written = export_parquet(everything, folder)
    assert {each.path.stem for each in written} == current_contract().keys.keys()
    assert {each.path.stem for each in written if not each.rows} <= EMPTY
    return folder


def rows(connection: duckdb.DuckDBPyConnection, source: str, view: str) -> list[Any]:
    order = ", ".join(current_contract().keys[view])
    described = connection.execute(f"DESCRIBE {source}").fetchall()
    found = connection.execute(f"SELECT * FROM {source} ORDER BY {order}").fetchall()
    return [tuple(row[:2] for row in described), *map(repr, found)]


@pytest.mark.slow
def test_duckdb_reads_what_the_catalog_has(everything: Lake, folder: Path) -> None:
    with (
        contextlib.closing(rdlake.connect(everything.root)) as catalog,
        contextlib.closing(duckdb.connect()) as plain,
    ):
        for view in current_contract().keys:
            file = f"'{folder / view}.parquet'"
            assert rows(plain, f"(FROM {file})", view) == rows(catalog, f"(FROM {view})", view), (
                view
            )


def test_rows_are_in_the_order_of_their_key(folder: Path) -> None:
    for view, key in current_contract().keys.items():
        table = pq.read_table(folder / f"{view}.parquet", columns=list(key)).to_pylist()
        found = [tuple(row.values()) for row in table]
        assert found == sorted(found), view


def test_comments_are_where_pyarrow_and_duckdb_look(everything: Lake, folder: Path) -> None:
    with contextlib.closing(rdlake.connect(everything.root)) as catalog:
        views = dict(catalog.execute("SELECT view_name, comment FROM duckdb_views()").fetchall())
        columns = catalog.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns() "
            "WHERE schema_name = 'main' AND NOT internal"
        ).fetchall()
        for view in current_contract().keys:
            told = {name: comment for table, name, comment in columns if table == view}
            schema = pq.read_schema(folder / f"{view}.parquet")
            assert {field.name: field.metadata[b"comment"].decode() for field in schema} == told
            found = catalog.execute(
                f"SELECT decode(key), decode(value) FROM "
                f"parquet_kv_metadata('{folder / view}.parquet')"
            ).fetchall()
            said = dict(found)
            assert said["comment"] == views[view]
            assert json.loads(said["column_comments"]) == told
            assert said["catalog_version"] == "1"
            assert said["key"] == ", ".join(current_contract().keys[view])


def test_two_exports_of_a_version_are_equal_to_the_byte(
    own: Lake, folder: Path, tmp_path: Path
) -> None:
    put_odd(own, decision=True)
    Library(own).publish(allow=["results_are_finite"])
    export_parquet(own, tmp_path / "out")
    new = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    export_parquet(own, tmp_path / "out", version=1)
    again = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert first == again
    assert new["loop_catalog.parquet"] != again["loop_catalog.parquet"]


def test_an_export_that_fails_replaces_nothing(
    own: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_parquet(own, tmp_path / "out")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    views = iter(range(3))

    def fail_later(connection: Any, view: str) -> dict[str, str]:
        next(views)  # raises at the fourth view
        return column_meanings(connection, view)

    monkeypatch.setattr("rdlake.exports.parquet.column_meanings", fail_later)
    with pytest.raises(StopIteration):
        export_parquet(own, tmp_path / "out")
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert after == before


def test_the_command_names_each_file(
    capsys: pytest.CaptureFixture[str], everything: Lake, tmp_path: Path
) -> None:
    told = run(capsys, "catalogs", "export-parquet", tmp_path, "--lake", everything.root, "--json")
    assert told.code == 0
    assert {
        Path(each["file"]).stem for each in json.loads(told.out)
    } == current_contract().keys.keys()
    names = pq.read_table(tmp_path / "loop_catalog.parquet")["task_run_id"].to_pylist()
    assert ODD in names
