"""Folders go to the trash when all of them is proven, come back at will, and go for good."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from rdlake.errors import CheckFailed
from rdlake.library import Library
from rdlake.operations.archive import restore
from rdlake.operations.cleanup import Plan
from rdlake.operations.keep import pin, unpin
from rdlake.schema.tables import TABLES
from rdlake.store.lake import Lake
from tests.lake_rows import versions
from tests.operations.archive.world import IDS, files_of
from tests.operations.cleanup.world import UNPROVEN, Cleaned, age, in_trash, listing, states

GOING = {IDS[0], IDS[1], "d" * 32}


def names(plan: Plan) -> set[str]:
    return {item.folder for item in plan.going}


def why_not(plan: Plan, name: str) -> str:
    (item,) = [item for item in plan.items if item.folder == name]
    assert not item.may_go and item.reasons
    return "; ".join(item.reasons)


def rows_but_states(lake: Lake) -> dict[str, list[str]]:
    found = {}
    for entry in TABLES:
        columns = [each.name for each in entry.columns if not each.clock]
        columns = [each for each in columns if (entry.name, each) != ("artifacts", "state")]
        if entry.name not in ("cleanups", "file_lists"):
            found[entry.name] = sorted(map(repr, lake.read(entry.name, columns).rows()))
    return found


def test_a_plan_says_what_may_go_and_why_and_changes_nothing(cleaned: Cleaned) -> None:
    before = listing(cleaned.folder), versions(cleaned.lake), versions(cleaned.there)
    plan = cleaned.plan()
    assert names(plan) == GOING
    assert UNPROVEN in why_not(plan, IDS[2]) and "--keep all" in why_not(plan, IDS[2])
    (item,) = [item for item in plan.items if item.folder == IDS[0]]
    files = listing(cleaned.workspaces / IDS[0])
    assert {each.path: each.size for each in item.files} == {
        path: len(content) for path, content in files.items() if isinstance(content, bytes)
    }
    proofs = {each.path: each.proof for each in item.files}
    assert proofs["combined_factors_df.parquet"] == "factor_values"
    assert proofs["qlib_res.csv"] == "archive"
    assert item.size == sum(each.size for each in item.files) and item.level == 2
    assert (listing(cleaned.folder), versions(cleaned.lake), versions(cleaned.there)) == before
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_applied_undone_applied_and_purged(cleaned: Cleaned) -> None:
    whole, rows = listing(cleaned.workspaces), rows_but_states(cleaned.lake)
    report = cleaned.apply(cleaned.plan())
    assert {each.state for each in report.moves} == {"trashed"} and not report.refused
    assert {path.partition("/")[0] for path in listing(cleaned.workspaces)} == {IDS[2]}
    assert states(cleaned.lake, GOING) == {"removed"}
    assert states(cleaned.lake, [IDS[2]]) == {"present"}
    assert rows_but_states(cleaned.lake) == rows
    assert in_trash(cleaned.workspaces)

    back = cleaned.undo()
    assert {each.state for each in back.moves} == {"undone"}
    assert listing(cleaned.workspaces) == whole and not in_trash(cleaned.workspaces)
    assert states(cleaned.lake) == {"present"}

    cleaned.apply(cleaned.plan())
    assert cleaned.purge(at_once=False).moves == ()
    assert {each.state for each in cleaned.purge().moves} == {"purged"}
    assert not in_trash(cleaned.workspaces) and cleaned.undo().moves == ()
    assert rows_but_states(cleaned.lake) == rows
    told = cleaned.lake.read("cleanups")
    assert told["state"].value_counts().sort("state").rows() == [("purged", 11), ("undone", 11)]
    assert told["purged_at"].is_not_null().sum() == 11
    for name in GOING:
        given = cleaned.folder / "back" / name
        given.parent.mkdir(exist_ok=True)
        restore(cleaned.lake, name, given)
        kept = {path for path in files_of(given) if path != "combined_factors_df.parquet"}
        assert {f"{name}/{path}" for path in kept} <= whole.keys()
        for path in kept:
            assert files_of(given)[path] == whole[f"{name}/{path}"]


@pytest.mark.guards
def test_the_days_of_grace_are_counted_from_the_move(cleaned: Cleaned) -> None:
    cleaned.apply(cleaned.plan(), grace_days=0.0)
    assert {each.state for each in cleaned.purge(at_once=False).moves} == {"purged"}


@pytest.mark.guards
def test_applying_again_and_undoing_again_changes_nothing(cleaned: Cleaned) -> None:
    plan = cleaned.plan()
    cleaned.apply(plan)
    before = versions(cleaned.lake), listing(cleaned.folder)
    with pytest.raises(CheckFailed, match="it is no folder"):
        cleaned.apply(plan)
    assert (versions(cleaned.lake), listing(cleaned.folder)) == before
    cleaned.undo()
    before = versions(cleaned.lake), listing(cleaned.folder)
    assert cleaned.undo().moves == ()
    assert (versions(cleaned.lake), listing(cleaned.folder)) == before


@pytest.mark.guards
def test_what_is_used_pinned_or_active_stays(cleaned: Cleaned) -> None:
    folder = cleaned.workspaces / IDS[0]
    age(folder, when=_days_ago(29))
    assert "--idle-days" in why_not(cleaned.plan(), IDS[0])
    assert names(cleaned.plan(idle_days=28.0)) == GOING
    age(folder)
    pin(cleaned.lake, IDS[0][:6], "in a report")
    assert "pinned: in a report" in why_not(cleaned.plan(), IDS[0])
    unpin(cleaned.lake, IDS[0])
    assert names(cleaned.plan()) == GOING
    os.utime(folder / "qlib_res.csv")
    assert "within the hour" in why_not(cleaned.plan(idle_days=0.0), IDS[0])


@pytest.mark.guards
def test_reading_counts_as_use_but_not_rdlakes_own(cleaned: Cleaned) -> None:
    file = cleaned.workspaces / IDS[0] / "qlib_res.csv"
    cleaned.plan()
    Library(cleaned.lake).ingest(cleaned.workspaces, mode="full")
    assert names(cleaned.plan()) == GOING
    os.utime(file, (_days_ago(1), file.stat().st_mtime))
    assert "was used" in why_not(cleaned.plan(), IDS[0])


@pytest.mark.guards
def test_a_level_below_2_or_a_changed_source_stays(cleaned: Cleaned) -> None:
    (cleaned.workspaces / IDS[0] / "more.json").write_text("{}")
    age(cleaned.workspaces)
    assert "more.json is new" in why_not(cleaned.plan(), IDS[0])
    Library(cleaned.lake).ingest(cleaned.workspaces)
    assert "level 0" in why_not(cleaned.plan(), IDS[0])
    assert names(cleaned.plan()) == GOING - {IDS[0]}


def test_a_class_is_only_taken_when_it_is_allowed(cleaned: Cleaned) -> None:
    plan = cleaned.plan(allowed=frozenset())
    assert names(plan) == {"d" * 32}
    assert "combined_factors_df.parquet" in why_not(plan, IDS[0])


def test_a_file_that_changes_between_check_and_move_is_given_back(
    cleaned: Cleaned, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rdlake.operations.cleanup.disk import Root

    move, changed = Root.move, list[str]()

    def late(root: Root, source: str, target: str) -> None:
        if source == IDS[0] and not changed:
            changed.append(source)
            (cleaned.workspaces / source / "qlib_res.csv").write_text("another")
        move(root, source, target)

    monkeypatch.setattr(Root, "move", late)
    report = cleaned.apply(cleaned.plan())
    assert changed
    (refused,) = report.refused
    assert refused.state == "given_back" and "qlib_res.csv" in (refused.reason or "")
    assert (cleaned.workspaces / IDS[0] / "qlib_res.csv").read_text() == "another"
    assert states(cleaned.lake, [IDS[0]]) == {"present"}


@pytest.mark.guards
def test_a_file_that_is_written_in_the_trash_is_not_purged(cleaned: Cleaned) -> None:
    open_file = (cleaned.workspaces / IDS[0] / "qlib_res.csv").open("a")
    cleaned.apply(cleaned.plan())
    with open_file:
        open_file.write("more")
    report = cleaned.purge()
    (refused,) = report.refused
    assert "qlib_res.csv was written" in (refused.reason or "")
    cleaned.undo()
    assert (cleaned.workspaces / IDS[0] / "qlib_res.csv").read_text().endswith("more")


def test_undo_overwrites_nothing(cleaned: Cleaned) -> None:
    cleaned.apply(cleaned.plan())
    (cleaned.workspaces / IDS[0]).mkdir()
    (cleaned.workspaces / IDS[0] / "mine").write_text("mine")
    report = cleaned.undo()
    (refused,) = report.refused
    assert "nothing is overwritten" in (refused.reason or "")
    assert files_of(cleaned.workspaces / IDS[0]) == {"mine": b"mine"}
    assert in_trash(cleaned.workspaces) and states(cleaned.lake, [IDS[0]]) == {"removed"}


@pytest.mark.guards
def test_an_ingest_and_a_publication_after_a_clean_up_change_nothing(cleaned: Cleaned) -> None:
    Library(cleaned.lake).publish()
    cleaned.apply(cleaned.plan())
    cleaned.purge()
    before = versions(cleaned.lake)
    for mode in ("incremental", "full"):
        report = Library(cleaned.lake).ingest(cleaned.workspaces, mode=mode)
        assert not report.partial and versions(cleaned.lake) == before
    assert cleaned.lake.read("artifacts", where=pl.col("state") == "removed").height == 11


@pytest.mark.guards
def test_a_root_whose_folders_are_all_cleaned_up_is_still_a_root(
    cleaned: Cleaned, tmp_path: Path
) -> None:
    Library(cleaned.lake).ingest(cleaned.workspaces, keep="all")
    from rdlake.operations.archive import archive

    archive(cleaned.lake, cleaned.to)
    cleaned.apply(cleaned.plan())
    assert not listing(cleaned.workspaces)
    before = versions(cleaned.lake)
    Library(cleaned.lake).ingest(cleaned.workspaces)
    assert versions(cleaned.lake) == before
    cleaned.undo()
    assert len({path.partition("/")[0] for path in listing(cleaned.workspaces)}) == 4


def _days_ago(days: float) -> float:
    import time

    return time.time() - days * 86_400
