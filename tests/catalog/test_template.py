"""A contract is stated once in a lake; each version's file is a copy of that, with its own rows."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from rdlake.catalog import template as module
from rdlake.catalog.contract import current_contract
from rdlake.catalog.publish import publish
from rdlake.catalog.template import TEMPLATES, find_template
from rdlake.catalog.time_travel import file_of
from rdlake.catalog.verify import verify
from rdlake.errors import StorageFailed
from rdlake.operations.maintain import maintain
from rdlake.store.durable import sha256_of
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.catalog.published import NEW, Published, with_view
from tests.catalog.views import VIEWS, rows_of


def blanks(lake: Lake) -> list[Path]:
    return sorted((lake.root / TEMPLATES).iterdir())


def never_stated(*_: object) -> bytes:
    raise AssertionError("it was stated anew")


@pytest.mark.slow
def test_every_version_is_a_copy_of_one_blank(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    (there,) = blanks(published.lake)
    before = there.read_bytes()
    monkeypatch.setattr(module, "_state", never_stated)
    published.add(NEW)
    assert published.publish() == 2
    assert blanks(published.lake) == [there] and there.read_bytes() == before


def test_it_has_every_view_without_rows_and_names_no_place(published: Published) -> None:
    (there,) = blanks(published.lake)
    assert os.fsencode(published.lake.root) not in there.read_bytes()
    with contextlib.closing(duckdb.connect(str(there), read_only=True)) as connection:
        for view in set(VIEWS) - {"catalog_info"}:
            assert connection.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,), view


@pytest.mark.slow
def test_one_that_was_changed_is_not_used(published: Published, tmp_path: Path) -> None:
    (there,) = blanks(published.lake)
    whole = there.read_bytes()
    there.unlink()
    other = tmp_path / "other.duckdb"
    other.write_bytes(whole)
    with contextlib.closing(duckdb.connect(str(other))) as connection:
        connection.execute("CREATE OR REPLACE VIEW catalog_info AS SELECT 42 AS catalog_version")
    shutil.copyfile(other, there)
    published.add(NEW)
    assert published.publish() == 2
    assert rows_of(published.lake, 2, ["catalog_info"])["catalog_info"][0][0] != 42
    assert there.read_bytes() == whole  # stated anew, in its place


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"half"])
def test_one_that_is_torn_is_not_used(published: Published, content: bytes) -> None:
    (there,) = blanks(published.lake)
    there.write_bytes(content)
    published.add(NEW)
    before = rows_of(published.lake, 1)
    assert published.publish() == 2
    assert rows_of(published.lake, 1) == before


def test_it_is_copied_from_another_lake(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_state", never_stated)
    lake = init_store(tmp_path / "other")
    publish(lake, reuse_from=published.lake)
    assert [each.name for each in blanks(lake)] == [each.name for each in blanks(published.lake)]


@pytest.mark.slow
def test_a_file_in_its_way_is_told(published: Published) -> None:
    folder = published.lake.root / TEMPLATES
    shutil.rmtree(folder)
    folder.write_text("in the way", encoding="utf-8")
    published.add(NEW)
    with pytest.raises(StorageFailed, match="refused") as raised:
        published.publish()
    assert str(folder) in str(raised.value.where)
    folder.unlink()
    assert published.publish() == 2


def test_upkeep_removes_other_contracts_once_they_are_old(published: Published) -> None:
    (there,) = blanks(published.lake)
    text = with_view(current_contract().text, "added", "one", "SELECT 1::BIGINT AS one")
    other = find_template(published.lake, text)
    assert maintain(published.lake).catalog_files_pruned == ()
    for path in (there, other):
        os.utime(path, (1, 1))
    assert maintain(published.lake).catalog_files_pruned == (other.name,)
    assert blanks(published.lake) == [there]


def test_two_versions_at_once_each_show_their_own_rows(two_versions: Published) -> None:
    question = (
        "SELECT (SELECT count(*) FROM {0}.loop_catalog), (SELECT count(*) FROM {1}.loop_catalog)"
    )
    files = [file_of(two_versions.lake, number) for number in (1, 2)]
    with contextlib.closing(duckdb.connect()) as connection:
        for name, path in zip(("one", "two"), files, strict=True):
            connection.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        for use in ("memory", "one", "two"):
            connection.execute(f"USE {use}")
            one, two = connection.execute(question.format("one", "two")).fetchone() or (0, 0)
            assert two == one + 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "COMMENT ON COLUMN loop_catalog.sharpe IS 'any number'",
        "CREATE OR REPLACE VIEW group_words AS SELECT * FROM rdlake_rows.group_words() LIMIT 0",
        "CREATE MACRO main.md5(word) AS word",
    ],
)
def test_one_that_was_changed_under_its_own_digest_is_found(
    published: Published, change: str
) -> None:
    lake = published.lake
    (there,) = blanks(lake)
    assert verify(lake, deep=True).whole
    with contextlib.closing(duckdb.connect(str(there))) as connection:
        connection.execute(change)
    key, digest, _ = there.name.split(".")
    path = there.with_name(f"{key}.{sha256_of(there)}.duckdb")
    there.rename(path)
    published.add(NEW)
    published.publish()
    assert verify(lake).whole
    (fault,) = verify(lake, deep=True).faults
    assert (fault.file, fault.versions) == (str(path), (1, 2))
    path.unlink()  # as it says
    for number in fault.versions:
        (lake.catalogs_folder / f"v{number:06d}.duckdb").unlink()
        file_of(lake, number)
    assert verify(lake, deep=True).whole
    assert digest in blanks(lake)[0].name
