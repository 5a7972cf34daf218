"""Heavy files, logs and junk: what each stage takes, and that no row changes afterwards."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from rdlake.demo import write_demo
from rdlake.library import Library
from rdlake.operations.archive import archive, restore
from rdlake.operations.cleanup import CleanupRequest
from rdlake.store.opening import init_store
from tests.lake_rows import versions
from tests.operations.archive.world import BIG, IDS, files_of
from tests.operations.cleanup.test_workspaces import names, rows_but_states, why_not
from tests.operations.cleanup.world import Cleaned, age, copied, in_trash, listing, states

HEAVY = {f"{name}/combined_factors_df.parquet" for name in IDS[:2]} | {f"{IDS[2]}/params.pkl"}


@pytest.mark.guards
def test_heavy_files_go_one_by_one_and_come_back(cleaned: Cleaned) -> None:
    whole, rows = listing(cleaned.workspaces), rows_but_states(cleaned.lake)
    plan = cleaned.plan("intermediates")
    assert {f"{item.folder}/{each.path}" for item in plan.going for each in item.files} == HEAVY
    report = cleaned.apply(plan)
    assert {each.path for each in report.moves} == HEAVY and not report.refused
    assert whole.keys() - listing(cleaned.workspaces).keys() == HEAVY
    removed = cleaned.lake.read("artifacts", where=pl.col("state") == "removed")
    assert {f"{key}/{path}" for key, path in removed.select("workspace_id", "path").rows()} == HEAVY
    assert rows_but_states(cleaned.lake) == rows
    restore(cleaned.lake, IDS[2], cleaned.folder / "back")
    assert files_of(cleaned.folder / "back")["params.pkl"] == BIG
    cleaned.undo()
    assert listing(cleaned.workspaces) == whole and states(cleaned.lake) == {"present"}


@pytest.mark.guards
@pytest.mark.parametrize("options", [{}, {"mode": "full"}, {"overwrite": True}])
def test_an_ingest_takes_what_was_taken_as_being_there(
    cleaned: Cleaned, options: dict[str, object]
) -> None:
    cleaned.apply(cleaned.plan("intermediates"))
    cleaned.purge()
    rows, before = rows_but_states(cleaned.lake), versions(cleaned.lake)
    report = Library(cleaned.lake).ingest(cleaned.workspaces, **options)  # type: ignore[arg-type]
    assert not report.partial
    after = rows_but_states(cleaned.lake)
    if "overwrite" in options:
        del rows["ingests"], after["ingests"]
    else:
        assert versions(cleaned.lake) == before
    assert after == rows
    assert states(cleaned.lake, [IDS[0]]) == {"present", "removed"}


@pytest.mark.guards
def test_what_is_left_of_a_folder_may_go_later(cleaned: Cleaned) -> None:
    cleaned.apply(cleaned.plan("intermediates"))
    cleaned.purge()
    age(*(cleaned.workspaces / each for each in IDS))
    assert names(cleaned.plan()) == {*IDS[:2], "d" * 32}
    cleaned.apply(cleaned.plan())
    assert not (cleaned.workspaces / IDS[0]).exists()
    archive(cleaned.lake, cleaned.to)
    assert not cleaned.purge().refused


@pytest.mark.guards
def test_a_folder_that_changes_after_its_heavy_files_went_keeps_its_rows(cleaned: Cleaned) -> None:
    cleaned.apply(cleaned.plan("intermediates"))
    rows = rows_but_states(cleaned.lake)
    (cleaned.workspaces / IDS[0] / "more.json").write_text("{}")
    report = Library(cleaned.lake).ingest(cleaned.workspaces)
    assert [each.status for each in report.outcomes] == ["skipped"]
    assert "cleaned up" in report.outcomes[0].findings[0].reason
    after = rows_but_states(cleaned.lake)
    assert after.pop("ingests") != rows.pop("ingests") and after == rows
    before = versions(cleaned.lake)
    Library(cleaned.lake).ingest(cleaned.workspaces)
    assert versions(cleaned.lake) == before
    cleaned.undo()
    Library(cleaned.lake).ingest(cleaned.workspaces)
    assert f"{IDS[0]}/more.json" in listing(cleaned.workspaces)
    assert "more.json" in cleaned.lake.read("artifacts")["path"].to_list()


@pytest.mark.guards
def test_junk_goes_by_itself(cleaned: Cleaned) -> None:
    folder = cleaned.workspaces / ("e" * 32)
    folder.mkdir()
    (folder / "runtime_info.py").write_text("print()\n")
    Library(cleaned.lake).ingest(cleaned.workspaces)
    archive(cleaned.lake, cleaned.to)
    age(cleaned.workspaces)
    assert names(cleaned.plan("junk")) == {folder.name} and folder.name not in names(cleaned.plan())
    cleaned.apply(cleaned.plan("junk"))
    cleaned.purge()
    before = versions(cleaned.lake)
    Library(cleaned.lake).ingest(cleaned.workspaces)
    assert versions(cleaned.lake) == before and not folder.exists()


def test_a_folder_that_goes_whole_does_not_go_in_parts_too(cleaned: Cleaned) -> None:
    plan = cleaned.plan("workspace", "intermediates")
    assert len(names(plan)) == len(plan.going) == 4
    stage = {item.folder: item.stage for item in plan.going}
    assert stage[IDS[2]] == "intermediates" and stage[IDS[0]] == "workspace"
    assert not cleaned.apply(plan).refused


# --- logs ----------------------------------------------------------------------------------

SECRET = "settings with a key"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Cleaned:
    """Runs with logs, archived at level 1; a settings folder that is never read."""
    place = tmp_path_factory.mktemp("logs")
    write_demo(place, experiments=4, seed=0)
    workspaces, logs = place / "git_ignore_folder/RD-Agent_workspace", place / "log"
    for run in logs.iterdir():
        settings = run / "RD_AGENT_SETTINGS" / "7"
        settings.mkdir(parents=True)
        (settings / "2026-01-01_00-00-00-000000.pkl").write_text(SECRET)
        (run / "__session__").mkdir(exist_ok=True)
        (run / "__session__" / "1_coding").write_bytes(b"a session")
    lake = init_store(place / "lake")
    Library(lake).ingest(workspaces, logs=[logs])
    from rdlake.operations.archive import ArchiveRequest

    archive(lake, place / "archive", ArchiveRequest(level=1))
    return Cleaned(place, CleanupRequest(workspaces=(workspaces,), logs=(logs,)))


@pytest.fixture
def logged(demo: Cleaned, tmp_path: Path) -> Cleaned:
    return copied(demo, tmp_path / "logged")


@pytest.mark.guards
def test_logs_go_at_level_1_with_what_is_never_read(logged: Cleaned) -> None:
    (logs,) = logged.given.logs
    whole, rows = listing(logs), rows_but_states(logged.lake)
    plan = logged.plan("logs", "workspace")
    assert plan.going and {item.stage for item in plan.going} == {"logs"}
    assert all("level" in "; ".join(each.reasons) for each in plan.items if not each.may_go)
    noise = {
        path for item in plan.going for path, proof in
        ((each.path, each.proof) for each in item.files) if proof == "log_noise"
    }  # fmt: skip
    assert any("SETTINGS" in path for path in noise) and "__session__/1_coding" in noise
    assert not any("hypothesis generation" in path for path in noise)
    assert all(each.sha256 for item in plan.going for each in item.files)
    logged.apply(plan)
    assert not listing(logs) and in_trash(logs)
    before = versions(logged.lake)
    report = Library(logged.lake).ingest(*logged.given.workspaces, logs=logged.given.logs)
    assert not report.partial and versions(logged.lake) == before
    assert rows_but_states(logged.lake) == rows
    assert states(logged.lake) == {"present"}
    logged.undo()
    assert listing(logs) == whole
    logged.apply(logged.plan("logs"))
    assert {each.state for each in logged.purge().moves} == {"purged"}
    assert not in_trash(logs)


@pytest.mark.guards
def test_a_log_of_an_active_changed_or_unarchived_run_stays(logged: Cleaned) -> None:
    (logs,) = logged.given.logs
    runs = sorted(each.name for each in logs.iterdir())
    session = logs / runs[0] / "__session__" / "1_coding"
    os.utime(session)
    plan = logged.plan("logs", idle_days=0.0)
    assert "within the hour" in why_not(plan, runs[0])
    age(logs)
    message = next(
        path
        for path in sorted((logs / runs[0]).rglob("*.pkl"))
        if "/feedback/feedback/" in str(path)
    )
    message.write_bytes(message.read_bytes() + b"more")
    age(logs)
    assert "not those that were ingested" in why_not(logged.plan("logs"), runs[0])


@pytest.mark.guards
def test_a_workspace_of_an_active_run_stays(logged: Cleaned) -> None:
    archive(logged.lake, logged.to)
    (logs,) = logged.given.logs
    given = {"idle_days": 0.0, "allowed": frozenset({"factor_values", "predictions", "tracking"})}
    assert logged.plan(**given).going
    for run in logs.iterdir():
        os.utime(run / "__session__" / "1_coding")
    active = [each for each in logged.plan(**given).items if "active" in "; ".join(each.reasons)]
    assert active and not {each.folder for each in active} & names(logged.plan(**given))


def test_without_an_archive_nothing_may_go(cleaned: Cleaned) -> None:
    from rdlake.operations.cleanup import make_plan

    given = replace(cleaned.given, stages=("workspace", "junk", "intermediates"))
    plan = make_plan(cleaned.lake, None, given)
    assert plan.items and not plan.going
    assert all("no archive is named" in each.reasons for each in plan.items)
