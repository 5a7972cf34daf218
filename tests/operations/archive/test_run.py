"""An archive is a lake that has what was asked for, proven; a second run writes nothing."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rdlake.catalog.publish import check
from rdlake.catalog.time_travel import file_of
from rdlake.catalog.verify import verify
from rdlake.errors import BadInput
from rdlake.library import Library
from rdlake.operations.archive import ArchiveRequest, archive, archiving_levels
from rdlake.operations.archive.receipts import last_receipts
from rdlake.operations.archive.selection import COPIED
from rdlake.operations.doctor import examine
from rdlake.operations.maintain import maintain
from rdlake.schema.tables import TABLES
from tests.builders import make_workspace
from tests.catalog.elsewhere import Reader
from tests.lake_rows import listing, versions
from tests.operations.archive.world import IDS, World, put_rows, rows_of

OWN_FIGURES = {"catalog_info", "catalog_versions"}
VIEWS = (
    "SELECT view_name FROM duckdb_views() WHERE database_name = 'there' "
    "AND schema_name = 'main' AND NOT internal ORDER BY 1"
)


def test_everything_is_there_row_by_row_and_proven(world: World) -> None:
    report = world.archive()
    assert rows_of(world.there) == rows_of(world.lake)
    assert not report.faults and not report.lacking
    assert set(report.levels.values()) == {2} and len(report.levels) == 4
    assert report.read_back["equity_curves"] == 60
    assert (
        report.contents
        == report.contents_read_back
        == len(world.lake.read("blobs")["sha256"].unique())
    )
    assert verify(world.there, deep=True).whole and examine(world.to).whole
    assert check(world.there) == []
    assert world.there.lake_id != world.lake.lake_id


def test_a_second_run_writes_nothing_in_either_lake(archived: World) -> None:
    before = versions(archived.lake), versions(archived.there), listing(archived.to)
    report = archived.archive()
    assert (versions(archived.lake), versions(archived.there), listing(archived.to)) == before
    assert not report.rows and not report.receipts and set(report.levels.values()) == {2}
    full = archived.archive(full=True)
    assert full.contents_read_back and full.read_back["loops"] == 3
    assert (versions(archived.lake), versions(archived.there)) == before[:2]


def test_nothing_is_written_after_upkeep_of_both(archived: World) -> None:
    for lake in (archived.lake, archived.there):
        maintain(lake)
    before = versions(archived.lake), versions(archived.there)
    archived.archive()
    assert (versions(archived.lake), versions(archived.there)) == before


@pytest.mark.guards
def test_only_what_is_new_is_copied(archived: World) -> None:
    make_workspace(archived.workspaces, "e" * 32, level=0.003)
    archived.ingest()
    report = archived.archive()
    assert report.rows["loops"] == 1 and report.rows["equity_curves"] == 20
    assert report.receipts == 1
    assert rows_of(archived.there) == rows_of(archived.lake)


@pytest.mark.guards
def test_what_changed_is_copied_again_and_the_old_stays_reachable(
    archived: World, tmp_path: Path
) -> None:
    old = archived.there.read("loops", where=pl.col("workspace_id") == IDS[0])["ic"].item()
    first = file_of(archived.there, 2)
    table = archived.workspaces / IDS[0] / "qlib_res.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("IC,0.02", "IC,0.0625"))
    archived.ingest()
    assert archiving_levels(archived.lake)[IDS[0]] == 0
    report = archived.archive()
    assert report.receipts == 1 and archiving_levels(archived.lake)[IDS[0]] == 2
    assert rows_of(archived.there) == rows_of(archived.lake)
    with Reader(tmp_path, f"SET VARIABLE lake_root = '{archived.to}'") as reader:
        for name, path in (("before", first), ("now", archived.to / "catalog.duckdb")):
            reader.ask(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        ask = f"SELECT ic FROM {{}}.loop_catalog WHERE workspace_id = '{IDS[0]}'"
        assert reader.ask(ask.format("before")) == [[old]]
        assert reader.ask(ask.format("now")) == [[0.0625]]


@pytest.mark.guards
def test_a_row_that_is_made_anew_under_the_same_digest_is_copied(archived: World) -> None:
    row = archived.lake.read("loops", where=pl.col("workspace_id") == IDS[0]).to_dicts()[0]
    put_rows(archived.lake, "loops", IDS[0], {**row, "result_workspace_id": IDS[1]})
    assert archived.archive().rows == {"loops": 1}
    assert rows_of(archived.there) == rows_of(archived.lake)


@pytest.mark.guards
def test_rows_that_went_from_the_lake_go_from_the_archive(archived: World) -> None:
    put_rows(archived.lake, "charts", IDS[0])
    archived.archive()
    assert rows_of(archived.there) == rows_of(archived.lake)


@pytest.mark.guards
def test_level_1_is_rows_and_level_2_completes_them(world: World) -> None:
    report = world.archive(level=1)
    assert set(report.levels.values()) == {1} and not report.contents
    for name in ("blobs", "charts", "equity_curves", "signals"):
        assert world.there.read(name).is_empty(), name
    assert world.there.read("loops").equals(world.lake.read("loops"))
    assert archiving_levels(world.lake)[IDS[2]] == 1
    before = versions(world.there)
    world.archive(level=1)
    assert versions(world.there) == before
    world.archive()
    assert rows_of(world.there) == rows_of(world.lake)
    assert archiving_levels(world.lake)[IDS[2]] == 2
    assert check(world.there) == []


@pytest.mark.guards
def test_level_1_takes_nothing_back_of_what_is_there_at_level_2(world: World) -> None:
    world.archive(experiments=(IDS[0],))
    (world.workspaces / IDS[0] / "more.json").write_text("{}", encoding="utf-8")
    world.ingest()
    world.archive(level=1)
    levels = archiving_levels(world.lake)
    assert (levels[IDS[0]], levels[IDS[1]]) == (2, 1)
    names = world.there.read("equity_curves")["workspace_id"].unique().to_list()
    assert names == [IDS[0]]


@pytest.mark.guards
def test_a_part_is_taken_by_name_run_and_day(world: World) -> None:
    world.archive(experiments=("b" * 5,))
    assert world.there.read("loops")["workspace_id"].to_list() == [IDS[1]]
    assert set(world.there.read("ingests")["workspace_id"]) == {IDS[1]}
    levels = archiving_levels(world.lake)
    assert levels[IDS[1]] == 2 and levels[IDS[0]] == 0
    run = f"synthetic_{IDS[2]}"
    world.archive(task_run_ids=frozenset({run}), since=date(1990, 1, 1))
    assert set(world.there.read("loops")["workspace_id"]) == {IDS[1], IDS[2]}
    assert check(world.there) == []
    world.archive()
    assert rows_of(world.there) == rows_of(world.lake)


@pytest.mark.parametrize(
    "asked",
    [ArchiveRequest(experiments=("nowhere",)), ArchiveRequest(task_run_ids=frozenset({"none"}))],
)
def test_what_is_not_in_the_lake_is_refused_before_an_archive_is_made(
    world: World, asked: ArchiveRequest
) -> None:
    with pytest.raises(BadInput, match="called"):
        archive(world.lake, world.to, asked)
    assert not world.to.exists()


@pytest.mark.guards
def test_a_dry_run_tells_and_writes_nothing(world: World) -> None:
    before = versions(world.lake)
    plan = archive(world.lake, world.to, dry_run=True)
    assert not world.to.exists() and versions(world.lake) == before
    done = world.archive()
    assert (plan.rows, plan.contents, plan.bytes) == (done.rows, done.contents, done.bytes)
    assert set(plan.levels.values()) == {0} and set(done.levels.values()) == {2}
    there = versions(world.there)
    assert not archive(world.lake, world.to, dry_run=True).rows
    assert versions(world.there) == there


@pytest.mark.guards
def test_a_file_worth_keeping_that_is_not_kept_leaves_its_experiment_at_level_1(
    world: World,
) -> None:
    extra = make_workspace(world.workspaces, "e" * 32, level=0.003)
    Library(world.lake).ingest(world.workspaces, keep="none")
    report = world.archive()
    assert "qlib_res.csv" in report.lacking[extra.name] and report.partial
    levels = archiving_levels(world.lake)
    assert levels[extra.name] == 1 and levels[IDS[0]] == 2
    before = versions(world.there)
    assert world.archive().partial and versions(world.there) == before
    world.ingest()
    assert not world.archive().lacking and archiving_levels(world.lake)[extra.name] == 2


@pytest.mark.guards
def test_content_that_is_kept_later_is_archived_later(archived: World) -> None:
    first = last_receipts(archived.there, archived.lake)[IDS[2]]
    Library(archived.lake).ingest(archived.workspaces, keep="all", mode="full")
    archived.archive()
    now = last_receipts(archived.there, archived.lake)[IDS[2]]
    assert (first["not_kept"], now["not_kept"]) == (1, 0)
    assert rows_of(archived.there) == rows_of(archived.lake)


@pytest.mark.guards
def test_additions_from_elsewhere_come_too(world: World) -> None:
    Library(world.lake).alphas()
    world.archive()
    assert rows_of(world.there) == rows_of(world.lake)
    assert world.there.read("factors", where=pl.col("source") == "qlib_alpha158").height == 158


def test_every_table_is_copied_or_speaks_of_one_lake_alone() -> None:
    of_one_lake = {"archives", "catalogs", "cleanups", "file_lists", "pins"}
    assert {entry.name for entry in TABLES} == {*COPIED, *of_one_lake}
    assert not of_one_lake & set(COPIED)


@pytest.mark.guards
def test_where_a_factor_is_implemented_comes_with_it(world: World) -> None:
    factors = world.lake.read("factors", ["workspace_id", "source", "factor_name"])
    source, name = factors.filter(pl.col("workspace_id") == IDS[0])["source", "factor_name"].row(0)
    rows = [
        {"implementation_id": "1" * 64, "source": source, "factor_name": name, "latest": True},
        {"implementation_id": "2" * 64, "source": source, "factor_name": "of no experiment"},
    ]
    ids = [row["implementation_id"] for row in rows]
    world.lake.commit({"implementations": pl.DataFrame(rows)}, {"implementation_id": ids})
    report = world.archive(experiments=(IDS[0],))
    assert report.rows["implementations"] == 1
    assert world.there.read("implementations")["factor_name"].to_list() == [name]
    world.archive()
    assert world.there.read("implementations").height == 2


@pytest.mark.guards
def test_moved_elsewhere_it_serves_every_view_as_the_lake_does(
    archived: World, tmp_path: Path
) -> None:
    Library(archived.lake).publish()
    moved = tmp_path / "moved" / "盘 #1"
    moved.parent.mkdir()
    shutil.move(archived.to, moved)
    attach = f"ATTACH '{archived.lake.root}/catalog.duckdb' AS here (READ_ONLY)"
    root = f"SET VARIABLE lake_root = '{moved}'"
    with Reader(tmp_path, attach) as here, Reader(tmp_path, root) as there:
        there.ask(f"ATTACH '{moved}/catalog.duckdb' AS there (READ_ONLY)")
        names = [name for (name,) in there.ask(VIEWS) if name not in OWN_FIGURES]
        assert {"loop_catalog", "equity_curve", "artifact_list", "factor_catalog"} <= set(names)
        for name in names:
            rows = there.ask(f"SELECT * FROM there.main.{name} ORDER BY ALL")
            assert rows == here.ask(f"SELECT * FROM here.main.{name} ORDER BY ALL"), name
