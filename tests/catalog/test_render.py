"""A version as a file: small, immutable, relocatable, and typed where there are no rows."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

import rdlake
from rdlake.catalog.pinning import file_lists
from rdlake.catalog.publish import publish
from rdlake.catalog.render import draft, place_current, render_version, root_expression
from rdlake.catalog.time_travel import file_of
from rdlake.catalog.version import history, newest
from rdlake.errors import DamagedLake
from rdlake.schema.tables import TABLES, table
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.catalog.published import NEW, Published, replace_rows
from tests.catalog.views import VIEWS, rows_in, rows_of

MACROS = "SELECT macro_definition FROM duckdb_functions() WHERE schema_name = 'rdlake_rows'"
OLDEST_STORAGE = 64
"""The number of DuckDB's storage format that v1.0.0 wrote and every later one attaches."""


def bytes_of(file: Path) -> bytes:
    return file.read_bytes()


def test_the_file_has_the_format_of_the_oldest_duckdb(template: Published) -> None:
    head = bytes_of(file_of(template.lake, 1))[:20]
    assert head[8:12] == b"DUCK"
    assert struct.unpack("<Q", head[12:20]) == (OLDEST_STORAGE,)


def test_only_the_versions_lie_in_the_file_itself(template: Published) -> None:
    file = file_of(template.lake, 1)
    assert file.stat().st_size < 1_200_000
    with contextlib.closing(duckdb.connect(str(file), read_only=True)) as connection:
        tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        assert tables == [("catalogs",)]
        assert connection.execute("FROM rdlake_tables.catalogs").description is not None


def test_macros_name_pinned_files_and_no_other(two_versions: Published) -> None:
    lake = two_versions.lake
    version = history(lake)[0]
    pinned = {file.path for files in file_lists(lake, version.tables).values() for file in files}
    there = {path.name for path in (lake.root / "tables").rglob("part-*.parquet")}
    with contextlib.closing(duckdb.connect(str(render_version(lake, version)))) as connection:
        sql = " ".join(row[0] for row in connection.execute(MACROS).fetchall())
    assert pinned < there
    assert {name for name in there if name in sql} == pinned


def test_the_root_stands_in_one_expression(template: Published) -> None:
    expression = root_expression(template.lake)
    assert expression.index(f"lake_root_{template.lake.lake_id[:8]}") < expression.index(
        "'lake_root'"
    )
    assert expression.endswith(f"'{template.lake.root.as_posix()}')")


def test_tables_without_rows_are_typed(lake: Lake) -> None:
    publish(lake)
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        for entry in TABLES:
            if entry.pinned:
                assert connection.execute(f"FROM rdlake_tables.{entry.name}").fetchall() == []
        kinds = dict(
            connection.execute(
                "SELECT column_name, column_type FROM (DESCRIBE rdlake_tables.loops)"
            ).fetchall()
        )
    assert (kinds["metrics"], kinds["created_at"]) == ("MAP(VARCHAR, DOUBLE)", "TIMESTAMP")


def test_rows_older_than_a_column_have_null_in_it(lake: Lake) -> None:
    old = pa.table({"workspace_id": ["old"], "decision": [True]})
    write_deltalake(str(lake.folder("feedback")), old)
    replace_rows(
        lake, "feedback", "new", {"workspace_id": "new", "decision": False, "code_critic": ["x"]}
    )
    publish(lake)
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        rows = connection.execute(
            "SELECT workspace_id, decision, code_critic FROM rdlake_tables.feedback ORDER BY 1"
        ).fetchall()
    assert rows == [("new", False, ["x"]), ("old", True, None)]


def test_columns_stand_in_the_declared_order(template: Published) -> None:
    with contextlib.closing(rdlake.connect(template.lake.root)) as connection:
        described = connection.execute("DESCRIBE rdlake_tables.loops").fetchall()
    assert tuple(row[0] for row in described) == table("loops").column_names


@pytest.mark.slow
def test_a_folder_with_an_equals_sign_is_no_column(tmp_path: Path) -> None:
    lake = init_store(tmp_path / "env=prod" / "loop_id=7")
    made = Published(lake, tmp_path / "workspaces")
    make_workspace(made.workspaces)
    made.ingest()
    made.publish()
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        names = [row[0] for row in connection.execute("DESCRIBE rdlake_tables.loops").fetchall()]
        assert connection.execute("SELECT loop_id FROM loop_catalog").fetchall() == [(0,)]
    assert "env" not in names


@pytest.mark.slow
def test_rendering_twice_gives_the_same_views(template_of_two: Published, tmp_path: Path) -> None:
    lake = template_of_two.lake
    versions = history(lake)
    files = file_lists(lake, versions[-1].tables)
    with draft(lake, versions, files) as (path, _):
        again = rows_in(path, lake.root)
        assert path.parent == lake.catalogs_folder
    assert again == rows_of(lake, 2)
    assert not path.exists()


def test_a_draft_leaves_nothing_behind_when_it_fails(two_versions: Published) -> None:
    lake = two_versions.lake
    pinned = file_lists(lake, newest(lake).tables)["loops"][-1]
    (lake.folder("loops") / pinned.path).unlink()
    (lake.catalogs_folder / "v000002.duckdb").unlink()
    with pytest.raises(DamagedLake, match="pins a file that is gone") as damaged:
        file_of(lake, 2)
    assert pinned.path in damaged.value.where
    assert [path.name for path in lake.catalogs_folder.glob("*.duckdb")] == ["v000001.duckdb"]
    assert [path.name for path in lake.catalogs_folder.rglob(".*")] == []


def test_a_version_stays_whole_without_the_files_of_others(two_versions: Published) -> None:
    lake = two_versions.lake
    first, second = (file_lists(lake, version.tables)["loops"] for version in history(lake))
    for file in set(second) - set(first):
        (lake.folder("loops") / file.path).unlink()
    (lake.catalogs_folder / "v000001.duckdb").unlink()
    assert len(rows_of(lake, 1)["loop_catalog"]) == 3


def test_the_current_file_is_a_copy_of_the_newest(two_versions: Published) -> None:
    lake = two_versions.lake
    newest_file = bytes_of(lake.catalogs_folder / "v000002.duckdb")
    assert bytes_of(lake.root / "catalog.duckdb") == newest_file
    (lake.root / "catalog.duckdb").unlink()
    assert place_current(lake) == lake.root / "catalog.duckdb"
    assert bytes_of(lake.root / "catalog.duckdb") == newest_file


def test_files_are_read_from_the_copy_that_connects(two_versions: Published) -> None:
    with contextlib.closing(rdlake.connect(two_versions.lake.root)) as connection:
        plan = connection.execute("EXPLAIN ANALYZE FROM loop_catalog").fetchall()
        root = connection.execute("SELECT getvariable('lake_root')").fetchall()
        assert all(connection.execute(f"SELECT count(*) FROM {view}").fetchall() for view in VIEWS)
    assert plan
    assert root == [(two_versions.lake.root.as_posix(),)]
    assert NEW in {row[2] for row in rows_of(two_versions.lake, 2)["loop_catalog"]}
