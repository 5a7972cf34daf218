"""Plans that were edited, and worlds that moved on: refused with the reason, nothing deleted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.errors import CheckFailed, LakeBusy
from rdlake.operations.cleanup import apply_plan, make_plan
from rdlake.operations.keep import pin
from rdlake.store.opening import open_store
from tests.cli.run import run
from tests.operations.archive.test_restore import rot
from tests.operations.archive.world import IDS, put_rows
from tests.operations.cleanup.world import Cleaned, age, copied, in_trash, listing

Plan = dict[str, Any]


def item(plan: Plan, name: str = IDS[0]) -> dict[str, Any]:
    found = next(each for each in plan["items"] if each["folder"] == name)
    assert isinstance(found, dict)
    return found


def named(path: str) -> Callable[[Plan], object]:
    return lambda plan: item(plan).update(folder=path, name=path)


def of_file(**changes: object) -> Callable[[Plan], object]:
    return lambda plan: item(plan)["files"][0].update(changes)


EDITS: dict[str, Callable[[Plan], object]] = {
    "/": named("/"),
    "home": named("~"),
    "..": named(".."),
    "out": named(f"../workspaces/{IDS[0]}"),
    "absolute": named(f"/{IDS[0]}"),
    "drive": named("C:/x"),
    "empty": named(""),
    "dot": named("."),
    "other folder": named("f" * 32),
    "file out": of_file(path="../../lake/catalog.duckdb"),
    "file absolute": of_file(path="/etc/passwd"),
    "wrong digest": of_file(sha256="0" * 64),
    "no digest": of_file(sha256=None),
    "wrong size": of_file(size=1),
    "another proof": of_file(proof="caches"),
    "level as text": lambda plan: item(plan).update(level="2"),
    "level": lambda plan: item(plan).update(level=1),
    "unproven": lambda plan: item(plan, IDS[2]).update(may_go=True, reasons=[]),
    "a field more": lambda plan: item(plan).update(force=True),
    "a field less": lambda plan: item(plan).pop("level"),
    "fewer files": lambda plan: item(plan)["files"].pop(),
    "twice": lambda plan: plan["items"].append(item(plan)),
    "stage": lambda plan: item(plan).update(stage="everything"),
    "another stage": lambda plan: item(plan).update(stage="junk"),
    "another root": lambda plan: item(plan).update(root="0" * 16),
    "another lake": lambda plan: plan.update(lake_id="another"),
    "another archive": lambda plan: plan.update(archive_lake_id="another"),
    "more allowed": lambda plan: plan.update(allowed=["factor_values", "predictions"]),
    "another format": lambda plan: plan.update(format="rdlake-cleanup-plan-9"),
}


def edited(cleaned: Cleaned, edit: Callable[[Plan], object]) -> Path:
    plan = json.loads(cleaned.plan().model_dump_json())
    edit(plan)
    path = cleaned.folder / "plan.json"
    path.write_text(json.dumps(plan))
    return path


def command(cleaned: Cleaned, path: Path) -> list[object]:
    return ["cleanup", "apply", path, "--lake", cleaned.folder / "lake", "--archive", cleaned.to,
            "--workspaces", cleaned.workspaces, "--allow", "factor_values"]  # fmt: skip


@pytest.fixture(scope="module")
def shared(template: Cleaned, tmp_path_factory: pytest.TempPathFactory) -> Cleaned:
    """One copy for all that is refused: nothing of it may change."""
    return copied(template, tmp_path_factory.mktemp("refused") / "world")


@pytest.mark.guards
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edited_plan_is_refused(
    shared: Cleaned, capsys: pytest.CaptureFixture[str], edit: Callable[[Plan], object]
) -> None:
    path = edited(shared, edit)
    before = listing(shared.workspaces)
    ran = run(capsys, *command(shared, path))
    assert ran.code == 4 and "fix:" in ran.err and "Traceback" not in ran.err
    assert listing(shared.workspaces) == before and not in_trash(shared.workspaces)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\x00", '{"format": 1}', "9" * 5000])
def test_what_is_no_plan_is_refused(
    shared: Cleaned, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = shared.folder / "plan.json"
    path.write_text(text)
    ran = run(capsys, *command(shared, path))
    assert ran.code == 4 and "this is no plan" in ran.err


def test_a_plan_as_it_was_made_is_carried_out(
    cleaned: Cleaned, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is refused above is refused for its edit alone."""
    path = edited(cleaned, lambda plan: None)
    ran = run(capsys, *command(cleaned, path), "--purge")
    assert ran.code == 0 and "purged: 3" in ran.err, ran.err
    assert run(capsys, *command(cleaned, path)).code == 4


def refused(cleaned: Cleaned, change: Callable[[Cleaned], object], match: str) -> None:
    """The world changes after the plan was made; nothing goes."""
    plan = cleaned.plan()
    assert len(plan.going) == 3
    change(cleaned)
    before = listing(cleaned.workspaces)
    with pytest.raises(CheckFailed, match=match):
        cleaned.apply(plan)
    assert listing(cleaned.workspaces) == before and not in_trash(cleaned.workspaces)


def in_first(change: Callable[[Path], object]) -> Callable[[Cleaned], object]:
    def changed(cleaned: Cleaned) -> None:
        change(cleaned.workspaces / IDS[0])
        age(cleaned.workspaces)

    return changed


def linked(folder: Path) -> None:
    folder.rename(folder.parent.parent / "away")
    folder.symlink_to(folder.parent.parent / "away")


def linked_file(folder: Path) -> None:
    shutil.move(folder / "ret.parquet", folder.parent.parent / "ret.parquet")
    (folder / "ret.parquet").symlink_to(folder.parent.parent / "ret.parquet")


def without_receipts(cleaned: Cleaned) -> None:
    for lake in (cleaned.lake, cleaned.there):
        shutil.rmtree(lake.folder("archives"))


def with_a_wrong_digest(cleaned: Cleaned) -> None:
    for lake in (cleaned.lake, cleaned.there):
        rows = lake.read("archives").with_columns(source_digest=pl.lit("0" * 64))
        shutil.rmtree(lake.folder("archives"))
        open_store(lake.root).commit({"archives": rows}, {})


CHANGES: dict[str, tuple[Callable[[Cleaned], object], str]] = {
    "a new file": (in_first(lambda folder: (folder / "x").write_text("")), "x is new"),
    "a file gone": (
        in_first(lambda folder: (folder / "ret.parquet").unlink()), "ret.parquet is gone"
    ),
    "a file changed": (
        in_first(lambda folder: (folder / "qlib_res.csv").write_text("")), "qlib_res.csv is another"
    ),
    "the folder a link": (in_first(linked), "it is no folder|a link"),
    "a file a link": (in_first(linked_file), "ret.parquet is another"),
    "a pipe": (in_first(lambda folder: os.mkfifo(folder / "pipe")), "pipe, socket or device"),
    "a folder gone": (in_first(shutil.rmtree), "it is no folder"),
    "used": (lambda world: age(world.workspaces / IDS[0], when=__import__("time").time() - 9e4),
             "was used"),
    "pinned": (lambda world: pin(world.lake, IDS[0], "needed"), "is pinned: needed"),
    "archive gone": (lambda world: shutil.move(world.to, world.to + "-away"), "no archive there"),
    "archive emptied": (lambda world: shutil.rmtree(world.there.folder("blobs")),
                        "gone from the archive"),
    "archive rotten": (
        lambda world: rot(world.there, IDS[0], "qlib_res.csv"), "not what its digest"
    ),
    "archive without rows": (lambda world: put_rows(world.there, "equity_curves", IDS[0]),
                             "rows are not the lake's"),
    "no receipt": (without_receipts, "level 0"),
    "a receipt with a wrong digest": (with_a_wrong_digest, "level 0"),
}  # fmt: skip


@pytest.mark.guards
@pytest.mark.parametrize(("change", "match"), CHANGES.values(), ids=CHANGES)
def test_a_plan_that_no_longer_matches_is_refused(
    cleaned: Cleaned, change: Callable[[Cleaned], object], match: str
) -> None:
    refused(cleaned, change, match)


def test_the_lake_itself_is_no_archive(cleaned: Cleaned) -> None:
    with pytest.raises(CheckFailed, match="the lake itself"):
        make_plan(cleaned.lake, str(cleaned.folder / "lake"), cleaned.given)
    plan = cleaned.plan()
    with pytest.raises(CheckFailed, match="the lake itself"):
        apply_plan(cleaned.lake, str(cleaned.folder / "lake"), plan, cleaned.given)


def test_a_root_or_class_that_is_not_said_again_is_refused(cleaned: Cleaned) -> None:
    plan = cleaned.plan()
    for given in (
        replace(cleaned.given, allowed=frozenset()),
        replace(cleaned.given, workspaces=(), logs=()),
    ):
        with pytest.raises(CheckFailed):
            apply_plan(cleaned.lake, cleaned.to, plan, given)


def test_a_folder_of_another_user_is_refused(cleaned: Cleaned) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    refused(
        cleaned,
        lambda world: os.chown(world.workspaces / IDS[0] / "qlib_res.csv", 12345, 12345),
        "belongs to another user",
    )


@contextmanager
def mounted(source: Path, target: Path) -> Iterator[None]:
    command = ["mount", "--bind", str(source), str(target)]
    if not shutil.which("mount") or subprocess.run(command, check=False, stderr=-3).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(target)], check=True)


def test_a_mount_point_on_the_same_disk_is_refused(cleaned: Cleaned) -> None:
    plan = cleaned.plan()
    folder = cleaned.workspaces / IDS[0]
    shutil.copytree(folder, cleaned.folder / "same")
    age(cleaned.folder / "same")
    with mounted(cleaned.folder / "same", folder), pytest.raises(CheckFailed, match="mount point"):
        cleaned.apply(plan)


def test_a_trash_that_is_a_link_is_refused(cleaned: Cleaned) -> None:
    plan = cleaned.plan()
    (cleaned.folder / "elsewhere").mkdir()
    (cleaned.workspaces / ".rdlake-trash").symlink_to(cleaned.folder / "elsewhere")
    before = listing(cleaned.workspaces)
    with pytest.raises(CheckFailed, match="trash"):
        cleaned.apply(plan)
    assert listing(cleaned.workspaces) == before
    assert not any((cleaned.folder / "elsewhere").iterdir())


def test_the_second_clean_up_is_told(cleaned: Cleaned) -> None:
    from rdlake.operations.cleanup.disk import Root
    from rdlake.operations.cleanup.journal import lock_root

    plan = cleaned.plan()
    with (
        Root(cleaned.workspaces) as root,
        lock_root(root),
        pytest.raises(LakeBusy, match="at work"),
    ):
        cleaned.apply(plan)
    assert not in_trash(cleaned.workspaces)


# --- purging -------------------------------------------------------------------------------


def journal_of(cleaned: Cleaned) -> Path:
    (path,) = (cleaned.workspaces / ".rdlake-trash").glob("*/journal.jsonl")
    return path


@pytest.mark.guards
def test_what_the_archive_proves_no_longer_is_not_purged(cleaned: Cleaned) -> None:
    cleaned.apply(cleaned.plan())
    rot(cleaned.there, IDS[0], "qlib_res.csv")
    report = cleaned.purge()
    assert [each.name for each in report.refused] == [IDS[0]]
    assert len(report.moves) == 3 and in_trash(cleaned.workspaces)
    assert not cleaned.undo().refused and (cleaned.workspaces / IDS[0]).is_dir()


@pytest.mark.guards
def test_what_is_pinned_in_the_trash_is_not_purged(cleaned: Cleaned) -> None:
    cleaned.apply(cleaned.plan())
    pin(cleaned.lake, IDS[0], "needed after all")
    (only,) = cleaned.purge().refused
    assert only.name == IDS[0] and "pinned" in (only.reason or "")


@pytest.mark.guards
def test_an_edited_journal_deletes_nothing(cleaned: Cleaned) -> None:
    cleaned.apply(cleaned.plan())
    path = journal_of(cleaned)
    path.write_text(path.read_text().replace('"proof":"archive"', '"proof":"caches"'))
    before, told = in_trash(cleaned.workspaces), cleaned.lake.read("cleanups")
    report = cleaned.purge()
    assert len(report.refused) == 3
    assert all("the lake does not say" in (each.reason or "") for each in report.refused)
    assert in_trash(cleaned.workspaces) == before
    assert cleaned.lake.read("cleanups").sort("path").equals(told.sort("path"))
    assert not cleaned.undo().refused


@pytest.mark.guards
def test_a_journal_that_the_lake_does_not_know_deletes_nothing(cleaned: Cleaned) -> None:
    cleaned.apply(cleaned.plan())
    folder = journal_of(cleaned).parent
    folder.rename(folder.with_name("20200101T000000-aaaaaaaaaaaa"))
    before = in_trash(cleaned.workspaces)
    assert len(cleaned.purge().refused) == 3 and in_trash(cleaned.workspaces) == before


@pytest.mark.guards
@pytest.mark.parametrize("path", ["../../../lake", "/etc", "~"])
def test_a_journal_that_leads_out_is_refused(cleaned: Cleaned, path: str) -> None:
    cleaned.apply(cleaned.plan())
    journal = journal_of(cleaned)
    journal.write_text(journal.read_text().replace(f'"source":"{IDS[0]}"', f'"source":"{path}"'))
    before = in_trash(cleaned.workspaces)
    for act in (cleaned.undo, cleaned.purge):
        with pytest.raises(Exception, match="journal"):
            act()
    assert in_trash(cleaned.workspaces) == before


@pytest.mark.parametrize("command", ["plan", "undo", "purge"])
def test_no_folder_named_is_no_empty_success(
    cleaned: Cleaned, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    archive = [] if command == "undo" else ["--archive", cleaned.to]
    ran = run(capsys, "cleanup", command, *archive, "--lake", cleaned.lake.root)
    assert ran.code == 2
    assert "RDLAKE_WORKSPACES" in ran.err
