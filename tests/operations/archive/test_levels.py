"""A level is what was read back, of what the lake has now: it falls when either changes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import duckdb
import polars as pl
import pytest

import rdlake
from rdlake.catalog.publish import publish
from rdlake.errors import DamagedLake
from rdlake.operations.archive import archive, archiving_levels
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.cli.run import run
from tests.operations.archive.test_restore import rot
from tests.operations.archive.world import IDS, World, put_rows
from tests.places import DOCS

PAGE = DOCS / "archive.md"


def by_sql(lake: Lake) -> dict[str, int]:
    """The rule as docs/archive.md gives it to whoever writes views, on the tables."""
    text = PAGE.read_text(encoding="utf-8")
    query = text.partition("```sql\n")[2].partition("```")[0]
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA rdlake_tables")
        for name in ("loops", "archives"):
            rows = lake.read(name).to_arrow()
            connection.register("given", rows)
            connection.execute(f"CREATE TABLE rdlake_tables.{name} AS FROM given")
        return dict(connection.execute(query).fetchall())


def levels(lake: Lake) -> dict[str, int]:
    """By the function and by the SQL."""
    found, loops = archiving_levels(lake), set(lake.read("loops")["workspace_id"])
    assert {key: level for key, level in found.items() if key in loops} == by_sql(lake)
    return found


def shown(lake: Lake) -> dict[str, int]:
    """As the published views say it; both the same."""
    publish(lake)
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        found, loops = (
            dict(connection.execute(f"SELECT workspace_id, archiving_level FROM {view}").fetchall())
            for view in ("aistock_experiments", "loop_catalog")
        )
    assert loops and loops.items() <= found.items()
    return found


def change(world: World, workspace_id: str) -> None:
    folder = world.workspaces / workspace_id
    (folder / "more.json").write_text(f"{[*folder.iterdir()]!r}", encoding="utf-8")
    world.ingest()


@pytest.mark.guards
def test_the_level_is_right_after_each_step(world: World, tmp_path: Path) -> None:
    assert set(levels(world.lake).values()) == {0}
    world.archive(level=1)
    assert set(levels(world.lake).values()) == {1}
    world.archive()
    assert set(levels(world.lake).values()) == {2}
    change(world, IDS[0])
    assert levels(world.lake) == dict.fromkeys(levels(world.lake), 2) | {IDS[0]: 0}
    world.archive()
    assert set(levels(world.lake).values()) == {2}
    rot(world.there, IDS[2], "params.pkl")
    report = world.archive(full=True)
    assert [each.table for each in report.faults] == ["blobs"]
    assert levels(world.lake) == dict.fromkeys(levels(world.lake), 2) | {IDS[2]: 1}
    assert levels(world.there) == levels(world.lake)
    archive(world.lake, tmp_path / "another")
    assert set(levels(world.lake).values()) == {2}


@pytest.mark.guards
def test_the_published_views_say_the_same(world: World, tmp_path: Path) -> None:
    def agree(*expected: int) -> None:
        found = shown(world.lake)
        assert found.items() <= archiving_levels(world.lake).items()
        assert sorted(set(found.values())) == list(expected)

    agree(0)
    world.archive(level=1)
    agree(1)
    world.archive()
    agree(2)
    change(world, IDS[0])
    agree(0, 2)
    archive(world.lake, tmp_path / "another")
    agree(2)
    rot(world.there, IDS[2], "params.pkl")
    world.archive(full=True)
    agree(2)  # the other archive has it still


@pytest.mark.guards
def test_damage_is_told_until_it_is_mended(
    archived: World, capsys: pytest.CaptureFixture[str]
) -> None:
    rot(archived.there, IDS[2], "params.pkl")
    command = ("archive", "run", "--lake", archived.lake.root, "--to", archived.to)
    for mode in ("full", "full", "incremental"):
        ran = run(capsys, *command, "--mode", mode)
        assert ran.code == 4 and "not proven: blobs" in ran.err and "fix:" in ran.err, mode
        assert levels(archived.lake)[IDS[2]] == 1


@pytest.mark.guards
def test_rows_that_the_archive_lost_are_copied_again(archived: World) -> None:
    put_rows(archived.there, "equity_curves", IDS[1])
    report = archived.archive(full=True)
    assert report.rows == {"equity_curves": 20} and not report.faults
    assert levels(archived.lake)[IDS[1]] == 2


@pytest.mark.guards
def test_an_archive_that_cannot_be_read_proves_nothing(archived: World) -> None:
    for path in (archived.to / "tables" / "loops").glob("*.parquet"):
        whole = path.read_bytes()
        path.write_bytes(b"torn")
    with pytest.raises(DamagedLake):
        archived.archive()
    assert set(levels(archived.lake).values()) == {0}
    path.write_bytes(whole)
    archived.archive()
    assert set(levels(archived.lake).values()) == {2}


@pytest.mark.guards
def test_damage_in_the_lake_is_not_carried_over(world: World) -> None:
    rot(world.lake, IDS[2], "params.pkl")
    report = world.archive()
    assert "the lake's own" in report.faults[0].reason
    found = levels(world.lake)
    assert found[IDS[2]] == 1 and found[IDS[0]] == 2


@pytest.mark.guards
def test_an_older_receipt_counts_again_when_the_source_is_as_it_was(archived: World) -> None:
    change(archived, IDS[0])
    (archived.workspaces / IDS[0] / "more.json").unlink()
    archived.ingest()
    assert levels(archived.lake)[IDS[0]] == 2


@pytest.mark.guards
def test_a_receipt_of_another_archive_counts_beside(world: World, tmp_path: Path) -> None:
    world.archive(level=1)
    archive(world.lake, tmp_path / "another")
    assert set(levels(world.lake).values()) == {2}
    receipts = world.lake.read("archives")
    ids = {world.there.lake_id, open_store(tmp_path / "another").lake_id}
    assert set(receipts["archive_lake_id"]) == ids
    assert receipts.filter(pl.col("level") == 2)["files"].null_count() == 0
