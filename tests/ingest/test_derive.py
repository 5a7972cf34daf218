"""Logs and workspaces in any order and split give the same rows, and those are the true ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import polars as pl
import pytest

import rdlake
from rdlake.catalog.publish import publish
from rdlake.demo.traces import FAKE_SECRETS
from rdlake.exports.charts.stored import draw_charts
from rdlake.schema.tables import TABLES
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import write_metrics
from tests.ingesting import ingest
from tests.marks import slow
from tests.places import DATA, needs_shared
from tests.places import TRACES as SHARED_TRACES

BUNDLED = DATA / "traces"
TRACES = SHARED_TRACES if SHARED_TRACES.is_dir() else BUNDLED
KEY = (BUNDLED / "artifact_signing.key").read_bytes()
HISTORY = {"ingests", "catalogs", "file_lists"}

Step = tuple[Sequence[Path], Sequence[Path]]


def logs() -> list[Path]:
    return sorted(TRACES.glob("*/log"))


def folders() -> list[Path]:
    return sorted(TRACES.glob("*/git_ignore_folder/RD-Agent_workspace"))


def read(root: Path, *steps: Step) -> Lake:
    """A lake into which this was read, step by step."""
    lake = init_store(root)
    for workspaces, runs in steps:
        ingest(lake, workspaces, runs, signing_key=KEY)
        draw_charts(lake)
    return lake


def content(lake: Lake) -> Mapping[str, list[str]]:
    """Every table's rows without clocks, but for the tables that tell what was done."""
    return {
        entry.name: sorted(
            map(
                repr,
                lake.read(entry.name, [c.name for c in entry.columns if not c.clock]).rows(),
            )
        )
        for entry in TABLES
        if entry.name not in HISTORY
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return read(tmp_path_factory.mktemp("whole") / "lake", (folders(), logs()))


@pytest.mark.slow
@pytest.mark.parametrize("order", ["in parts", *slow("logs first", "folders first", "twice")])
def test_whatever_comes_first_the_rows_are_the_same(
    whole: Lake, tmp_path: Path, order: str
) -> None:
    steps: Mapping[str, Sequence[Step]] = {
        "logs first": [([], logs()), (folders(), [])],
        "folders first": [(folders(), []), ([], logs())],
        "in parts": [(folders()[:1], logs()[1:]), (folders()[1:], []), ([], logs()[:1])],
        "twice": [(folders(), logs()), (folders(), logs())],
    }
    found = content(read(tmp_path / "lake", *(step for step in steps[order] if any(step))))
    for name, rows in content(whole).items():
        assert found[name] == rows, name


def warnings(lake: Lake) -> set[tuple[str, str]]:
    """What any ingest found to be looked at, without which of them it was."""
    found = [each for row in lake.read("ingests").to_dicts() for each in row["findings"]]
    return {(each["level"], each["reason"]) for each in found}


def test_logs_and_folders_of_real_runs_do_not_contradict_each_other(whole: Lake) -> None:
    reasons = {reason for _, reason in warnings(whole)}
    assert all(reason.startswith("no prices: ") for reason in reasons)


@pytest.mark.slow
def test_what_contradicts_is_said_whichever_comes_first(whole: Lake, tmp_path: Path) -> None:
    """A log that was copied under another name, and a folder with another's metrics."""
    run = sorted((BUNDLED / "run_factor_100" / "log").iterdir())[0]
    shutil.copytree(run, tmp_path / "log" / run.name)
    shutil.copytree(run, tmp_path / "copies" / "copy")
    of_run = (pl.col("task_run_id") == run.name) & pl.col("has_result")
    ran = whole.read("loops", where=of_run & (pl.col("role") == "experiment")).to_dicts()[0]
    metrics = {name: value for name, value in dict(ran["metrics"]).items() if value is not None}
    (tmp_path / "workspaces" / ran["workspace_id"]).mkdir(parents=True)
    write_metrics(tmp_path / "workspaces" / ran["workspace_id"], metrics | {"IC": 0.5})
    parts: list[Step] = [([], [tmp_path / "log"]), ([], [tmp_path / "copies"])]
    parts.append(([tmp_path / "workspaces"], []))
    first = None
    for place, steps in enumerate(permutations(parts)):
        lake = read(tmp_path / f"lake{place}", *steps)
        told = {reason for _, reason in warnings(lake)}
        assert sum("is claimed by the runs" in each for each in told) > 1
        assert any(ran["workspace_id"] in each and "copy" in each for each in told)
        assert f"IC is 0.5 here, but {metrics['IC']!r} in the log {run.name}" in told
        first = first or content(lake)
        assert first == content(lake)


@pytest.mark.slow
def test_what_is_unchanged_is_read_once(whole: Lake) -> None:
    before = content(whole), {e.name: whole.snapshot(e.name).version for e in TABLES}
    report = ingest(whole, folders(), logs(), signing_key=KEY)
    assert not report.outcomes
    assert before == (content(whole), {e.name: whole.snapshot(e.name).version for e in TABLES})


def expected_loops() -> list[tuple[str, dict[str, Any]]]:
    return [
        (run["folder"], loop)
        for path in sorted(TRACES.glob("*/expected.json"))
        for run in json.loads(path.read_text(encoding="utf-8"))["run_folders"]
        for loop in run["loops"]
    ]


def span(step: Mapping[str, Any]) -> tuple[datetime, ...]:
    return tuple(step[name].replace(tzinfo=UTC) for name in ("started_at", "ended_at"))


@pytest.mark.slow
@needs_shared
def test_a_loop_has_the_older_id_when_log_and_folder_are_known(whole: Lake, tmp_path: Path) -> None:
    namespace = UUID("7b6b2c6c-0b4d-4e2c-9b7f-3b1b9b4f3a11")
    there = {path.name: path for root in folders() for path in root.iterdir()}
    rows = whole.read("loops").to_dicts()
    for loop in rows:
        folder = there.get(loop["workspace_id"])
        if folder is None or loop["scenario_raw"] is None:
            assert loop["protocol_strategy_id"] is None
            continue
        files = [file.relative_to(folder).as_posix() for file in folder.rglob("*.y*ml")]
        words = {"scenario": loop["scenario_raw"], "step_name": "", "action": loop["action"]}
        text = json.dumps({**words, "templates": sorted(files)}, sort_keys=True, ensure_ascii=False)
        assert loop["protocol_strategy_id"] == uuid5(namespace, text).hex
        assert any("mlruns" in file for file in files) or loop["cached"]
    assert sum(loop["protocol_strategy_id"] is not None for loop in rows) > 5
    nowhere: list[Path] = []
    for name, workspaces, runs in (("folders", folders(), nowhere), ("logs", nowhere, logs())):
        alone = read(tmp_path / name, (workspaces, runs)).read("loops")
        assert alone["protocol_strategy_id"].null_count() == alone.height


@pytest.mark.parametrize(
    ("run", "truth"), expected_loops(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_loop_is_in_the_lake_as_it_was(whole: Lake, run: str, truth: dict[str, Any]) -> None:
    where = (pl.col("task_run_id") == run) & (pl.col("loop_id") == truth["loop"])
    (loop,) = whole.read("loops", where=where & (pl.col("role") == "experiment")).to_dicts()
    assert loop["action"] == truth["action"] or truth["action"] is None
    if truth.get("experiment_workspace_id") and not truth["skipped"]:
        assert loop["workspace_id"] == truth["experiment_workspace_id"]
    metrics = {
        name: value for name, value in dict(loop["metrics"] or {}).items() if value is not None
    }
    assert metrics == pytest.approx(truth["metrics"] or {}, abs=1e-9)
    assert (loop["status"] == "skipped") is truth["skipped"]
    assert (loop["cached"] or False) is truth["cached"]
    assert loop["decision"] == truth["decision"]
    if truth["cached"]:
        assert [loop["result_workspace_id"]] == truth["metrics_equal_qlib_res_of"]
    owner = pl.col("workspace_id") == loop["workspace_id"]
    (feedback,) = whole.read("feedback", where=owner).to_dicts()
    assert feedback["tested_hypothesis"] == truth["hypothesis"]
    assert feedback["hypothesis"] == truth["new_hypothesis"] or feedback["hypothesis"]
    assert feedback["hypothesis_reason"] == truth["hypothesis_reason"]
    assert {each["name"]: span(each) for each in loop["steps"]} == {
        name: tuple(map(datetime.fromisoformat, times))
        for name, times in truth["step_times"].items()
    }
    assert loop["steps"] == sorted(loop["steps"], key=lambda step: step["started_at"])
    proposed = {each["name"]: each for each in truth["tasks"] if each["kind"] == "FactorTask"}
    rows = {row["factor_name"]: row for row in whole.read("factors", where=owner).to_dicts()}
    for name, task in proposed.items():
        assert rows[name]["accepted"] is task["accepted"]
        assert rows[name]["formula_hint"] == task["formulation"]
        assert rows[name]["description_cn"] == task["description"]
        assert rows[name]["sub_workspace_id"] == task["workspace_id"]


@pytest.mark.slow
def test_a_lake_of_logs_alone_can_be_published(tmp_path: Path) -> None:
    lake = read(tmp_path / "lake", ([], logs()))
    assert publish(lake).outcome == "published"
    with rdlake.connect(lake.root) as connection:
        told = connection.execute("SELECT count(*) FROM loop_catalog").fetchone()
    assert told is not None
    assert told[0] > 0


def test_no_secret_of_a_log_is_in_the_lake(whole: Lake) -> None:
    secrets = [*FAKE_SECRETS, "sk-fake-do-not-ingest", "MUST-NOT-BE-INGESTED"]
    for entry in TABLES:
        text = repr(whole.read(entry.name).rows())
        assert not [secret for secret in secrets if secret in text], entry.name
    for file in whole.root.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in data], file


@pytest.mark.slow
def test_neither_pandas_nor_qlib_nor_rdagent_is_needed(whole: Lake, tmp_path: Path) -> None:
    program = f"""
import sys
class NotHere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {{"pandas", "qlib", "rdagent", "mlflow", "tables"}}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotHere())
import rdlake
from tests.places import DATA
from tests.places import TRACES as SHARED_TRACES
lake = rdlake.init_lake({str(tmp_path / "lake")!r})
lake.ingest(*{list(map(str, folders()))!r}, logs={list(map(str, logs()))!r}, signing_key={KEY!r})
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert content(open_store(tmp_path / "lake")) == content(whole)
