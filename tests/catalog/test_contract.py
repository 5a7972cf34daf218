"""The contract: every view and column as promised, in SQL that every DuckDB from 1.2 on takes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import rdlake
from rdlake.catalog.contract import current_checks, current_contract, sql_folder
from rdlake.catalog.docs import contract_markdown
from rdlake.schema.sql import duckdb_type
from rdlake.schema.tables import TABLES, table
from rdlake.store.data_files import DataFile
from tests.catalog.golden import GOLDEN, View, as_text, described, published_text
from tests.catalog.published import Published
from tests.catalog.views import OFTEN_EMPTY, VIEWS
from tests.places import DOCS

FORBIDDEN = {
    "lambda by arrow": r"->",
    "lambda by word": r"\blambda\b",
    "TRY": r"\btry\s*\(",
    "comprehension with if": r"\[[^\]]*\bfor\b[^\]]*\bin\b[^\]]*\bif\b[^\]]*\]",
    "hash": r"\bhash\s*\(",
    "array_to_string": r"\barray_to_string\s*\(",
    "struct_insert": r"\bstruct_insert\s*\(",
    "list_zip": r"\blist_zip\s*\(",
    "unnamed row": r"\brow\s*\(",
    "time with zone": r"\btimestamptz\b|\bwith\s+time\s+zone\b",
}
TEXT_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


@pytest.fixture(scope="module")
def connection(template: Published) -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(rdlake.connect(template.lake.root)) as opened:
        yield opened


@pytest.fixture(scope="module")
def views(connection: duckdb.DuckDBPyConnection) -> dict[str, View]:
    return described(connection)


def sql_files() -> list[Path]:
    return sorted(sql_folder().rglob("*.sql"))


def code_of(path: Path) -> str:
    """The SQL without its texts and comments."""
    return TEXT_OR_COMMENT.sub(" ", path.read_text(encoding="utf-8"))


def forbidden_in(code: str) -> list[str]:
    return [name for name, pattern in FORBIDDEN.items() if re.search(pattern, code, re.I)]


def selects() -> dict[str, str]:
    return {name: view.select for name, view in current_contract().views.items()}


def test_the_contract_is_the_one_in_the_golden_file(views: dict[str, View]) -> None:
    wanted = GOLDEN.read_text(encoding="utf-8")
    assert as_text(views) == wanted, "wanted? python -m tests.catalog.golden"


def test_an_empty_lake_publishes_the_same_contract() -> None:
    assert published_text() == GOLDEN.read_text(encoding="utf-8")


def test_every_view_and_column_has_a_comment(views: dict[str, View]) -> None:
    bare = [name for name, view in views.items() if not view.comment]
    bare += [
        f"{name}.{column}"
        for name, view in views.items()
        for column, (_, comment) in view.columns.items()
        if not comment
    ]
    assert not bare


def test_the_page_is_the_one_that_the_comments_make() -> None:
    page = DOCS / "contract.md"
    assert page.read_text(encoding="utf-8") == contract_markdown(), "run `make docs`"


def test_there_is_a_view_for_each_file_and_each_table(views: dict[str, View]) -> None:
    files = {path.stem for path in (sql_folder() / "views").glob("*.sql")}
    tables = {entry.name for entry in TABLES if entry.pinned} | {"catalogs", "view_definitions"}
    assert set(views) == {f"main.{name}" for name in files} | {
        f"rdlake_tables.{name}" for name in tables
    }


def test_table_views_have_the_declared_columns(views: dict[str, View]) -> None:
    for entry in TABLES:
        if entry.pinned:
            assert tuple(views[f"rdlake_tables.{entry.name}"].columns) == entry.column_names


def test_names_are_english_snake_case(views: dict[str, View]) -> None:
    names = [part for name in views for part in name.split(".")]
    names += [column for view in views.values() for column in view.columns]
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9_]*", name)] == []


def test_no_column_has_a_time_zone(views: dict[str, View]) -> None:
    kinds = {kind for view in views.values() for kind, _ in view.columns.values()}
    assert not [kind for kind in kinds if "ZONE" in kind.upper()]


def test_types_told_are_types_answered(
    connection: duckdb.DuckDBPyConnection, views: dict[str, View]
) -> None:
    for name, view in views.items():
        answered = connection.execute(f"SELECT * FROM {name}").description or []
        told = [(column, kind) for column, (kind, _) in view.columns.items()]
        assert [(each[0], str(each[1])) for each in answered] == told, name


@pytest.mark.parametrize("seed", ["1", "2", "3", "4"])
def test_the_script_is_the_same_in_every_process(seed: str) -> None:
    asked = (
        "from rdlake.catalog.contract import current_contract;"
        "print(current_contract().text, end='')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
    told = subprocess.check_output([sys.executable, "-c", asked], env=environment)
    assert told.decode().splitlines() == current_contract().text.splitlines()


def test_every_view_states_its_key() -> None:
    files = {path.stem for path in (sql_folder() / "views").glob("*.sql")}
    assert set(current_contract().keys) == files


@pytest.mark.parametrize("view", VIEWS)
def test_the_key_exists_and_names_one_row(
    connection: duckdb.DuckDBPyConnection, views: dict[str, View], view: str
) -> None:
    key = current_contract().keys[view]
    assert set(key) <= set(views[f"main.{view}"].columns)
    rows = connection.execute(f"SELECT {', '.join(key)} FROM {view}").fetchall()
    assert rows or view in OFTEN_EMPTY
    assert len(set(rows)) == len(rows)
    assert not [row for row in rows if None in row]


@pytest.mark.parametrize("view", sorted(selects()))
def test_every_output_column_has_an_explicit_cast(view: str) -> None:
    tree = duckdb.execute("SELECT json_serialize_sql(?)", [selects()[view]]).fetchall()[0][0]
    (statement,) = json.loads(tree)["statements"]
    columns = statement["node"]["select_list"]
    assert columns
    assert [each for each in columns if each["class"] != "CAST" or not each["alias"]] == []


@pytest.mark.parametrize("path", sql_files(), ids=lambda path: path.stem)
def test_no_sql_that_some_duckdb_does_not_take(path: Path) -> None:
    assert forbidden_in(code_of(path)) == []


@pytest.mark.parametrize(
    "code",
    [
        "list_filter(x, y -> y > 1)",
        "list_filter(x, lambda y: y > 1)",
        "TRY(1 / 0)",
        "[x for x in y if x]",
        "md5(hash(x))",
        "array_to_string([], ',')",
    ],
)
def test_what_is_forbidden_is_seen(code: str) -> None:
    assert len(forbidden_in(code)) == 1


def test_a_file_holds_one_view_with_its_comments() -> None:
    for path in (sql_folder() / "views").glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"CREATE (?:OR REPLACE )?VIEW (\w+)", text) == [path.stem]
        commented = re.findall(r"COMMENT ON (?:VIEW|COLUMN) (\w+)", text)
        assert set(commented) == {path.stem}


def test_each_table_has_one_place_for_its_files() -> None:
    assert set(current_contract().tables) == {entry.name for entry in TABLES if entry.pinned}


def test_files_take_the_place_of_the_rows_that_are_not_there() -> None:
    whole = len(table("loops").columns)
    old, new = (
        DataFile(path=f"{size}.parquet", size=size, sha256="", rows=1, columns=size)
        for size in (whole - 1, whole)
    )
    none, plain, mixed = (
        current_contract().row_queries({"loops": files}, "'/root'")["loops"]
        for files in ([], [new], [old, new])
    )
    assert plain.startswith("SELECT * FROM read_parquet(string_split('/root' || ")
    assert f"'/tables/loops/{new.path}'" in plain
    assert "union_by_name=true" in mixed and "union_by_name" not in plain
    assert f"'/tables/loops/{old.path}|/tables/loops/{new.path}'" in mixed
    assert 'NULL::VARCHAR AS "workspace_id"' in none and none.endswith("WHERE false)")


def test_what_a_contract_shows_names_no_file() -> None:
    for name, view in current_contract().views.items():
        assert "read_parquet" not in view.shown
        from_rows = f"SELECT * FROM rdlake_rows.{name}()"
        assert (view.shown == from_rows) == (name in current_contract().materialized)


def test_a_check_tells_its_promise_and_reads_views() -> None:
    for each in current_checks():
        assert re.fullmatch(r"\w.*\.", each.promise), each.name
        assert "rdlake_tables." in each.sql or any(view in each.sql for view in VIEWS)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pa.string(), "VARCHAR"),
        (pa.int64(), "BIGINT"),
        (pa.binary(), "BLOB"),
        (pa.list_(pa.string()), "VARCHAR[]"),
        (pa.map_(pa.string(), pa.float64()), "MAP(VARCHAR, DOUBLE)"),
        (pa.list_(pa.struct([("a b", pa.date32())])), 'STRUCT("a b" DATE)[]'),
        (pa.timestamp("us"), "TIMESTAMP"),
    ],
)
def test_arrow_types_have_names_in_duckdb(kind: pa.DataType, name: str) -> None:
    assert duckdb_type(kind) == name


def test_every_declared_type_has_a_name_in_duckdb() -> None:
    for entry in TABLES:
        for column in entry.columns:
            assert duckdb.execute(f"SELECT NULL::{duckdb_type(column.type)}").fetchall() == [
                (None,)
            ]
