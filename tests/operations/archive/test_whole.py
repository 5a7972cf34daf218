"""A table of which an archive has nothing is taken as its data files, and proven by their bytes."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

import rdlake
from rdlake.catalog.checks import run_checks as ask_checks
from rdlake.catalog.checks import tables_read_by
from rdlake.catalog.contract import VIEW_FILES, current_checks, current_contract
from rdlake.catalog.materialize import partitions
from rdlake.catalog.publish import publish
from rdlake.catalog.verify import verify
from rdlake.errors import CheckFailed, DamagedLake
from rdlake.library import Library
from rdlake.operations.archive import archive, archiving_levels
from rdlake.operations.archive.frozen_lake import FrozenLake
from rdlake.operations.archive.proof import prove
from rdlake.operations.archive.selection import ALL, ArchiveRequest, select_scope
from rdlake.store.lake import Lake
from tests.builders import make_workspace
from tests.operations.archive.test_restore import rot
from tests.operations.archive.world import IDS, World, put_rows, rows_of
from tests.places import REPOSITORY

CURVES = "equity_curves"


def bytes_of(lake: Lake, name: str) -> dict[str, bytes]:
    folder = lake.folder(name)
    return {path: (folder / path).read_bytes() for path, _, _ in lake.snapshot(name).files}


def made(lake: Lake) -> dict[str, bytes]:
    """The files of views' rows."""
    return {path.name: path.read_bytes() for path in (lake.root / VIEW_FILES).glob("*.parquet")}


def flip(lake: Lake, name: str, column: str) -> Path:
    """Another bit in the figures of one column, in a file that can be read as before."""
    path = lake.folder(name) / min(lake.snapshot(name).files)[0]
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        told = file.metadata.row_group(0).column(names.index(column))
    rows, whole = pl.read_parquet(path), path.read_bytes()
    end = told.data_page_offset + told.total_compressed_size
    for at in range(end - 1, told.data_page_offset, -1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            read = pl.read_parquet(path)
        except pl.exceptions.PolarsError:
            continue
        if not read.equals(rows):
            return path
    raise AssertionError("every bit matters to the reader")


def test_the_archive_has_the_very_files_with_what_their_logs_tell(archived: World) -> None:
    for name in ("artifacts", "blobs", CURVES, "evidence", "ingests", "loops"):
        there = bytes_of(archived.there, name)
        assert there and there == bytes_of(archived.lake, name), name
    put_rows(archived.there, CURVES, IDS[0])  # finds the file by what its log tells
    ids = archived.there.read(CURVES)["workspace_id"].unique().to_list()
    assert sorted(ids) == [IDS[1], IDS[2]]


@pytest.mark.guards
def test_what_some_rows_are_asked_of_or_are_there_of_is_copied_by_rows(
    world: World, tmp_path: Path
) -> None:
    world.archive(experiments=(IDS[0],))
    assert bytes_of(world.there, CURVES).keys() != bytes_of(world.lake, CURVES).keys()
    world.archive()
    assert not bytes_of(world.there, CURVES).keys() & bytes_of(world.lake, CURVES).keys()
    assert rows_of(world.there) == rows_of(world.lake)
    archive(world.lake, tmp_path / "another")
    digests = world.lake.read("archives").filter(pl.col("workspace_id") == IDS[1])
    assert digests.height == 2 and digests["content_digest"].n_unique() == 1  # by rows or as files


@pytest.mark.guards
def test_views_that_the_lake_made_of_the_same_files_are_taken(world: World, tmp_path: Path) -> None:
    archive(world.lake, tmp_path / "before")
    Library(world.lake).publish()
    world.archive()
    ours, theirs = made(world.lake), made(world.there)
    same = {name.partition("-")[0] for name in ours.keys() & theirs.keys()}
    assert same == current_contract().materialized.keys()
    assert all(theirs[name] == ours[name] for name in ours.keys() & theirs.keys())
    assert verify(world.there, deep=True).whole


@pytest.mark.guards
def test_views_in_parts_are_taken_and_continued(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "MANY_LOOPS", 1)
    Library(world.lake).publish()
    world.archive()
    ours, theirs = made(world.lake), made(world.there)
    assert len([name for name in ours.keys() & theirs.keys() if name.startswith("aistock")]) > 16
    make_workspace(world.workspaces, "e" * 32, level=0.003)
    world.ingest()
    Library(world.lake).publish()
    world.archive()
    assert verify(world.there, deep=True).whole
    for view in current_contract().materialized:
        rows = [shown(lake, view) for lake in (world.lake, world.there)]
        assert rows[0] == rows[1], view


def shown(lake: Lake, view: str) -> list[tuple[object, ...]]:
    publish(lake)
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        return connection.execute(f"SELECT * FROM {view} ORDER BY ALL").fetchall()


@pytest.mark.guards
def test_checks_that_held_over_the_same_files_are_not_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    Library(world.lake).publish()
    asked: dict[int, list[str]] = {}
    whole = ask_checks

    def run_checks(connection: Any, proof: Any) -> Any:
        number = connection.execute("SELECT catalog_version FROM catalog_info").fetchone()[0]
        asked[number] = [
            each.name for each in current_checks() if proof.values_to_check(each) != set()
        ]
        return whole(connection, proof)

    monkeypatch.setattr("rdlake.catalog.publish.run_checks", run_checks)
    world.archive()
    about_receipts = [each.name for each in current_checks() if "archives" in tables_read_by(each)]
    assert asked == {1: [], 2: about_receipts}
    other = archive(
        world.lake, world.to.parent / "some of it", ArchiveRequest(experiments=(IDS[0],))
    )
    assert len(asked[1]) > len(current_checks()) / 2 and not other.faults


@pytest.mark.guards
def test_a_check_that_was_allowed_to_fail_in_the_lake_fails_in_an_archive(world: World) -> None:
    rows = world.lake.read(CURVES).with_columns(drawdown=0.5)
    world.lake.commit({CURVES: rows}, {"workspace_id": set(rows["workspace_id"])})
    publish(world.lake, allow=["drawdowns", "curves_agree"])
    with pytest.raises(CheckFailed, match="drawdowns"):
        world.archive()


@pytest.mark.guards
def test_pandas_is_not_loaded_for_it(world: World) -> None:
    """To load it takes longer than to archive a small lake."""
    code = (
        "import sys, rdlake; from rdlake.operations.archive import archive\n"
        "lake = rdlake.open_lake(sys.argv[1]); lake.publish(); archive(lake.lake, sys.argv[2])\n"
        "assert 'pandas' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(world.lake.root), str(world.to)]
    subprocess.run(command, check=True, cwd=REPOSITORY)


@pytest.mark.guards
def test_a_damaged_view_of_the_lake_is_made_again(world: World) -> None:
    Library(world.lake).publish()
    whole = made(world.lake)
    for path in (world.lake.root / VIEW_FILES).glob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-8] + b"somewhat")
    world.archive()
    assert verify(world.there, deep=True).whole
    there = made(world.there)
    assert {name: there.get(name) for name in whole if not name.startswith("loop_catalog")} == {
        name: content for name, content in whole.items() if not name.startswith("loop_catalog")
    }


def test_a_file_of_the_lake_that_rotted_is_named_and_not_carried_over(world: World) -> None:
    path = flip(world.lake, CURVES, "nav")
    with pytest.raises(DamagedLake, match="not what was written") as refused:
        world.archive()
    assert refused.value.where == str(path) and "restore it" in refused.value.fix
    assert world.there.read(CURVES).is_empty()
    assert set(archiving_levels(world.lake).values()) == {0}
    path.write_bytes(b"")
    path.unlink()
    with pytest.raises(DamagedLake) as refused:
        world.archive()
    assert refused.value.where == str(path)


@pytest.mark.guards
def test_a_bit_that_flipped_in_the_archive_is_found_and_copied_again(archived: World) -> None:
    flip(archived.there, CURVES, "nav")
    held = FrozenLake(archived.lake)
    scope = select_scope(held, ALL)
    proof = prove(held, archived.there, scope.owners, scope.workspace_ids, scope.ingests)
    assert proof.differing.keys() == {CURVES} and len(proof.differing[CURVES]) == 1
    report = archived.archive(full=True)
    assert report.rows == {CURVES: 20} and not report.faults
    assert rows_of(archived.there) == rows_of(archived.lake)


@pytest.mark.parametrize("name", ["evidence", "ingests", "loops"])
def test_a_file_that_is_gone_from_the_archive_is_told(archived: World, name: str) -> None:
    held, there = FrozenLake(archived.lake), archived.there
    for path in bytes_of(there, name):
        (there.folder(name) / path).unlink()
    scope = select_scope(held, ALL)
    with pytest.raises(DamagedLake, match="cannot be read"):
        prove(held, there, scope.owners, scope.workspace_ids, scope.ingests)
    with pytest.raises(DamagedLake, match="does not exist"):
        archived.archive(full=True)


def damaged_commit(world: World) -> None:
    rot(world.there, IDS[2], "params.pkl")


def damaged_file(world: World) -> None:
    flip(world.there, "blobs", "data")


@pytest.mark.parametrize("damage", [damaged_commit, damaged_file])
def test_content_that_is_not_what_its_digest_says_is_told_however_it_came(
    archived: World, damage: Callable[[World], None]
) -> None:
    damage(archived)
    held = FrozenLake(archived.lake)
    scope = select_scope(held, ALL)
    proof = prove(held, archived.there, scope.owners, scope.workspace_ids, scope.ingests)
    assert proof.rotten and not proof.differing


@pytest.mark.guards
def test_a_lake_that_did_not_record_a_file_is_archived_by_rows(world: World) -> None:
    rows = world.lake.read("loops").with_columns(name=pl.lit(None, pl.String)).drop("name")
    world.lake.commit({"loops": rows.head(0)}, {"workspace_id": list(IDS)})
    record, world.lake.record_files = world.lake.record_files, lambda lists: None  # type: ignore[method-assign]
    world.lake.commit({"loops": rows}, {"workspace_id": rows["workspace_id"].to_list()})
    world.lake.record_files = record  # type: ignore[method-assign]
    report = world.archive()
    assert not report.faults and set(report.levels.values()) == {2}
    assert not bytes_of(world.there, "loops").keys() & bytes_of(world.lake, "loops").keys()
    assert rows_of(world.there) == rows_of(world.lake)


def test_a_table_that_has_rows_takes_no_files(archived: World) -> None:
    put_rows(archived.there, "loops", IDS[0])
    before = archived.there.snapshot("loops"), bytes_of(archived.there, "loops")
    held = FrozenLake(archived.lake)
    folder = archived.lake.folder("loops")
    files = {folder / each.path: each for each in held.data_files("loops") or ()}
    assert files and archived.there.adopt("loops", files) is None
    assert (archived.there.snapshot("loops"), bytes_of(archived.there, "loops")) == before
    assert verify(archived.there, deep=True).whole
