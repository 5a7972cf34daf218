"""JSON files and exported catalogs: the last to be asked, and the same rows whatever came first."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.errors import BadInput
from rdlake.ingest.pipeline import IngestReport
from rdlake.library import Library
from rdlake.schema.tables import TABLES
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace
from tests.builders_traces import KEY
from tests.ingest.bad_input.world import OWN, RUN, both
from tests.ingest.test_derive import content, warnings
from tests.ingesting import ingest
from tests.lake_rows import versions
from tests.places import DATA

LEGACY = DATA / "legacy_catalogs"
RETURN = "1day.excess_return_without_cost.annualized_return"
ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = init_store(tmp_path_factory.mktemp("legacy") / "lake")
    report = Library(lake).ingest(catalogs=[LEGACY])
    assert report.counts == {"ok": 1, "unchanged": 0}
    return lake


def exported() -> list[dict[str, Any]]:
    rows = json.loads((LEGACY / "loop_catalog.json").read_text(encoding="utf-8"))["loops"]
    return list(rows)


def test_thirty_rows_are_eight_loops_and_twenty_two_workspaces(legacy: Lake) -> None:
    rows = exported()
    assert len(rows) == 30
    tested = {row["workspace_id"] for row in rows if row["metrics"]}
    assert set(legacy.read("loops")["workspace_id"]) == tested
    others = {row["workspace_id"] for row in rows} - tested
    assert set(legacy.read("workspaces")["workspace_id"]) == others
    assert (len(tested), len(others)) == (8, 22)


def test_each_has_one_figure_under_its_own_name(legacy: Lake) -> None:
    truth = {row["workspace_id"]: row["metrics"].get("0") for row in exported()}
    for loop in legacy.read("loops").to_dicts():
        assert dict(loop["metrics"]) == {RETURN: truth[loop["workspace_id"]]}
        assert loop["annual_return_without_cost"] == truth[loop["workspace_id"]]
        assert loop["annual_return"] is None
        assert loop["provenance"]["metrics"] == "catalog"
        assert (loop["has_result"], loop["status"], loop["strategy_id"]) == (True, "success", None)


def test_the_ids_that_are_stored_elsewhere_are_kept(legacy: Lake) -> None:
    truth = {row["workspace_id"]: row["strategy_id"] for row in exported() if row["metrics"]}
    loops = legacy.read("loops").to_dicts()
    assert {each["workspace_id"]: each["protocol_strategy_id"] for each in loops} == truth


def test_no_feedback_stands_under_two_runs(legacy: Lake) -> None:
    texts: dict[str, set[str]] = {}
    for row in exported():
        if said := row["summary_texts"]["execution"]:
            texts.setdefault(said, set()).add(row["task_run_id"])
    owned = {said for said, runs in texts.items() if len(runs) == 1}
    rows = legacy.read("feedback").to_dicts()
    assert {row["summary_execution"] for row in rows} == owned
    assert {row["provenance"]["decision"] for row in rows} == {"catalog"}
    told = {row["workspace_id"] for row in rows}
    decided = legacy.read("loops").filter(pl.col("decision").is_not_null())
    assert set(decided["workspace_id"]) == told
    assert sum("word for word" in reason for _, reason in warnings(legacy)) == 8 - len(told)


def test_factors_belong_to_their_loops_and_those_of_libraries_are_counted(legacy: Lake) -> None:
    rows = json.loads((LEGACY / "factor_catalog.json").read_text(encoding="utf-8"))["factors"]
    own = {row["name"]: row for row in rows if row.get("experiment_id")}
    experiments = dict(legacy.read("loops").select("workspace_id", "experiment_id").rows())
    factors = legacy.read("factors").to_dicts()
    assert {row["factor_name"] for row in factors} == own.keys()
    for row in factors:
        truth = own[row["factor_name"]]
        assert experiments[row["workspace_id"]] == truth["experiment_id"]
        assert row["description_cn"] == truth["description_cn"]
        assert row["formula_hint"] == truth["formula_hint"]
        assert dict(row["variables"]) == truth["variables"]
        assert row["accepted"] is None
        assert row["provenance"]["description_cn"] == "catalog"
    library = f"{len(rows) - len(own)} factors of the library qlib_alpha158"
    assert any(reason.startswith(library) for _, reason in warnings(legacy))


@pytest.mark.slow
def test_catalogs_are_read_once_and_can_be_published(tmp_path: Path) -> None:
    lake = init_store(tmp_path / "lake")
    Library(lake).ingest(catalogs=[LEGACY])
    before = versions(lake)
    assert Library(lake).ingest(catalogs=sorted(LEGACY.iterdir())).counts == {"unchanged": 1}
    assert versions(lake) == before
    assert Library(lake).publish().outcome == "published"
    with Library(lake).connect() as connection:
        assert connection.execute("SELECT count(*) FROM loop_catalog").fetchone() == (8,)
    for entry in TABLES:
        assert "/mnt/f" not in repr(lake.read(entry.name).rows()), entry.name


def test_of_two_exports_the_newest_has_the_word(tmp_path: Path) -> None:
    def export(name: str, day: int, **row: object) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        told = {"task_run_id": "run", "loop_id": 1, "workspace_id": ONE, "metrics": {"IC": day}}
        catalog = {"generated_at_utc": f"2025-12-0{day}T00:00:00+00:00", "loops": [told | row]}
        (folder / "loop_catalog.json").write_text(json.dumps(catalog))
        return folder

    older = export("older", 1, step_name="running", strategy_id="s")
    newer = export("newer", 2, step_name="feedback")
    lakes = []
    for place, order in enumerate([(older, newer), (newer, older)]):
        lake = init_store(tmp_path / f"lake{place}")
        for each in order:
            Library(lake).ingest(catalogs=[each])
        lakes.append(content(lake))
        (loop,) = lake.read("loops").to_dicts()
        assert (loop["step_name"], loop["protocol_strategy_id"]) == ("feedback", "s")
        assert dict(loop["metrics"]) == {"IC": 2.0}
    assert lakes[0] == lakes[1]


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("{", "failed", "no JSON"),
        ("[]", "failed", "no list of"),
        ('{"loops": [], "loops": []}', "failed", "comes twice"),
        ('{"version": "v9", "loops": []}', "failed", "version 'v9'"),
        (
            '{"loops": [{"workspace_id": "../x", "task_run_id": "r", "loop_id": 1}]}',
            "failed",
            "no valid workspace",
        ),
        ('{"loops": [{"workspace_id": "x", "task_run_id": "r"}]}', "failed", "loop 0"),
        (
            '{"factors": [{"name": "X", "experiment_id": "r/1"}]}',
            "skipped",
            "without a result in this",
        ),
    ],
)
def test_a_bad_catalog_says_what_and_is_read_once(
    tmp_path: Path, text: str, status: str, reason: str
) -> None:
    lake = init_store(tmp_path / "lake")
    (tmp_path / "loop_catalog.json").write_text(text)
    (outcome,) = Library(lake).ingest(catalogs=[tmp_path / "loop_catalog.json"]).outcomes
    assert outcome.status == status
    assert reason in outcome.findings[0].reason
    assert outcome.findings[0].file == "loop_catalog.json"
    before = versions(lake)
    assert not Library(lake).ingest(catalogs=[tmp_path / "loop_catalog.json"]).outcomes
    assert versions(lake) == before


def test_what_is_no_catalog_is_refused(tmp_path: Path) -> None:
    lake = init_store(tmp_path / "lake")
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(BadInput, match=wrong.name):
            Library(lake).ingest(catalogs=[wrong])


def write(folder: Path, **files: Mapping[str, Any]) -> Path:
    """JSON files of a workspace: `write(folder, feedback={…})`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    return folder


def said(run: str, loop: int, execution: str = "it went well") -> dict[str, Any]:
    summary = {"execution": execution, "value_feedback": "v", "shape_feedback": "s"}
    return {"task_run_id": run, "loop_id": loop, "decision": True, "summary": summary}


def perf(**metrics: float) -> dict[str, Any]:
    window = {"name": "main_window", "metrics": metrics}
    return {"combinations": [{"name": "main", "windows": [window]}]}


@pytest.mark.slow
def test_feedback_under_two_runs_is_taken_from_both_whichever_comes_first(tmp_path: Path) -> None:
    roots = [tmp_path / name for name in ("one", "two", "other")]
    write(make_workspace(roots[0], ONE), feedback=said("run a", 1))
    write(make_workspace(roots[1], TWO, level=0.002), feedback=said("run b", 1))
    other = make_workspace(roots[2], "3" * 32, level=0.003)
    write(other, feedback=said("run b", 2, "something else"))
    found = []
    for place, order in enumerate(permutations(roots)):
        lake = init_store(tmp_path / f"lake{place}")
        for root in order:
            ingest(lake, [root])
        found.append(content(lake))
        assert lake.read("feedback")["summary_execution"].to_list() == ["something else"]
        assert lake.read("loops")["decision"].null_count() == 2
        shared = [reason for _, reason in warnings(lake) if "word for word" in reason]
        assert shared
        assert all("run a and run b" in reason for reason in shared)
    assert all(each == found[0] for each in found)


@pytest.mark.slow
def test_feedback_comes_back_when_its_copy_is_gone(tmp_path: Path) -> None:
    lake, root = init_store(tmp_path / "lake"), tmp_path / "root"
    write(make_workspace(root, ONE), feedback=said("run a", 1))
    two = write(make_workspace(root, TWO, level=0.002), feedback=said("run b", 1))
    ingest(lake, [root])
    assert lake.read("feedback").is_empty()
    (two / "feedback.json").unlink()
    ingest(lake, [root])
    assert lake.read("feedback")["workspace_id"].to_list() == [ONE]
    fresh = init_store(tmp_path / "fresh")
    ingest(fresh, [root])
    assert {**content(lake), "blobs": []} == {**content(fresh), "blobs": []}  # what is kept stays


def test_a_copied_folder_of_one_run_keeps_its_feedback(tmp_path: Path) -> None:
    lake, root = init_store(tmp_path / "lake"), tmp_path / "root"
    write(make_workspace(root, ONE), feedback=said("run a", 1))
    shutil.copytree(root / ONE, root / TWO)
    ingest(lake, [root])
    assert lake.read("feedback").height == 2


def told_of(place: Path, number: int) -> Path:
    """JSON files in the folder of a loop that a log tells of."""
    return write(
        place / "RD-Agent_workspace" / OWN[number],
        feedback=said("hex", number),
        factor_perf=perf(IC=0.5, multi_score=3.0),
        factor_meta={
            "task_run_id": "hex",
            "loop_id": number,
            "factors": [{"name": "('feature', 'MOM_5D')", "tags": ["t"]}, {"name": "Z"}],
        },
    )


@pytest.mark.slow
def test_log_and_folder_come_before_json_in_any_order(tmp_path: Path) -> None:
    place = both(tmp_path)
    for number in OWN:
        told_of(tmp_path, number)
    steps: list[Callable[[Lake], IngestReport]] = [
        lambda lake: ingest(lake, [place.workspaces], signing_key=KEY),
        lambda lake: ingest(lake, [], [place.logs], signing_key=KEY),
        lambda lake: ingest(lake, [], catalogs=[LEGACY]),
    ]
    found = []
    for number, order in enumerate(permutations(steps)):
        lake = init_store(tmp_path / f"lake{number}")
        for step in order:
            step(lake)
        found.append(content(lake))
    assert all(each == found[0] for each in found)
    loop = lake.read("loops", where=pl.col("workspace_id") == OWN[0]).to_dicts()[0]
    assert (loop["task_run_id"], loop["provenance"]["metrics"]) == (RUN, "trace")
    assert "multi_score" not in dict(loop["metrics"])
    factors = lake.read("factors", where=pl.col("workspace_id") == OWN[0]).to_dicts()
    by_name = {row["factor_name"]: row for row in factors}
    assert by_name["MOM_5D"]["tags"] == ["t"]
    assert by_name["MOM_5D"]["provenance"]["tags"] == "json"
    assert by_name["Z"]["accepted"] is None
    assert loop["factor_names"] == ["MOM_5D", "动量_10日"]


def test_json_of_another_loop_is_not_heard(tmp_path: Path) -> None:
    place = both(tmp_path)
    write(place.first, feedback=said("hex", 7), factor_meta={"factors": [{"name": "Z"}]})
    lake = init_store(tmp_path / "lake")
    ingest(lake, [place.workspaces], [place.logs], signing_key=KEY)
    assert "Z" not in lake.read("factors")["factor_name"].to_list()
    assert "it went well" not in lake.read("feedback")["summary_execution"].to_list()
    assert any("loop 7" in reason for _, reason in warnings(lake))


@pytest.mark.slow
def test_a_metric_that_json_alone_has_is_a_result(tmp_path: Path) -> None:
    lake, root = init_store(tmp_path / "lake"), tmp_path / "root"
    summary = {"task_run_id": "run", "loop_id": 4, "workspace_id": ONE, "status": "finished"}
    write(root / ONE, experiment_summary=summary, factor_perf=perf(IC=0.5))
    write(root / TWO, experiment_summary=summary | {"workspace_id": TWO, "has_result": True})
    ingest(lake, [root])
    (loop,) = lake.read("loops").to_dicts()
    assert (loop["workspace_id"], loop["experiment_id"], loop["ic"]) == (ONE, "run/4", 0.5)
    assert (loop["has_result"], loop["status"]) == (True, "success")
    assert loop["provenance"]["metrics"] == "json"
    roles = dict(lake.read("workspaces").select("workspace_id", "role").rows())
    assert roles == {ONE: "experiment", TWO: "junk"}
    assert Library(open_store(lake.root)).publish().outcome == "published"
