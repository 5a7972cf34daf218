"""Test the JSON catalogs of protocol v1: strict, checked, complete, the same bytes each time."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import Any

import pytest

import rdlake
from rdlake.catalog.version import newest
from rdlake.domain.qlib_alphas import ALPHA158
from rdlake.errors import CheckFailed, StorageFailed, UnknownVersion
from rdlake.exports.json import export_json
from rdlake.exports.protocol_v1 import CATALOGS
from rdlake.exports.schemas import schemas
from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.cli.run import run
from tests.exports.importer import content, entries, upsert
from tests.exports.odd import ODD, WORKSPACE, put_odd
from tests.ingest.test_json_catalogs import LEGACY
from tests.places import CORPUS, REPOSITORY, needs_shared

FIELDS = {
    "factor_catalog": (
        "name source expression description_cn formula_hint variables tags region freq align "
        "nan_policy created_at_utc experiment_id impl_module impl_func impl_version interface_info"
    ),
    "strategy_catalog": (
        "strategy_id scenario step_name action workspace_example template_files data_config "
        "dataset_config portfolio_config backtest_config model_config python_implementation "
        "feature_list market instruments freq"
    ),
    "loop_catalog": (
        "task_run_id loop_id workspace_id scenario step_name action status has_result strategy_id "
        "factor_names metrics decision summary_texts paths"
    ),
    "model_catalog": (
        "model_id task_run_id loop_id workspace_id model_type model_config dataset_config "
        "feature_schema feature_list model_artifacts log_dir"
    ),
}
"""As the protocol lists them, in its order."""
PARTS = {
    ("factor_catalog", "interface_info"): {"type", "standard_wrapper"},
    ("strategy_catalog", "workspace_example"): {
        *("task_run_id", "loop_id", "workspace_id", "workspace_path"),
    },
    ("strategy_catalog", "python_implementation"): {"module", "func"},
    ("loop_catalog", "summary_texts"): {"execution", "value_feedback", "shape_feedback"},
    ("loop_catalog", "paths"): {"factor_meta", "factor_perf", "feedback", "ret_curve", "dd_curve"},
    ("model_catalog", "model_artifacts"): {"mlruns", "model_files"},
}
ABSOLUTE = re.compile(r'"(?:/|[A-Za-z]:[\\/]|\\\\)')


@pytest.fixture(scope="module")
def folder(everything: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("json") / "new" / "folder"
    export_json(everything, folder)
    return folder


def rows(lake: Lake, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        return connection.execute(query).fetchall()


def finite(value: float | None) -> float | None:
    return None if value is None or isnan(value) else value


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}


def test_the_fields_are_those_of_the_protocol_in_its_order(folder: Path) -> None:
    for name, fields in FIELDS.items():
        found = entries(folder / f"{name}.json")
        assert found, name
        assert {tuple(each) for each in found} == {tuple(fields.split())}
    for (name, field), parts in PARTS.items():
        told = [each[field] for each in entries(folder / f"{name}.json") if each[field]]
        assert {frozenset(each) for each in told} <= {frozenset(parts)}
        assert told or field == "interface_info"


def test_the_head_says_when_the_version_was_published(everything: Lake, folder: Path) -> None:
    for path in folder.iterdir():
        head = json.loads(path.read_text(encoding="utf-8"))
        assert (head["version"], head["source"]) == ("v1", "rdagent_tools")
        made = datetime.fromisoformat(head["generated_at_utc"])
        assert made.isoformat().endswith("+00:00")
        assert made.replace(tzinfo=None) == newest(everything).published_at


def test_the_rows_are_those_of_the_views(everything: Lake, folder: Path) -> None:
    asked = {
        "factor_catalog": "SELECT name, source FROM factor_catalog",
        "strategy_catalog": "SELECT strategy_id FROM strategy_catalog",
        "loop_catalog": "SELECT task_run_id, loop_id, workspace_id FROM loop_catalog "
        "WHERE role = 'experiment'",
        "model_catalog": "SELECT model_id FROM model_catalog",
    }
    for name, query in asked.items():
        key = [part.strip() for part in query.split("FROM")[0][7:].split(",")]
        found = [tuple(each[part] for part in key) for each in entries(folder / f"{name}.json")]
        assert found == sorted(rows(everything, query)), name
        assert found
    figures = {each["workspace_id"]: each for each in entries(folder / "loop_catalog.json")}
    for workspace_id, metrics, decision, names in rows(
        everything, "SELECT workspace_id, metrics, decision, factor_names FROM loop_catalog"
    ):
        if told := figures.get(workspace_id):
            assert told["metrics"] == {name: finite(value) for name, value in metrics.items()}
            assert list(told["metrics"]) == sorted(metrics)
            assert (told["decision"], told["factor_names"]) == (decision, names)


def test_configurations_are_objects_as_they_ran(everything: Lake, folder: Path) -> None:
    (strategy,) = entries(folder / "strategy_catalog.json")
    ((data, model),) = rows(everything, "SELECT data_config, model_config FROM strategy_catalog")
    assert strategy["data_config"] == json.loads(data)
    assert strategy["model_config"] == json.loads(model)
    assert strategy["workspace_example"]["workspace_path"].startswith("recordings/")
    assert "conf_combined_factors.yaml" in strategy["template_files"]


@pytest.mark.slow
def test_no_path_is_absolute(folder: Path) -> None:
    for name in FIELDS:
        assert not ABSOLUTE.search((folder / f"{name}.json").read_text(encoding="utf-8")), name


def test_the_alpha_meta_is_qlibs_list(folder: Path) -> None:
    told = {each["name"]: each["expression"] for each in entries(folder / "alpha158_meta.json")}
    assert told == dict(ALPHA158)


def test_what_is_no_number_is_null_and_letters_are_as_they_are(folder: Path) -> None:
    (odd,) = [
        each for each in entries(folder / "loop_catalog.json") if each["workspace_id"] == WORKSPACE
    ]
    assert odd["metrics"]["none"] is None
    assert (odd["metrics"][ODD], odd["metrics"]["tiny"]) == (1e300, 5e-324)
    assert odd["task_run_id"] == odd["summary_texts"]["execution"] == ODD
    assert "动量" in (folder / "loop_catalog.json").read_text(encoding="utf-8")


def test_each_file_passes_its_own_model(folder: Path) -> None:
    for catalog in CATALOGS:
        text = (folder / catalog.file).read_bytes()
        again = catalog.whole.model_validate_json(text).model_dump(mode="json")
        assert again == json.loads(text)


def test_the_schemas_of_the_documentation_are_these() -> None:
    there = {path.name: path.read_text("utf-8") for path in (REPOSITORY / "docs/schemas").iterdir()}
    assert there == schemas()


def test_two_exports_of_a_version_are_equal_to_the_byte(own: Lake, tmp_path: Path) -> None:
    export_json(own, tmp_path / "one")
    put_odd(own, decision=True)
    Library(own).publish(allow=["results_are_finite"])
    export_json(own, tmp_path / "new")
    export_json(own, tmp_path / "two", version=1)
    one, two, new = (bytes_of(tmp_path / name) for name in ("one", "two", "new"))
    assert one == two
    assert one.keys() == {each.file for each in CATALOGS}
    assert one["loop_catalog.json"] != new["loop_catalog.json"]


def test_imported_twice_it_is_the_same_tables(folder: Path, tmp_path: Path) -> None:
    upsert(folder, tmp_path / "consumer.sqlite")
    once = content(tmp_path / "consumer.sqlite")
    upsert(folder, tmp_path / "consumer.sqlite")
    assert content(tmp_path / "consumer.sqlite") == once
    for name, found in once.items():
        assert len(found) == len(entries(folder / f"{name}.json")) > 0


@pytest.mark.slow
def test_an_exported_history_is_read_back_as_it_was(tmp_path: Path) -> None:
    """Leave out the ids of strategies: a reader takes them for those that AIstock stored."""
    told = []
    exported = LEGACY
    for number in (1, 2):
        lake = init_store(tmp_path / f"lake{number}")
        Library(lake).ingest(catalogs=[exported])
        Library(lake).publish()
        exported = tmp_path / f"export{number}"
        export_json(lake, exported)
        loops = entries(exported / "loop_catalog.json")
        factors = entries(exported / "factor_catalog.json")
        assert len(loops) == 8
        told.append(([each | {"strategy_id": None} for each in loops], factors))
    assert told[0] == told[1]


@pytest.mark.slow
def test_exported_loops_are_read_back_with_their_factors(folder: Path, tmp_path: Path) -> None:
    lake = init_store(tmp_path / "lake")
    Library(lake).ingest(catalogs=[folder])
    Library(lake).publish()
    export_json(lake, tmp_path / "again")

    names = ("task_run_id", "loop_id", "workspace_id", "decision", "action")

    def facts(where: Path) -> dict[tuple[Any, ...], dict[str, float]]:
        rows = entries(where / "loop_catalog.json")
        return {tuple(each[name] for name in names): each["metrics"] for each in rows}

    before, after = facts(folder), facts(tmp_path / "again")
    assert [*before] == [*after]
    for loop, metrics in before.items():
        own = {name: value for name, value in metrics.items() if name.startswith(("1day", "IC"))}
        assert own
        assert own.items() <= after[loop].items()


@pytest.mark.slow
def test_a_row_that_breaks_the_protocol_replaces_nothing(own: Lake, tmp_path: Path) -> None:
    export_json(own, tmp_path / "out")
    before = bytes_of(tmp_path / "out")
    put_odd(own, status="well enough")
    Library(own).publish(allow=["results_are_finite"])
    with pytest.raises(CheckFailed) as refused:
        export_json(own, tmp_path / "out")
    assert "status" in str(refused.value)
    assert ODD[:20] in str(refused.value)
    assert bytes_of(tmp_path / "out") == before


@pytest.mark.slow
def test_a_killed_export_leaves_what_was_there(everything: Lake, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_json(everything, out)
    before = bytes_of(out)
    script = (
        "import sys, os, rdlake\nfrom pathlib import Path\n"
        "from rdlake.exports import json as json_export\n"
        "write = json_export._write\n"
        "def killed(catalog, rows):\n"
        "    write(catalog, rows)\n"
        "    if catalog.file == 'model_catalog.json':\n"
        "        os.kill(os.getpid(), 9)\n"
        "json_export._write = killed\n"
        "json_export.export_json(rdlake.open_lake(sys.argv[1]).lake, Path(sys.argv[2]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(everything.root), str(out)], check=False
    )
    assert done.returncode == -9
    (left,) = out.glob(".rdlake-export-*")
    assert bytes_of(out) == before
    export_json(everything, out)
    assert left.exists()
    os.utime(left, (0, 0))
    export_json(everything, out)
    assert not left.exists()
    assert bytes_of(out) == before


def test_a_version_or_folder_that_is_not_there_is_named(everything: Lake, tmp_path: Path) -> None:
    with pytest.raises(UnknownVersion):
        export_json(everything, tmp_path / "out", version=9)
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageFailed):
        export_json(everything, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_the_command_tells_how_many_rows_each_file_has(
    capsys: pytest.CaptureFixture[str], everything: Lake, tmp_path: Path
) -> None:
    told = run(
        capsys, "catalogs", "export-json", tmp_path / "out", "--lake", everything.root, "--json"
    )
    assert told.code == 0
    counts = {Path(each["file"]).name: each["rows"] for each in json.loads(told.out)}
    assert counts["loop_catalog.json"] == len(entries(tmp_path / "out" / "loop_catalog.json")) > 0
    assert counts["alpha158_meta.json"] == 158


@pytest.mark.slow
@needs_shared
def test_the_corpus_is_exported_in_full(tmp_path: Path) -> None:
    lake = init_store(tmp_path / "lake")
    (workspaces,) = CORPUS.glob("git_ignore_folder/RD-Agent_workspace")
    Library(lake).ingest(workspaces)
    Library(lake).publish()
    started = time.process_time()
    written = {each.path.stem: each.rows for each in export_json(lake, tmp_path / "out")}
    assert time.process_time() - started < 10
    assert written["loop_catalog"] > 0
    for catalog in CATALOGS:
        catalog.whole.model_validate_json((tmp_path / "out" / catalog.file).read_bytes())
