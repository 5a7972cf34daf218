"""Every DuckDB from 1.2 on reads the same from one catalog file, by itself, in its own process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import pytest

from rdlake.catalog.contract import sql_folder
from rdlake.catalog.file_faults import CURRENT
from rdlake.store.lake import Lake
from tests.catalog.views import OFTEN_EMPTY
from tests.compat import lakes
from tests.compat.interpreters import BUILT, NOT_BUILT, ask, wanted

pytestmark = [pytest.mark.compat, pytest.mark.skipif(not BUILT, reason=NOT_BUILT)]

Views = dict[str, Any]
every_version = pytest.mark.parametrize("version", BUILT)


@pytest.fixture(scope="module")
def expected(full: Lake) -> Views:
    """What the DuckDB that wrote the file reads from it."""
    views: Views = ask(sys.executable, "catalog", full.root / CURRENT)
    return views


@pytest.fixture(scope="module")
def expected_of_empty(empty: Lake) -> Views:
    views: Views = ask(sys.executable, "catalog", empty.root / CURRENT)
    return views


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return lakes.moved_lake(tmp_path_factory.mktemp("moved"))


def differences(found: Views, expected: Views) -> list[str]:
    """The first difference of each view's comment, columns and rows."""
    return [
        f"{view}, {part}: {next(_unequal(found[view].get(part), expected[view][part]))}"
        for view in expected
        for part in expected[view]
        if found[view].get(part) != expected[view][part]
    ]


def _unequal(found: Any, expected: Any) -> Iterator[tuple[Any, Any]]:
    if not isinstance(expected, list):
        found, expected = [found], [expected]
    pairs = zip_longest(found or (), expected)
    return ((one, other) for one, other in pairs if one != other)


def catalog_of(version: str, lake: Lake) -> Views:
    views: Views = ask(BUILT[version], "catalog", lake.root / CURRENT)
    return views


def test_every_version_that_the_makefile_names_is_there() -> None:
    assert set(BUILT) == wanted()


def test_there_is_something_of_everything(expected: Views) -> None:
    assert {schema.partition(".")[0] for schema in expected} == {"main", "rdlake_tables"}
    empty = {view for view, of_view in expected.items() if not of_view.get("rows")}
    assert empty <= {f"main.{view}" for view in OFTEN_EMPTY}


@every_version
def test_columns_comments_and_rows_are_the_same(full: Lake, expected: Views, version: str) -> None:
    found = catalog_of(version, full)
    assert found.keys() == expected.keys()
    assert differences(found, expected) == []
    assert not [view for view in found if not found[view]["comment"]]


@every_version
def test_a_lake_without_a_row_is_the_same(
    empty: Lake, expected: Views, expected_of_empty: Views, version: str
) -> None:
    found = catalog_of(version, empty)
    assert differences(found, expected_of_empty) == []
    for view, of_full in expected.items():
        assert found[view]["columns"] == of_full["columns"]
        assert [column[:2] for column in found[view]["columns"]] == found[view]["described"]


@every_version
@pytest.mark.parametrize("variable", ["lake_root", "lake_root_{id}"])
def test_a_lake_that_was_moved_is_found_by_a_variable(
    moved: Lake, version: str, variable: str
) -> None:
    of_this_lake = variable.format(id=moved.lake_id[:8])
    found, expected = (
        ask(python, "catalog", moved.root / CURRENT, of_this_lake, moved.root)
        for python in (BUILT[version], sys.executable)
    )
    assert differences(found, expected) == []
    assert len(found["main.equity_curve"]["rows"]) == lakes.DAYS


@every_version
def test_a_lake_that_was_moved_is_not_found_by_itself(moved: Lake, version: str) -> None:
    assert "No files found" in catalog_of(version, moved)["main.loop_catalog"]["error"]


@every_version
def test_checks_and_queries_answer_the_same(full: Lake, version: str) -> None:
    files = [path for kind in ("checks", "queries") for path in (sql_folder() / kind).glob("*.sql")]
    found, wanted = (
        ask(python, "queries", full.root / CURRENT, *files)
        for python in (BUILT[version], sys.executable)
    )
    assert found == wanted
