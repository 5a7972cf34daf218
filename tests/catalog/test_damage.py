"""Damage to a published lake: whatever it is, no reader sees other rows, it is named with the
command that mends it, and the lake says the same again afterwards."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

import rdlake
from rdlake.catalog.publish import publish
from rdlake.catalog.time_travel import file_of
from rdlake.catalog.verify import verify
from rdlake.catalog.version import history
from rdlake.errors import DamagedLake, RdlakeError
from rdlake.operations.doctor import examine, repair
from rdlake.operations.maintain import maintain
from rdlake.store.delta_log import commit_entry, entry_path, log_folder
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.catalog.published import Published
from tests.catalog.test_verify import in_version, rewrite
from tests.catalog.views import CONTENT, Rows, rows_in
from tests.ingesting import ingest
from tests.lake_rows import listing

Damage = Callable[[Lake, str, int], None]
TABLES = ("loops", "file_lists", "catalogs")


def attached(lake: Lake) -> Rows:
    """What a reader sees who attaches catalog.duckdb; a passing copy, since DuckDB keeps a file
    that it has read in this process."""
    copy = lake.root.parent / "read.duckdb"
    shutil.copy(lake.root / "catalog.duckdb", copy)
    return rows_in(copy, lake.root, CONTENT)


def connected(lake: Lake) -> Rows | None:
    """What `rdlake.connect` shows; None when it refuses."""
    try:
        with contextlib.closing(rdlake.connect(lake.root)) as connection:
            return {
                view: connection.execute(f"SELECT * FROM main.{view} ORDER BY ALL").fetchall()
                for view in CONTENT
            }
    except DamagedLake:
        return None


# --- the log of a table ----------------------------------------------------------------------


def zero_bytes(lake: Lake, table: str, newest: int) -> None:
    entry_path(lake.folder(table), newest).write_bytes(b"")


def truncated(lake: Lake, table: str, newest: int) -> None:
    path = entry_path(lake.folder(table), newest)
    path.write_bytes(path.read_bytes()[:-40])


def missing(lake: Lake, table: str, newest: int) -> None:
    entry_path(lake.folder(table), newest).unlink()


def swapped(lake: Lake, table: str, newest: int) -> None:
    one, other = (entry_path(lake.folder(table), number) for number in (newest - 1, newest))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def older(lake: Lake, table: str, newest: int) -> None:
    folder = lake.folder(table)
    entry_path(folder, newest).write_bytes(entry_path(folder, newest - 1).read_bytes())


def zero_in_the_middle(lake: Lake, table: str, newest: int) -> None:
    entry_path(lake.folder(table), newest - 1).write_bytes(b"")


def missing_in_the_middle(lake: Lake, table: str, newest: int) -> None:
    entry_path(lake.folder(table), newest - 1).unlink()


IN_THE_LOG: list[Damage] = [
    zero_bytes,
    truncated,
    missing,
    swapped,
    older,
    zero_in_the_middle,
    missing_in_the_middle,
]


PAIRS = [(damage, table) for damage in IN_THE_LOG for table in TABLES]
FEW = [*zip(IN_THE_LOG, cycle(TABLES), strict=False)]
"""Each damage once, and each table."""


@pytest.mark.parametrize(
    ("damage", "table"),
    [pytest.param(*pair, marks=() if pair in FEW else pytest.mark.guards) for pair in PAIRS],
)
def test_no_reader_sees_other_rows_after_damage_to_a_log_and_a_repair_brings_them_back(
    two_versions: Published, damage: Damage, table: str
) -> None:
    lake = two_versions.lake
    before, files = attached(lake), listing(lake.root)
    damage(lake, table, lake.snapshot(table).version or 0)
    assert attached(lake) == before
    assert connected(lake) in (before, None)
    faults = examine(lake.root).faults
    assert any(table in fault.file or "v000002" in fault.file for fault in faults)
    assert all("rdlake doctor --repair" in f.fix or "rdlake catalogs" in f.fix for f in faults)
    repair(lake.root)
    assert len(listing(lake.root)) >= len(files) - 1
    lake = open_store(lake.root)
    assert examine(lake.root).whole
    ingest(lake, [two_versions.workspaces])
    publish(lake)
    assert attached(lake) == connected(lake) == before
    assert verify(lake, deep=True).whole


def test_a_table_behind_what_was_published_is_not_published(two_versions: Published) -> None:
    lake = two_versions.lake
    newest = lake.snapshot("loops").version or 0
    missing(lake, "loops", newest)
    lake = open_store(lake.root)
    with pytest.raises(DamagedLake) as error:
        publish(lake)
    assert error.value.where == str(log_folder(lake.folder("loops")))
    assert f"ends at version {newest - 1}" in error.value.what
    assert [fault.file for fault in examine(lake.root).faults] == [error.value.where]


@pytest.mark.guards
def test_a_version_whose_row_is_gone_gives_its_number_and_files_to_nobody(
    two_versions: Published,
) -> None:
    lake = two_versions.lake
    missing(lake, "catalogs", lake.snapshot("catalogs").version or 0)
    lake = open_store(lake.root)
    for use in (publish, maintain, history):
        with pytest.raises(DamagedLake, match="version 2 was published, but its row is gone"):
            use(lake)
    found = {Path(fault.file).name: fault.versions for fault in verify(lake).faults}
    assert found == {"catalog.duckdb": (1,), "v000002.duckdb": (2,)}
    moved = {Path(path).name for path in repair(lake.root)}
    assert moved == {"catalog.duckdb", "v000002.duckdb"}
    assert examine(lake.root).catalog_version == 1
    assert publish(open_store(lake.root)).version.catalog_version == 2


def test_an_edited_row_is_refused_where_its_file_would_be_made_again(
    two_versions: Published,
) -> None:
    lake = rewrite(two_versions.lake, "catalogs", in_version(1, sql="SELECT 1"))
    assert [fault.versions for fault in verify(lake).faults] == [(1,)]
    (lake.catalogs_folder / "v000001.duckdb").unlink()
    with pytest.raises(DamagedLake, match="the row of version 1 was changed") as error:
        file_of(lake, 1)
    assert error.value.where == str(lake.folder("catalogs"))
    assert "rdlake catalogs verify" in error.value.fix


# --- data files ------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"half", None])
def test_a_pinned_file_that_is_not_whole_is_named_with_its_versions_and_the_remedy(
    two_versions: Published, content: bytes | None
) -> None:
    lake = two_versions.lake
    ((name, _, _),) = commit_entry(lake.folder("equity_curves"), 1).added
    path = lake.folder("equity_curves") / name
    path.unlink() if content is None else path.write_bytes(content)
    (fault,) = verify(lake).faults
    assert (fault.file, fault.versions) == (str(path), (1, 2))
    assert fault.fix == "restore it from a copy of the lake"
    shutil.rmtree(lake.catalogs_folder)
    with pytest.raises(RdlakeError) as error:
        file_of(lake, 1)
    assert error.value.where == str(path)


@pytest.mark.parametrize("table", ["file_lists", "catalogs"])
def test_a_file_that_the_doctor_itself_reads_is_named_when_it_is_not_whole(
    two_versions: Published, table: str
) -> None:
    folder = two_versions.lake.folder(table)
    ((name, _, _),) = commit_entry(folder, 1).added
    (folder / name).write_bytes(b"half")
    (fault,) = examine(two_versions.lake.root).faults
    assert fault.file == str(folder / name)
    assert "from a copy of the lake" in fault.fix


# --- catalog files ---------------------------------------------------------------------------


def of_no_duckdb(file: Path, _: Published) -> None:
    file.write_bytes(b"not a DuckDB file" * 900)


def of_zero_bytes(file: Path, _: Published) -> None:
    file.write_bytes(b"")


def cut(file: Path, _: Published) -> None:
    file.write_bytes(file.read_bytes()[:-70_000])


def of_another_version(file: Path, made: Published) -> None:
    number = 2 if file.name == "v000001.duckdb" else 1
    shutil.copy(made.lake.catalogs_folder / f"v{number:06d}.duckdb", file)


def of_another_lake(file: Path, made: Published) -> None:
    other = init_store(made.lake.root.with_name("other"))
    ingest(other, [made.workspaces])
    shutil.copy(publish(other).file, file)


ELSEWHERE = [of_no_duckdb, of_zero_bytes, cut, of_another_version, of_another_lake]


@pytest.mark.guards
@pytest.mark.parametrize("damage", ELSEWHERE)
@pytest.mark.parametrize("mended_by", ["publish", "repair"])
def test_another_catalog_duckdb_is_named_and_replaced(
    two_versions: Published, damage: Callable[[Path, Published], None], mended_by: str
) -> None:
    lake = two_versions.lake
    current, before = lake.root / "catalog.duckdb", attached(lake)
    damage(current, two_versions)
    (fault,) = verify(lake).faults
    assert (fault.file, fault.versions) == (str(current), (2,))
    assert "rdlake catalogs publish" in fault.fix
    (complaint,) = examine(lake.root).faults
    assert (complaint.file, complaint.fix) == (str(current), fault.fix)
    assert connected(lake) == before
    publish(lake) if mended_by == "publish" else repair(lake.root)
    assert attached(lake) == before
    assert verify(lake, deep=True).whole


@pytest.mark.guards
@pytest.mark.parametrize("damage", ELSEWHERE)
@pytest.mark.parametrize("number", [1, 2])
def test_another_file_of_a_version_is_named_and_rendered_again(
    two_versions: Published, damage: Callable[[Path, Published], None], number: int
) -> None:
    lake = two_versions.lake
    file = lake.catalogs_folder / f"v{number:06d}.duckdb"
    before = connected(lake)
    damage(file, two_versions)
    (fault,) = verify(lake).faults
    assert (fault.file, fault.versions) == (str(file), (number,))
    assert fault.fix == f"rdlake catalogs attach {number} renders it again"
    assert connected(lake) == before
    assert file_of(lake, number) == file
    assert verify(lake, deep=True).whole


def test_a_missing_catalog_duckdb_is_named(two_versions: Published) -> None:
    (two_versions.lake.root / "catalog.duckdb").unlink()
    (fault,) = examine(two_versions.lake.root).faults
    assert fault.reason == "it is gone"
    publish(two_versions.lake)
    assert examine(two_versions.lake.root).whole
