"""Read a workspace folder: role, action, figures, and what was wrong with it."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from rdlake.domain.experiment import Finding, Workspace
from rdlake.evidence import evidence_of_folder, merge
from rdlake.sources.workspace.hashing import hash_files
from rdlake.sources.workspace.parse import (
    MAX_FINDINGS,
    SkippedFolder,
    parse_workspace,
    read_workspace,
)
from rdlake.sources.workspace.roles import classify
from rdlake.sources.workspace.roots import find_workspaces
from rdlake.sources.workspace.scan import scan_folder
from tests.builders import make_workspace
from tests.places import DATA, REPOSITORY, SHARED

TRUTH: dict[str, Any] = json.loads((DATA / "truth.json").read_text(encoding="utf-8"))
BELOW = "git_ignore_folder/RD-Agent_workspace"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the whole corpus is not here")


def taken(folder: Path) -> Workspace:
    workspace = read_workspace(folder)
    assert isinstance(workspace, Workspace)
    return workspace


def said(workspace: Workspace) -> list[tuple[str, str | None]]:
    return [(finding.level, finding.file) for finding in workspace.findings]


def reason(workspace: Workspace, file: str) -> str:
    (finding,) = [finding for finding in workspace.findings if finding.file == file]
    return finding.reason


def agree(found: Any, expected: dict[str, float] | None) -> None:
    if expected is None:
        assert found is None
        return
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12, rel=0), name


def curve_agrees(curve: pl.DataFrame | None, expected: dict[str, Any] | None) -> None:
    if expected is None:
        assert curve is None
        return
    assert curve is not None
    excess = curve["return"] - curve["bench"]
    assert len(curve) == expected["n_rows"]
    assert str(curve["date"][0]) == expected["first_date"]
    assert str(curve["date"][-1]) == expected["last_date"]
    assert curve["account"][-1] == pytest.approx(expected["final_account"], rel=1e-9)
    assert excess.sum() == pytest.approx(expected["sum_return_minus_bench"], abs=1e-9)
    net = (excess - curve["cost"]).sum()
    assert net == pytest.approx(expected["sum_return_minus_bench_minus_cost"], abs=1e-9)


@pytest.mark.parametrize("workspace_id", sorted(TRUTH))
def test_a_real_workspace_is_read_to_the_last_digit(workspace_id: str) -> None:
    workspace, truth = taken(DATA / "workspaces" / workspace_id), TRUTH[workspace_id]
    assert (workspace.workspace_id, workspace.root_name) == (workspace_id, "workspaces")
    assert (workspace.role, workspace.action) == (truth["role"], truth["action"])
    agree(workspace.metrics, truth["metrics"])
    curve_agrees(workspace.curve, truth["curve"])
    names = [factor.name for factor in workspace.factors] if workspace.factors else None
    assert names == truth["factors"]


def test_only_hostile_and_missing_files_are_wrong_with_the_real_workspaces() -> None:
    for folder in find_workspaces(DATA / "workspaces").folders:
        workspace = taken(folder)
        files = {file.path for file in workspace.files}
        expected: list[tuple[str, str | None]] = []
        if workspace.role in ("experiment", "baseline"):
            expected += [] if "qlib_res.csv" in files else [("warning", "qlib_res.csv")]
            if not {"ret.parquet", "ret.pkl"} & files:
                expected.append(("warning", "ret.parquet"))
            if "hostile" in TRUTH[workspace.workspace_id]["about"]:
                expected.append(("error", "ret.pkl"))
        findings = [each for each in said(workspace) if not (each[1] or "").startswith("mlruns")]
        assert findings == expected, workspace.workspace_id


def test_a_hostile_pickle_is_recorded_and_never_opened(tmp_path: Path) -> None:
    (folder,) = (DATA / "workspaces" / key for key in TRUTH if "hostile" in TRUTH[key]["about"])
    workspace = taken(folder)
    pickled = next(file for file in workspace.files if file.path == "ret.pkl")
    assert pickled.sha256
    assert workspace.curve is None
    assert "builtins.exec" in reason(workspace, "ret.pkl")
    assert not (tmp_path / "PWNED_FILE").exists()


def test_nothing_that_executes_is_imported() -> None:
    package = REPOSITORY / "rdlake" / "sources"
    for module in package.glob("*.py"):
        text = module.read_text(encoding="utf-8")
        assert "import pickle" not in text
        assert "exec(" not in text


FACTOR = ["conf_baseline.yaml", "conf_combined_factors.yaml", "README.md", "read_exp_res.py"]
MODEL = ["conf_baseline_factors_model.yaml", "conf_sota_factors_model.yaml", "model.py"]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([*FACTOR, "qlib_res.csv", "combined_factors_df.parquet"], ("experiment", "factor")),
        ([*FACTOR, "combined_factors_df.parquet"], ("experiment", "factor")),
        ([*FACTOR, "qlib_res.csv", "model.py"], ("experiment", "factor")),
        ([*FACTOR, "qlib_res.csv"], ("baseline", "factor")),
        ([*FACTOR, "ret.pkl"], ("baseline", "factor")),
        ([*FACTOR, "mlruns/0/meta.yaml"], ("baseline", "factor")),
        ([*FACTOR, "tmp/home/mlruns/filelock"], ("unused", "factor")),
        (FACTOR, ("unused", "factor")),
        (["conf_combined_factors_dynamic.yaml", "ret.pkl"], ("baseline", "factor")),
        ([*MODEL, "qlib_res.csv"], ("experiment", "model")),
        ([*MODEL, "combined_factors_df.parquet"], ("experiment", "model")),
        (MODEL, ("experiment", "model")),
        (MODEL[:2], ("unused", "model")),
        (["conf.yaml", "conf_combined.yaml", "qlib_res.csv"], ("baseline", "factor")),
        (["conf.yaml", "model.py", "qlib_res.csv"], ("experiment", None)),
        (["conf.yaml"], ("unused", None)),
        ([*FACTOR, *MODEL, "qlib_res.csv"], ("experiment", None)),
        (["conf_baseline_20251209_backup.yaml", "factor.py"], ("sub", "factor")),
        (["factor.py", "result.h5", "daily_pv.h5"], ("sub", "factor")),
        (["model.py"], ("sub", "model")),
        (["factor.py", "model.py"], ("sub", None)),
        (["qlib_res.csv", "ret.parquet"], ("experiment", None)),
        (["combined_factors_df.parquet"], ("experiment", None)),
        (["runtime_info.py"], ("junk", None)),
        (["runtime_info.py", "notes.txt"], ("junk", None)),
        (["execution.lock"], ("junk", None)),
        ([], ("junk", None)),
        (["README.md", "main.py"], (None, None)),
        (["inner/qlib_res.csv"], (None, None)),
        (["conf_baseline.yml", "conf-baseline.yaml", "xconf_baseline.yaml"], (None, None)),
    ],
)
def test_role_and_action_are_told_from_the_files(
    paths: list[str], expected: tuple[str | None, str | None]
) -> None:
    assert classify(paths) == expected


def test_a_folder_without_a_file_of_rdagent_is_skipped_with_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(b"x")
    skipped = read_workspace(folder)
    assert isinstance(skipped, SkippedFolder)
    assert (skipped.workspace_id, skipped.root_name) == ("photos", tmp_path.name)
    assert "no workspace" in skipped.finding.reason


def test_a_folder_that_cannot_be_listed_is_skipped_and_no_junk(tmp_path: Path) -> None:
    skipped = read_workspace(tmp_path / "gone")
    assert isinstance(skipped, SkippedFolder)
    assert skipped.finding.level == "error"
    assert str(tmp_path) not in skipped.finding.reason


def test_an_experiment_knows_its_files_digests_and_size(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    workspace = taken(folder)
    scanned = scan_folder(folder)
    assert workspace.stat_digest == scanned.stat_digest
    assert workspace.source_digest == hash_files(scanned).source_digest
    assert workspace.size == sum(file.stat().st_size for file in folder.iterdir())
    assert workspace.findings == ()
    experiment = merge([evidence_of_folder(workspace)])
    assert experiment is not None
    assert experiment.has_result


def rewritten(folder: Path) -> None:
    (folder / "qlib_res.csv").write_text(",0\nIC,0.9\n", encoding="utf-8")


def grown(folder: Path) -> None:
    with (folder / "qlib_res.csv").open("a", encoding="utf-8") as file:
        file.write("ICIR,0.9\n")


def removed(folder: Path) -> None:
    (folder / "qlib_res.csv").unlink()


def added(folder: Path) -> None:
    (folder / "new.txt").write_bytes(b"")


@pytest.mark.parametrize("change", [rewritten, grown, removed, added])
def test_a_folder_that_changes_while_it_is_read_is_skipped(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    folder = make_workspace(tmp_path)
    scanned = scan_folder(folder)
    hashed = hash_files(scanned)
    change(folder)
    skipped = parse_workspace(scanned, hashed)
    assert isinstance(skipped, SkippedFolder)
    assert skipped.finding.level == "error"
    assert skipped.finding.reason.startswith("still being written")


def test_what_is_parsed_is_what_was_hashed(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, metrics={"IC": 0.25})
    hashed = hash_files(scan_folder(folder))
    rewritten(folder)
    workspace = parse_workspace(scan_folder(folder), hashed)
    assert isinstance(workspace, Workspace)
    assert workspace.metrics is not None
    assert workspace.metrics["IC"] == 0.25


def test_a_bad_file_costs_that_file_alone(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    (folder / "ret.parquet").write_bytes((folder / "ret.parquet").read_bytes()[:-100])
    workspace = taken(folder)
    assert workspace.metrics
    assert workspace.factors
    assert workspace.curve is None
    assert said(workspace) == [("error", "ret.parquet")]


def test_every_bad_file_is_named(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    for name in ("qlib_res.csv", "ret.parquet", "combined_factors_df.parquet"):
        (folder / name).write_bytes(b"")
    workspace = taken(folder)
    assert (workspace.metrics, workspace.curve, workspace.factors) == (None, None, None)
    assert [level for level, _ in said(workspace)] == ["error"] * 3
    assert (workspace.role, workspace.action) == ("experiment", "factor")


def test_a_missing_result_is_a_warning_of_an_experiment_alone(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    (folder / "qlib_res.csv").unlink()
    (folder / "ret.parquet").unlink()
    assert said(taken(folder)) == [("warning", "qlib_res.csv"), ("warning", "ret.parquet")]
    (folder / "combined_factors_df.parquet").unlink()
    unused = taken(folder)
    assert (unused.role, unused.findings) == ("unused", ())


def test_the_parquet_wins_over_a_pickle_beside_it(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    (folder / "ret.pkl").write_bytes(b"\x80\x04.")
    workspace = taken(folder)
    assert workspace.curve is not None
    assert workspace.findings == ()


def test_a_bad_pickle_alone_is_recorded_and_its_curve_an_error(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    (folder / "ret.parquet").rename(folder / "ret.pkl")
    workspace = taken(folder)
    assert workspace.curve is None
    assert said(workspace) == [("error", "ret.pkl")]


@pytest.mark.parametrize("name", ["qlib_res.csv", "ret.parquet", "combined_factors_df.parquet"])
@pytest.mark.parametrize("kind", ["folder", "link", "broken link", "pipe"])
def test_what_only_has_the_name_of_a_file_is_named(tmp_path: Path, name: str, kind: str) -> None:
    folder = make_workspace(tmp_path)
    file = folder / name
    file.rename(tmp_path / name)
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to(tmp_path / name if kind == "link" else "gone")
    level = "warning" if kind == "pipe" else "error"
    assert said(taken(folder)) == [(level, name)]


def test_links_of_a_sub_workspace_bring_no_warning(tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    (folder / "factor.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "daily_pv.h5").symlink_to("/etc/passwd")
    workspace = taken(folder)
    assert (workspace.role, workspace.action, workspace.findings) == ("sub", "factor", ())
    assert [(file.path, file.kind) for file in workspace.files] == [
        ("daily_pv.h5", "link"),
        ("factor.py", "file"),
    ]


def test_a_file_too_large_to_parse_is_named_and_recorded(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    with (folder / "qlib_res.csv").open("ab") as file:
        file.truncate((8 << 20) + 1)
    workspace = taken(folder)
    assert workspace.metrics is None
    assert reason(workspace, "qlib_res.csv") == "larger than 8 MiB; not read"


def test_a_flood_of_problems_is_cut_and_said_so(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    lines = [f"metric {number},inf" for number in range(500)]
    (folder / "qlib_res.csv").write_text("\n".join([",0", *lines, ""]), encoding="utf-8")
    findings = taken(folder).findings
    assert len(findings) == MAX_FINDINGS + 1
    assert findings[-1] == Finding(
        "warning",
        None,
        "400 more problems of this folder are not listed",
        "mend those listed first",
    )


def test_a_workspace_with_an_odd_name_is_read(tmp_path: Path) -> None:
    for name in ("a'b", "a\nb", "工作区"):
        assert taken(make_workspace(tmp_path, name)).workspace_id == name


def shared_folders() -> list[Path]:
    roots = [SHARED / "corpus" / BELOW, *sorted((SHARED / "traces").glob(f"*/{BELOW}"))]
    return [folder for root in roots for folder in find_workspaces(root).folders]


@needs_shared
def test_every_metric_of_the_whole_corpus_is_read_as_it_stands_there() -> None:
    read = 0
    for folder in shared_folders():
        workspace, file = taken(folder), folder / "qlib_res.csv"
        if not file.exists():
            assert workspace.metrics is None
            continue
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines))[1:]
        agree(workspace.metrics, {row[-2]: float(row[-1]) for row in rows})
        read += 1
    assert read == 28


@needs_shared
def test_the_whole_corpus_agrees_with_its_truth() -> None:
    truth = json.loads((SHARED / "corpus" / "truth.json").read_text(encoding="utf-8"))
    for workspace_id, expected in truth.items():
        folder = SHARED / "corpus" / BELOW / workspace_id
        if not expected.get("directory", True):
            continue
        workspace = taken(folder)
        role = "baseline" if expected["key"] == "baseline" else "experiment"
        assert (workspace.role, workspace.action) == (role, expected["action"])
        if expected["key"] != "v_unnamed_csv":  # its truth says that a refusal is right as well
            agree(workspace.metrics, expected.get("metrics"))
        names = [factor.name for factor in workspace.factors or ()]
        assert names == expected.get("parquet", {}).get("factors", [])


@needs_shared
def test_all_traces_agree_with_their_truth() -> None:
    for run in sorted((SHARED / "traces").glob("run_*")):
        truth = json.loads((run / "expected.json").read_text(encoding="utf-8"))
        junk = {Path(name).name for name in truth["junk_workspaces"]}
        for workspace_id, expected in truth["workspaces"].items():
            workspace = taken(run / BELOW / workspace_id)
            assert (workspace.role == "junk") == (workspace_id in junk)
            agree(workspace.metrics, expected.get("qlib_res"))
            columns = [factor.column for factor in workspace.factors or ()]
            assert columns == expected.get("factor_columns_physical", [])[:-2]
            if expected.get("ret_file") == "ret.parquet":
                curve_agrees(workspace.curve, expected["ret"])


@needs_shared
def test_no_file_of_the_traces_is_lost() -> None:
    for folder in shared_folders():
        found = {file.path for file in taken(folder).files}
        assert found == {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_symlink() or path.is_file()
        }


def test_the_cut_factor_tables_kept_their_real_schema() -> None:
    for path in (DATA / "workspaces").glob("*/combined_factors_df.parquet"):
        schema = pq.read_schema(path)
        assert schema.names[-2:] == ["datetime", "instrument"]
        assert b"pandas" in schema.metadata
