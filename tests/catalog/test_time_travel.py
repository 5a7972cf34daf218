"""Attaching: from elsewhere with nothing but DuckDB, after a move, by number and by instant."""

from __future__ import annotations

import contextlib
import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from rdlake.catalog.contract import contract_of, current_contract
from rdlake.catalog.publish import publish, release, rollback
from rdlake.catalog.time_travel import as_of, attach_statement, connect, file_of
from rdlake.catalog.version import history
from rdlake.errors import NoLake, UnknownVersion
from rdlake.schema.sql import literal
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace
from tests.catalog.elsewhere import Reader, counts
from tests.catalog.published import IDS, NEW, Published, with_view
from tests.catalog.views import VIEWS, rows_in, rows_of

SAMPLE = {
    **dict.fromkeys(VIEWS, 0),
    "aistock_experiments": 3,
    "aistock_factor_combinations": 2,
    "aistock_factor_performance": 6,
    "aistock_factors": 2,
    "aistock_strategies": 3,
    "artifact_list": 16,
    "catalog_info": 1,
    "catalog_versions": 1,
    "equity_curve": 40,
    "factor_catalog": 2,
    "factor_contents": 2,
    "factor_detail": 2,
    "factor_duplicates": 0,
    "factor_registry": 2,
    "factor_versions": 0,
    "factor_windows": 6,
    "group_places": 6,
    "ingest_report": 4,
    "loop_catalog": 3,
    "loop_result": 3,
    "model_catalog": 0,
    "strategy_catalog": 0,
    "strategy_detail": 3,
    "strategy_registry": 0,
}
"""How many rows each view of the shared lake has."""


def attached(lake: Path, alias: str = "rd") -> str:
    return f"ATTACH {literal(str(lake / 'catalog.duckdb'))} AS {alias} (READ_ONLY)"


def lake_variable(lake: Lake, root: Path, name: str = "lake_root") -> str:
    return f"SET VARIABLE {name} = {literal(root.as_posix())}"


# --- another process ---------------------------------------------------------------------


def test_every_view_answers_in_another_process_and_folder(
    template: Published, tmp_path: Path
) -> None:
    without_extensions = "SET autoload_known_extensions = false"
    with Reader(tmp_path, without_extensions, attached(template.lake.root)) as reader:
        assert counts(reader, VIEWS) == SAMPLE
        names = [row[0] for row in reader.ask("SELECT view_name FROM duckdb_views()")]
    assert set(VIEWS) < set(names)


def test_the_printed_statement_attaches(template: Published, tmp_path: Path) -> None:
    with Reader(tmp_path, attach_statement(file_of(template.lake, 1), "x")) as reader:
        assert counts(reader, VIEWS, "x") == SAMPLE


@pytest.mark.slow
def test_a_moved_lake_is_read_where_the_variable_says(tmp_path: Path) -> None:
    made = own_lake(tmp_path / "before")
    shutil.move(made.lake.root, tmp_path / "after")
    with Reader(tmp_path, attached(tmp_path / "after")) as reader:
        with pytest.raises(AssertionError, match="No files found"):
            reader.ask("FROM rd.loop_catalog")
        reader.ask(lake_variable(made.lake, tmp_path / "after"))
        assert reader.ask("SELECT count(*) FROM rd.loop_catalog") == [[1]]


def test_a_copied_lake_reads_its_own_files(published: Published, tmp_path: Path) -> None:
    for file in (tmp_path / "lake" / "catalogs").glob("*.duckdb"):
        file.unlink()
    with Reader(tmp_path, attached(published.lake.root)) as reader:
        reader.ask(lake_variable(published.lake, tmp_path / "nowhere"))
        with pytest.raises(AssertionError, match="No files found"):
            reader.ask("FROM rd.loop_catalog")
        reader.ask(lake_variable(published.lake, published.lake.root))
        assert counts(reader, VIEWS) == SAMPLE


@pytest.mark.slow
def test_two_moved_lakes_stand_side_by_side(tmp_path: Path) -> None:
    one, other = own_lake(tmp_path / "one"), own_lake(tmp_path / "other", level=0.003)
    for name, made in (("eins", one), ("zwei", other)):
        shutil.move(made.lake.root, tmp_path / name)
    with Reader(
        tmp_path,
        attached(tmp_path / "eins", "rd"),
        attached(tmp_path / "zwei", "archive"),
        lake_variable(one.lake, tmp_path / "eins", f"lake_root_{one.lake.lake_id[:8]}"),
        lake_variable(other.lake, tmp_path / "zwei", f"lake_root_{other.lake.lake_id[:8]}"),
    ) as reader:
        told = [
            reader.ask(f"SELECT lake_root_variable FROM {alias}.catalog_info")[0][0]
            for alias in ("rd", "archive")
        ]
        pairs = reader.ask(
            "SELECT a.final_nav < b.final_nav FROM rd.loop_catalog a, archive.loop_catalog b"
        )
    assert told == [f"lake_root_{made.lake.lake_id[:8]}" for made in (one, other)]
    assert pairs == [[True]]


def test_the_lakes_own_variable_goes_before_the_common_one(
    template: Published, tmp_path: Path
) -> None:
    own = f"lake_root_{template.lake.lake_id[:8]}"
    with Reader(tmp_path, attached(template.lake.root)) as reader:
        reader.ask(lake_variable(template.lake, tmp_path / "nowhere"))
        reader.ask(lake_variable(template.lake, template.lake.root, own))
        assert counts(reader, VIEWS) == SAMPLE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["it's my 'own' lake", "数据湖 #1", "100$ & (x) ;--"])
def test_a_lake_at_an_awkward_path_is_read(tmp_path: Path, name: str) -> None:
    made = own_lake(tmp_path / name)
    with Reader(tmp_path, attached(made.lake.root)) as reader:
        assert reader.ask("SELECT count(*) FROM rd.equity_curve") == [[20]]
    shutil.move(made.lake.root, tmp_path / f"{name} moved")
    with Reader(tmp_path, attached(tmp_path / f"{name} moved")) as reader:
        reader.ask(lake_variable(made.lake, tmp_path / f"{name} moved"))
        assert reader.ask("SELECT count(*) FROM rd.equity_curve") == [[20]]


def test_a_reader_keeps_its_version_until_it_attaches_again(published: Published) -> None:
    published.publish()
    question = "SELECT count(*), sum(final_nav) FROM rd.loop_catalog"
    with Reader(published.workspaces, attached(published.lake.root)) as reader:
        reader.ask(lake_variable(published.lake, published.lake.root))
        before = reader.ask(question)
        published.add(NEW)
        assert published.publish() == 2
        assert reader.ask(question) == before
        assert reader.ask("SELECT catalog_version FROM rd.catalog_info") == [[1]]
        assert counts(reader, VIEWS) == SAMPLE
        reader.ask("DETACH rd")
        reader.ask(attached(published.lake.root))
        assert reader.ask("SELECT catalog_version FROM rd.catalog_info") == [[2]]
        assert reader.ask(question)[0][0] == before[0][0] + 1


def test_yesterday_stands_beside_today(template_of_two: Published, tmp_path: Path) -> None:
    lake = template_of_two.lake
    with Reader(
        tmp_path,
        attach_statement(file_of(lake, 1), "yesterday"),
        attach_statement(file_of(lake, 2), "today"),
        lake_variable(lake, lake.root),
    ) as reader:
        fresh = reader.ask(
            "SELECT workspace_id FROM today.loop_catalog ANTI JOIN yesterday.loop_catalog "
            "USING (workspace_id)"
        )
    assert fresh == [[NEW]]


def own_lake(folder: Path, level: float = 0.001) -> Published:
    """A lake of one experiment, published where it lies."""
    made = Published(init_store(folder / "lake"), folder / "workspaces")
    make_workspace(made.workspaces, level=level)
    made.ingest()
    made.publish()
    return made


# --- by number ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_pruned_file_is_made_again_with_the_same_rows(two_versions: Published) -> None:
    lake = two_versions.lake
    before = [rows_of(lake, number) for number in (1, 2)]
    there = sorted(lake.catalogs_folder.rglob("*"))
    shutil.rmtree(lake.catalogs_folder)
    assert [rows_of(lake, number) for number in (1, 2)] == before
    assert sorted(lake.catalogs_folder.rglob("*")) == there


def test_a_file_made_again_knows_only_the_versions_before_it(two_versions: Published) -> None:
    (two_versions.lake.catalogs_folder / "v000001.duckdb").unlink()
    rows = rows_of(two_versions.lake, 1, ["catalog_versions", "catalog_info"])
    assert [row[0] for row in rows["catalog_versions"]] == [1]
    assert rows["catalog_info"][0][2] == 1


@pytest.mark.slow
def test_an_old_version_keeps_its_own_views(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = with_view(current_contract().text, "added", "one", "SELECT 1::BIGINT AS one")
    newer = newer.replace("loops.sharpe::DOUBLE AS sharpe", "42::DOUBLE AS sharpe")
    before = rows_of(published.lake, 1)
    monkeypatch.setattr("rdlake.catalog.publish.current_contract", lambda: contract_of(newer))
    assert publish(published.lake).outcome == "published"
    shutil.rmtree(published.lake.catalogs_folder)
    assert rows_of(published.lake, 1) == before
    assert rows_of(published.lake, 2, ["added"]) == {"added": [(1,)]}
    assert all(42.0 in row for row in rows_of(published.lake, 2)["loop_catalog"])


def test_a_version_made_again_after_a_move_reads_the_new_place(
    two_versions: Published, tmp_path: Path
) -> None:
    shutil.move(two_versions.lake.root, tmp_path / "after")
    shutil.rmtree(tmp_path / "after" / "catalogs")
    lake = open_store(tmp_path / "after")
    with Reader(tmp_path, attach_statement(file_of(lake, 1))) as reader:
        assert counts(reader, VIEWS) == SAMPLE


def test_an_unknown_version_is_named(template: Published) -> None:
    with pytest.raises(UnknownVersion, match=r"no catalog version 7 \(published: 1 to 1\)"):
        file_of(template.lake, 7)
    with pytest.raises(UnknownVersion):
        connect(template.lake.root, version=0)


def test_connecting_shows_the_newest_or_the_asked_version(template_of_two: Published) -> None:
    for version, expected in ((None, 4), (1, 3), (2, 4)):
        with contextlib.closing(connect(template_of_two.lake.root, version)) as connection:
            assert connection.execute("SELECT count(*) FROM loop_catalog").fetchall() == [
                (expected,)
            ]


@pytest.mark.slow
def test_connecting_again_in_one_process_shows_the_newest(published: Published) -> None:
    with contextlib.closing(connect(published.lake.root)) as before:
        published.add(NEW)
        published.publish()
        with contextlib.closing(connect(published.lake.root)) as after:
            asked = "SELECT count(*) FROM loop_catalog"
            assert before.execute(asked).fetchall() == [(3,)]
            assert after.execute(asked).fetchall() == [(4,)]


def test_connecting_works_after_a_move(two_versions: Published, tmp_path: Path) -> None:
    shutil.move(two_versions.lake.root, tmp_path / "after's")
    with contextlib.closing(connect(tmp_path / "after's", 1)) as connection:
        assert len(connection.execute("FROM equity_curve").fetchall()) == 40


def test_connecting_is_for_reading(template: Published) -> None:
    with (
        contextlib.closing(connect(template.lake.root)) as connection,
        pytest.raises(duckdb.Error, match="read-only"),
    ):
        connection.execute("CREATE TABLE mine (a INTEGER)")


def test_without_a_version_or_a_lake_connecting_says_so(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(UnknownVersion, match="nothing is published yet"):
        connect(lake.root)
    with pytest.raises(NoLake):
        connect(tmp_path / "nowhere")


# --- by instant --------------------------------------------------------------------------


def test_an_instant_shows_the_version_that_was_current(template_of_two: Published) -> None:
    lake = template_of_two.lake
    first, second = (version.published_at for version in history(lake))
    tick = timedelta(microseconds=1)
    asked = [first, second - tick, second, second + timedelta(days=900)]
    assert [as_of(lake, instant).catalog_version for instant in asked] == [1, 1, 2, 2]


@pytest.mark.parametrize("hours", [-11, 0, 5.5, 8, 14])
def test_an_instant_in_any_zone_is_the_same_instant(
    template_of_two: Published, hours: float
) -> None:
    zone = timezone(timedelta(hours=hours))
    for version in history(template_of_two.lake):
        local = version.published_at.replace(tzinfo=UTC).astimezone(zone)
        assert as_of(template_of_two.lake, local) == version


def test_before_the_first_version_there_is_none(template: Published, lake: Lake) -> None:
    first = history(template.lake)[0].published_at
    for asked, where in (
        (first - timedelta(microseconds=1), template.lake),
        (datetime.now(), lake),
    ):
        with pytest.raises(UnknownVersion, match="nothing was published yet at"):
            as_of(where, asked)


@pytest.mark.slow
def test_a_copy_of_the_lake_gives_the_same_answers(two_versions: Published, tmp_path: Path) -> None:
    lake = two_versions.lake
    rollback(lake, 1)
    release(lake)
    shutil.copytree(lake.root, tmp_path / "elsewhere" / "copy")
    copy = open_store(tmp_path / "elsewhere" / "copy")
    assert copy.lake_id == lake.lake_id
    for version in history(lake):
        assert as_of(copy, version.published_at) == version
        number = version.catalog_version
        assert rows_of(copy, number) == rows_of(lake, number)


@pytest.mark.slow
def test_a_copy_goes_on_by_itself(published: Published, tmp_path: Path) -> None:
    published.add(NEW)
    assert published.publish() == 2
    copy = shutil.copytree(published.lake.root, tmp_path / "copy")
    rollback(open_store(copy), 1)
    assert len(history(open_store(copy))) == 3
    assert len(history(published.lake)) == 2
    assert (
        rows_in(copy / "catalog.duckdb", copy)["loop_catalog"]
        == (rows_of(published.lake, 1)["loop_catalog"])
    )


def test_the_workspaces_of_the_sample_are_told(template: Published) -> None:
    rows = rows_of(template.lake, 1, ["loop_catalog"])["loop_catalog"]
    assert {row[2] for row in rows} == set(IDS)
