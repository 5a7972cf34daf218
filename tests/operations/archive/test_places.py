"""What cannot be an archive is refused with the reason, and nothing is touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rdlake.catalog.publish import rollback
from rdlake.errors import BadInput, UnsupportedLake
from rdlake.operations.archive import archive, archiving_levels
from rdlake.schema.tables import table
from rdlake.store.delta import create_table
from rdlake.store.opening import init_store, open_store
from tests.cli.run import run
from tests.lake_rows import listing
from tests.operations.archive.world import World, rows_of


def test_the_lake_itself_and_what_lies_in_or_around_it_is_refused(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "alias").symlink_to(world.lake.root)
    before = listing(tmp_path)
    root = world.lake.root
    for to in (root, root / "archive", root / "tables", tmp_path, tmp_path / "alias",
               tmp_path / "alias" / "below", root / ".." / "lake"):  # fmt: skip
        with pytest.raises(BadInput, match="the archive"):
            archive(world.lake, to)
    assert listing(tmp_path) == before


def test_a_copy_of_the_lake_is_no_archive(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.lake.root, tmp_path / "copy")
    with pytest.raises(BadInput, match="copy of the lake"):
        archive(world.lake, tmp_path / "copy")


def test_a_folder_of_something_else_is_refused(world: World) -> None:
    world.to.mkdir()
    (world.to / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="something else"):
        world.archive()
    assert [each.name for each in world.to.iterdir()] == ["mine.txt"]


def test_an_archive_of_another_format_is_refused(world: World) -> None:
    folder = world.to / "tables" / "catalogs"
    create_table(table("catalogs"), folder, json.dumps({"rdlake_format": 99}))
    with pytest.raises(UnsupportedLake, match="format 99"):
        world.archive()
    assert set(archiving_levels(world.lake).values()) == {0}


@pytest.mark.guards
def test_a_rolled_back_archive_holds(archived: World) -> None:
    rollback(archived.there, 1)
    (archived.workspaces / ("a" * 32) / "more.json").write_text("{}")
    archived.ingest()
    with pytest.raises(BadInput, match="rolled back"):
        archived.archive()
    assert archiving_levels(archived.lake)["a" * 32] == 0


def test_an_empty_lake_makes_an_empty_archive(tmp_path: Path) -> None:
    lake = init_store(tmp_path / "lake")
    report = archive(lake, tmp_path / "archive")
    assert not report.levels and not report.faults
    assert rows_of(open_store(tmp_path / "archive")) == rows_of(lake)


@pytest.mark.guards
def test_the_commands_say_it_by_exit_code(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lake = ("--lake", world.lake.root)
    to = ("archive", "run", *lake, "--to", world.to)
    assert run(capsys, *to, "--level", "two").code == 2
    assert run(capsys, *to, "--level", "3").code == 2
    assert run(capsys, "archive", "run", *lake).code == 2
    assert run(capsys, *to, "--experiment", "nowhere").code == 1
    assert run(capsys, "archive", "run", *lake, "--to", world.lake.root).code == 1
    assert run(capsys, "archive", "run", "--lake", tmp_path / "no", "--to", world.to).code == 10
    dry = run(capsys, *to, "--dry-run", "--json")
    assert dry.code == 0 and json.loads(dry.out)["dry_run"] is True and not world.to.exists()
    done = run(capsys, *to)
    assert done.code == 0 and "4 at level 2" in done.err
    assert "nothing new" in run(capsys, *to).err
    rows = json.loads(run(capsys, "archive", "levels", *lake, "--json").out)
    assert {row["archiving_level"] for row in rows} == {2}
    back = tmp_path / "back"
    restored = run(capsys, "restore", "c" * 6, "--from", world.to, "--into", back, "--json")
    left = json.loads(restored.out)["left"]
    assert restored.code == 0 and {each["path"] for each in left} >= {"notes.bin"}
    assert run(capsys, "restore", "c" * 6, *lake, "--into", back).code == 1


@pytest.mark.guards
@pytest.mark.parametrize(
    "command",
    ["catalogs verify --deep", "catalogs publish", "catalogs checks", "doctor", "maintain",
     "blobs", "ingests", "catalogs list"],
)  # fmt: skip
def test_the_commands_of_a_lake_work_on_an_archive(
    archived: World, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run(capsys, *command.split(), "--lake", archived.to).code == 0
