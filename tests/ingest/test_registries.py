"""A registry beside folders and logs: in any order the same rows, under the registry's ids."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.catalog.publish import publish
from rdlake.domain.ids import protocol_strategy_id
from rdlake.errors import BadInput
from rdlake.ingest.pipeline import IngestReport
from rdlake.sources.workspace.path_maps import read_map
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders_registry import OLD, RUN, folder_row, loop_row, run_row, write_registry
from tests.ingest.test_derive import KEY, content, folders, logs
from tests.ingest.test_json_catalogs import LEGACY
from tests.ingesting import ingest
from tests.lake_rows import listing, versions
from tests.marks import slow
from tests.places import CORPUS, needs_shared

REGISTRY = CORPUS / "RDagentDB" / "registry.sqlite"
GONE = "f" * 32


def findings(lake: Lake) -> set[tuple[str, str]]:
    rows = lake.read("ingests").to_dicts()
    return {(each["level"], each["reason"]) for row in rows for each in row["findings"]}


def loops_of(lake: Lake) -> dict[str, dict[str, Any]]:
    return {row["workspace_id"]: row for row in lake.read("loops").to_dicts()}


def registered(path: Path) -> Path:
    """A registry of the logged runs: every loop that has a folder, and some that have none."""
    lake = init_store(path / "known")
    ingest(lake, [], logs(), signing_key=KEY)
    traced = lake.read("loops", where=pl.col("role") == "experiment").to_dicts()
    runs = sorted({row["task_run_id"] for row in traced})
    names = {run: f"{place:032x}" for place, run in enumerate(runs, 1)}
    log = "/mnt/f/Dev/RD-Agent-main/log/"
    run_rows = [run_row(names[run], log_trace_path=log + run) for run in runs]
    loops = [loop_row(row["loop_id"], names[row["task_run_id"]]) for row in traced]
    rows = [
        folder_row(row["workspace_id"], row["loop_id"], names[row["task_run_id"]])
        for row in traced
        if not row["workspace_id"].startswith("none_")
    ]
    rows.append(folder_row(GONE, 90, names[runs[0]]))
    return write_registry(path / "registry.sqlite", run_rows, loops, rows)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(tmp_path_factory.mktemp("registry"))


Step = Mapping[str, Sequence[Path]]


def read(root: Path, *steps: Step) -> Lake:
    lake = init_store(root)
    for step in steps:
        given = step.get("folders", ()), step.get("logs", ())
        ingest(lake, *given, registries=step.get("registries", ()), signing_key=KEY)
    return lake


@pytest.fixture(scope="module")
def whole(registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    every = {"folders": folders(), "logs": logs(), "registries": [registry]}
    return read(tmp_path_factory.mktemp("whole") / "lake", every)


@pytest.mark.slow
@pytest.mark.parametrize(
    "order", ["in parts", *slow(*permutations(("folders", "logs", "registries")))]
)
def test_whatever_comes_first_the_rows_are_the_same(
    whole: Lake, registry: Path, tmp_path: Path, order: str | tuple[str, ...]
) -> None:
    every = {"folders": folders(), "logs": logs(), "registries": [registry]}
    parts = {"folders": folders()[:1], "logs": logs()[1:]}
    steps = [parts, {"registries": [registry]}, {"logs": logs()[:1]}, every, every]
    if order != "in parts":
        steps = [{name: every[name]} for name in order]
    lake = read(tmp_path / "lake", *steps)
    found = content(lake)
    for name, rows in content(whole).items():
        assert found[name] == rows, name
    before = versions(lake)
    ingest(lake, folders(), logs(), registries=[registry], signing_key=KEY)
    assert versions(lake) == before


@pytest.mark.slow
def test_every_loop_of_a_run_stands_under_the_registrys_id(whole: Lake, registry: Path) -> None:
    runs = whole.read("loops")["task_run_id"].unique().to_list()
    assert all(len(run) == 32 for run in runs if not run.startswith("synthetic_")), runs
    keys = whole.read("loops", ["task_run_id", "loop_id", "role"])
    assert keys.height == keys.unique().height
    gone = loops_of(whole)[GONE]
    assert (gone["status"], gone["status_raw"], gone["has_result"]) == (None, "finished", False)
    assert publish(whole).outcome == "published"


def test_the_log_and_the_folder_go_before_the_registry(whole: Lake, tmp_path: Path) -> None:
    alone = loops_of(read(tmp_path / "lake", {"folders": folders(), "logs": logs()}))
    for name, row in loops_of(whole).items():
        if name != GONE:
            for column in ("metrics", "status", "decision", "created_at", "action", "factor_names"):
                assert row[column] == alone[name][column] or alone[name][column] is None


def test_a_registry_alone_gives_its_loops_without_results(lake: Lake, tmp_path: Path) -> None:
    metrics = {"metrics_json": '{"IC": 0.5}'}
    loops = [
        loop_row(0, **metrics),
        loop_row(1, status="finished", **metrics),
        loop_row(2, status="aborted"),
        loop_row(3, status="legacy"),
        loop_row(4, status="running", ended_at_utc="2026-01-01"),
    ]
    rows = [folder_row(f"{number:032x}", number) for number in range(4)]
    file = write_registry(tmp_path / "registry.sqlite", [run_row()], loops, rows)
    report = ingest(lake, [], registries=[file])
    assert (report.counts, report.partial, findings(lake)) == (
        {"ok": 1, "unchanged": 0},
        False,
        set(),
    )
    found = sorted(loops_of(lake).values(), key=lambda row: row["loop_id"])
    assert [row["status"] for row in found] == ["success", None, "failed", None, "running"]
    assert [row["status_raw"] for row in found][1:4] == ["finished", "aborted", "legacy"]
    assert not any(row["has_result"] for row in found)
    assert (found[0]["ic"], dict(found[0]["provenance"])["metrics"]) == (0.5, "registry")
    assert found[4]["workspace_id"].startswith("none_") and found[4]["ended_at"] is None
    (run,) = lake.read("task_runs").to_dicts()
    assert (run["task_run_id"], run["scenario"], run["scenario_raw"]) == (
        RUN,
        "fin_quant",
        "QuantRDLoop",
    )
    assert publish(lake).outcome == "published"


def test_a_placeholder_is_no_run_beside_a_log(whole: Lake, tmp_path: Path) -> None:
    lake = read(tmp_path / "lake", {"logs": logs()})
    before = loops_of(lake)
    name = next(name for name in before if not name.startswith("none_"))
    rows = [folder_row(name, 7, f"legacy_{name}")]
    file = write_registry(tmp_path / "registry.sqlite", workspaces=rows)
    ingest(lake, [], registries=[file])
    after = loops_of(lake)
    assert {key: row["task_run_id"] for key, row in after.items()} == {
        key: row["task_run_id"] for key, row in before.items()
    }
    assert after[name]["loop_id"] == before[name]["loop_id"]


def test_a_registry_that_changed_replaces_its_own_word(lake: Lake, tmp_path: Path) -> None:
    names = ["a" * 32, "b" * 32]
    rows = [folder_row(name, number) for number, name in enumerate(names)]
    loops = [loop_row(0, status="running"), loop_row(1)]
    file = write_registry(tmp_path / "registry.sqlite", [run_row()], loops, rows)
    ingest(lake, [], registries=[file])
    file.unlink()
    write_registry(file, [run_row()], [loop_row(0)], rows[:1])
    ingest(lake, [], registries=[file])
    assert {key: row["status"] for key, row in loops_of(lake).items()} == {names[0]: "success"}
    assert set(lake.read("workspaces")["workspace_id"]) == {names[0]}
    shutil.copy(file, tmp_path / "copy.sqlite")
    before = versions(lake)
    assert not ingest(lake, [], registries=[file, tmp_path / "copy.sqlite"]).outcomes
    assert versions(lake) == before


def test_of_two_registries_the_one_written_last_has_a_run(lake: Lake, tmp_path: Path) -> None:
    old = write_registry(tmp_path / "old.sqlite", [run_row()], [loop_row(status="running")])
    newer = loop_row(status="failed", updated_at_utc="2026-12-01T00:00:00+00:00")
    new = write_registry(tmp_path / "new.sqlite", [run_row()], [newer])
    ingest(lake, [], registries=[new, old])
    before = versions(lake)
    assert [row["status"] for row in loops_of(lake).values()] == ["failed"]
    ingest(lake, [], registries=[old, new])
    assert versions(lake) == before


def test_a_file_that_is_no_registry_costs_only_itself(
    lake: Lake, workspaces: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.sqlite").write_text("notes")
    with pytest.raises(BadInput, match="no SQLite database"):
        ingest(lake, [], registries=[tmp_path / "notes.sqlite"])
    report = ingest(lake, [workspaces], registries=[tmp_path / "notes.sqlite"])
    assert report.partial and len(loops_of(lake)) == 3
    (finding,) = report.root_findings
    assert "no SQLite database" in finding.reason and finding.fix


@pytest.mark.slow
@needs_shared
@pytest.mark.parametrize("order", ["registry first", *slow("at once", "folders first")])
def test_the_corpus_is_as_its_index_says(tmp_path: Path, order: str) -> None:
    lake = init_store(tmp_path / "lake")
    root, before = CORPUS / "git_ignore_folder" / "RD-Agent_workspace", listing(REGISTRY.parent)
    maps = [read_map(f"{OLD}={CORPUS}")]
    if order == "registry first":
        ingest(lake, [], registries=[REGISTRY])
    if order == "folders first":
        ingest(lake, [root])
    ingest(lake, [], registries=[REGISTRY], maps=maps)
    ingest(lake, [root])
    assert listing(REGISTRY.parent) == before
    index = json.loads((CORPUS / "index.json").read_text(encoding="utf-8"))
    told = {each["workspace_id"]: each for each in [*index["real"], *index["variants"]]}
    loops = loops_of(lake)
    assert loops.keys() == told.keys()
    runs = {"A": RUN, "B": "045f21da156343d8946375dce47682e6"}
    for name, truth in told.items():
        row = loops[name]
        assert row["status"] == truth.get("status", "success")
        assert row["action"] == truth["action"]
        assert [row["error_type"], row["error_message"]] == (truth.get("error") or [None, None])
        assert row["has_result"] is (truth["key"] not in ("v_no_result", "v_missing_dir"))
        if truth["key"] == "v_orphan":
            assert row["task_run_id"] == f"synthetic_{name}"
            continue
        assert row["loop_id"] == truth["loop_id"]
        assert row["task_run_id"] == runs.get(truth["task"], "611244c06c7a45c98e86c4fa978f18a7")
        yaml = sorted(
            file.relative_to(root / name).as_posix() for file in (root / name).rglob("*.yaml")
        )
        raw = "QuantRDLoop" if truth["task"] == "A" else "FactorRDLoop"
        older = protocol_strategy_id(raw, "feedback", truth["action"], yaml) if yaml else None
        assert row["protocol_strategy_id"] == older
        subs = lake.read("workspaces", where=pl.col("parent_workspace_id") == name)
        assert set(subs["workspace_id"]) == set(truth["sub_workspaces"])
    assert loops["d7d0c64bbdb8446d893ec351d3158849"]["factor_names"] == ["动量_10日", "量比_5_20日"]
    assert lake.read("workspaces").height == 25
    concluded = {row["workspace_id"]: row for row in lake.read("feedback").to_dicts()}
    for truth in index["real"]:
        assert loops[truth["workspace_id"]]["decision"] is truth["decision"]
        if truth["decision"] is not None:
            said = concluded[truth["workspace_id"]]
            assert said["hypothesis"] == truth["hypothesis"]
            assert said["summary_execution"] == truth["feedback"][0]
    if order != "registry first":
        reason = "4105cca7b53342fc954cd2aad7185dda is in the registry, but its folder is gone"
        assert ("warning", reason) in findings(lake)
    assert publish(lake).outcome == "published"


@pytest.mark.slow
@needs_shared
def test_all_kinds_of_sources_in_any_order_give_the_same_rows(tmp_path: Path) -> None:
    root = CORPUS / "git_ignore_folder" / "RD-Agent_workspace"
    every: Mapping[str, Callable[[Lake], IngestReport]] = {
        "folders": lambda lake: ingest(lake, [root, *folders()]),
        "logs": lambda lake: ingest(lake, [], logs(), signing_key=KEY),
        "registry": lambda lake: ingest(lake, [], registries=[REGISTRY]),
        "catalogs": lambda lake: ingest(lake, [], catalogs=[LEGACY]),
    }
    first: Mapping[str, list[str]] = {}
    names = list(every)
    for order in (names, names[::-1], [*names[2:], *names[:2]], [*names[1:], names[0]]):
        lake = init_store(tmp_path / "-".join(order))
        for name in order:
            every[name](lake)
        found = content(lake)
        first = first or found
        assert found == first
