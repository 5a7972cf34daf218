"""Views whose rows are made when published: the same rows as their query, kept and made again."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

import rdlake
from rdlake.catalog.contract import VIEW_FILES, contract_of, current_contract
from rdlake.catalog.pinning import file_lists
from rdlake.catalog.publish import publish, rollback
from rdlake.catalog.time_travel import file_of
from rdlake.catalog.verify import verify
from rdlake.catalog.version import find_version, newest
from rdlake.errors import DamagedLake
from rdlake.library import Library
from rdlake.operations.doctor import repair
from rdlake.operations.maintain import maintain
from rdlake.store.opening import init_store, open_store
from tests.catalog.published import Published
from tests.catalog.views import OFTEN_EMPTY

VIEWS = sorted(current_contract().materialized)


def file_of_view(made: Published, view: str = "factor_catalog", number: int | None = None) -> Path:
    version = find_version(made.lake, number) if number else newest(made.lake)
    ((file,),) = file_lists(made.lake, [p for p in version.views if p.name == view]).values()
    return made.lake.root / VIEW_FILES / file.path


def rows(made: Published, query: str, number: int | None = None) -> list[tuple[object, ...]]:
    with contextlib.closing(rdlake.connect(made.lake.root, number)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("view", VIEWS)
def test_the_file_has_the_rows_and_types_of_the_query_in_the_order_of_the_key(
    template: Published, view: str
) -> None:
    key = ", ".join(current_contract().keys[view])
    query, file = f"({current_contract().views[view].select})", f"'{file_of_view(template, view)}'"
    with contextlib.closing(rdlake.connect(template.lake.root)) as connection:
        wanted = connection.execute(f"DESCRIBE FROM {query}").fetchall()
        assert connection.execute(f"DESCRIBE FROM {file}").fetchall() == wanted
        wanted = connection.execute(f"FROM {query} ORDER BY {key}").fetchall()
        assert wanted or view in OFTEN_EMPTY
        assert connection.execute(f"FROM {file} ORDER BY {key}").fetchall() == wanted
        ids = connection.execute(f"SELECT {key} FROM {query} ORDER BY {key}").fetchall()
    table = pq.read_table(file_of_view(template, view))
    assert [
        tuple(row.values()) for row in table.select(current_contract().keys[view]).to_pylist()
    ] == ids


def test_a_view_is_read_from_its_file_alone(template: Published) -> None:
    with contextlib.closing(rdlake.connect(template.lake.root)) as connection:
        plan = str(connection.execute("EXPLAIN FROM factor_catalog").fetchall())
    assert "PARQUET" in plan.upper()
    assert "GROUP_BY" not in plan.upper() and "JOIN" not in plan.upper()


def test_what_did_not_change_keeps_its_file(published: Published) -> None:
    before = file_of_view(published)
    report = publish(published.lake, repin=True)
    assert report.outcome == "published"
    assert file_of_view(published) == before
    assert len(list(before.parent.iterdir())) == len(VIEWS)


@pytest.mark.slow
def test_another_query_is_another_file(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = current_contract().text.replace(
        "min(created_at) AS created_at", "max(created_at) AS created_at"
    )
    monkeypatch.setattr("rdlake.catalog.publish.current_contract", lambda: contract_of(newer))
    publish(published.lake)
    assert file_of_view(published) != file_of_view(published, number=1)


@pytest.mark.slow
def test_each_version_has_its_own_rows(two_versions: Published) -> None:
    assert file_of_view(two_versions, number=1) != file_of_view(two_versions, number=2)
    first, second = (rows(two_versions, "FROM factor_catalog", number) for number in (1, 2))
    assert first != second
    rollback(two_versions.lake, 1)
    assert rows(two_versions, "FROM factor_catalog") == first
    assert file_of_view(two_versions) == file_of_view(two_versions, number=1)


@pytest.mark.slow
@pytest.mark.parametrize("content", [None, b"", b"half"])
def test_a_lost_file_is_named_and_made_again(
    two_versions: Published, content: bytes | None
) -> None:
    lake, path = two_versions.lake, file_of_view(two_versions)
    whole, answer = path.read_bytes(), rows(two_versions, "FROM factor_catalog")
    path.unlink() if content is None else path.write_bytes(content)
    (fault,) = verify(lake).faults
    assert (fault.file, fault.versions) == (str(path), (2,))
    assert "rdlake catalogs attach 2 makes the rows of factor_catalog again" in fault.fix
    file_of(lake, 2)
    assert path.read_bytes() == whole
    assert rows(two_versions, "FROM factor_catalog") == answer
    assert verify(lake, deep=True).whole


@pytest.mark.slow
def test_a_flipped_bit_is_found_by_a_deep_look(two_versions: Published) -> None:
    path = file_of_view(two_versions)
    content = bytearray(path.read_bytes())
    content[8] ^= 1
    path.write_bytes(content)
    (fault,) = verify(two_versions.lake, deep=True).faults
    assert (fault.file, fault.versions) == (str(path), (2,))
    assert "sha256" in fault.reason


def test_what_does_not_come_out_as_published_is_refused(two_versions: Published) -> None:
    lake, path = two_versions.lake, file_of_view(two_versions)
    path.unlink()
    ((loops,), *_) = (file_lists(lake, [find_version(lake, 2).pins["loops"]]).values(),)
    for file in loops:
        (lake.folder("loops") / file.path).unlink()
    with pytest.raises(DamagedLake, match="pins a file that is gone"):
        file_of(lake, 2)
    assert not [each for each in path.parent.iterdir() if each.name.startswith(".")]


@pytest.mark.slow
def test_a_lost_list_is_found_again_by_making_the_rows_again(two_versions: Published) -> None:
    lake = two_versions.lake
    answer = rows(two_versions, "FROM factor_catalog")
    shutil.rmtree(lake.folder("file_lists"))
    assert not verify(lake).whole
    repair(lake.root)
    assert verify(open_store(lake.root), deep=True).whole
    assert rows(two_versions, "FROM factor_catalog") == answer


def test_upkeep_keeps_what_a_version_has_and_takes_the_rest(two_versions: Published) -> None:
    kept = {file_of_view(two_versions, view, number) for view in VIEWS for number in (1, 2)}
    folder = two_versions.lake.root / VIEW_FILES
    (folder / "factor_catalog-0-0.parquet").write_bytes(b"of nobody")
    (folder / f".{'0' * 32}.parquet").write_bytes(b"left behind")
    assert set(maintain(two_versions.lake).catalog_files_pruned) == set()
    report = maintain(two_versions.lake, older_than_hours=0)
    assert len(report.catalog_files_pruned) == 2
    assert set(folder.iterdir()) == kept


def test_a_lake_without_factors_has_the_view_too(tmp_path: Path) -> None:
    lake = init_store(tmp_path / "lake")
    Library(lake).publish()
    with duckdb.connect(str(lake.root / "catalog.duckdb"), read_only=True) as reader:
        assert reader.execute("FROM factor_catalog").fetchall() == []
        assert "MAP(VARCHAR, VARCHAR)" in str(reader.execute("DESCRIBE factor_catalog").fetchall())
