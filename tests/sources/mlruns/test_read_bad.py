"""Check that each fault of an mlruns folder costs only what it holds, and is reported with file and
reason."""

from __future__ import annotations

import pickle
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rdlake.domain.experiment import Workspace
from rdlake.domain.recording import Recording
from rdlake.sources.mlruns import read as reader
from rdlake.sources.mlruns import read_label
from rdlake.sources.workspace.parse import read_workspace
from tests.builders import make_workspace
from tests.sources.mlruns.build import (
    DAYS,
    FOLDER,
    GROUP,
    HOSTILE,
    flat,
    make_recording,
    make_task,
    pickled_days,
    pickled_rows,
    write,
)

NAN = float("nan")
OTHER = "f" * 32
NO_TASK: dict[str, Any] = {"task": False}


def taken(folder: Path) -> Workspace:
    workspace = read_workspace(folder)
    assert isinstance(workspace, Workspace)
    return workspace


def recorded(folder: Path, **recording: Any) -> Recording:
    make_recording(folder, **recording)
    found = taken(folder).recording
    assert found is not None
    return found


@dataclass(frozen=True)
class Bad:
    """Describe a change to a recording, the finding it must give, and what must be missing after
    it."""

    name: str
    change: Callable[[Path], object]
    level: str
    file: str
    reason: str
    missing: tuple[str, ...] = ()
    recording: dict[str, Any] | None = None


def cut(path: str, keep: int = 20) -> Callable[[Path], object]:
    return lambda run: (run / path).write_bytes((run / path).read_bytes()[:keep])


def put(path: str, content: bytes | str) -> Callable[[Path], object]:
    return lambda run: write(run / path, content)


def gone(path: str) -> Callable[[Path], object]:
    return lambda run: (run / path).unlink()


def same(run: Path) -> None:
    """Change nothing."""


def linked(path: str) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        (run / path).rename(run.parents[3] / "elsewhere")
        (run / path).symlink_to(run.parents[3] / "elsewhere")

    return change


def parameter(name: str, text: str) -> dict[str, Any]:
    argv = {"cmd-sys.argv": "qrun conf_baseline_factors_model.yaml"}
    return {"task": False, "params": {**argv, "model.class": "A", "dataset.class": "B", name: text}}


TASK, PRED, LABEL = "artifacts/task", "artifacts/pred.pkl", "artifacts/label.pkl"
IC, CONFIG, META = "artifacts/sig_analysis/ic.pkl", "artifacts/config", "meta.yaml"
RISK = "artifacts/portfolio_analysis/port_analysis_1day.pkl"
UNKNOWN = ("configuration", "strategy_id")
ONE = [(day, "SH600000", 0.1) for day in DAYS]
TWICE = [*ONE, ONE[0]]
LONG_AGO = [(date(1800, 1, 1), "SH600000", 0.1), (DAYS[0], "SZ000001", 0.2)]

CASES = [
    Bad("truncated task", cut(TASK), "error", TASK, "cannot be read", ()),
    Bad("empty task", put(TASK, b""), "error", TASK, "is empty"),
    Bad("hostile task", put(TASK, HOSTILE), "error", TASK, "no task"),
    Bad("task of text", put(TASK, pickle.dumps("x")), "error", TASK, "no task"),
    Bad("task without model", put(TASK, pickle.dumps({"a": 1})), "error", TASK, "no model"),
    Bad("task too deep", put(TASK, b"(" * 300 + b"t" * 300 + b"."), "error", TASK, "deep"),
    Bad("task too large", put(TASK, bytes(5 << 20)), "error", TASK, "too large"),
    Bad("no task at all", gone(TASK), "warning", "", "no artifacts/task", UNKNOWN),
    Bad("topk is a text", same, "warning", TASK, "'topk' is 'many'", (), {"task": "many"}),
    Bad("topk is a bool", same, "warning", TASK, "'topk'", (), {"task": True}),
    Bad("topk is negative", same, "warning", TASK, "'topk'", (), {"task": -5}),
    Bad("topk is a list", same, "warning", TASK, "'topk'", (), {"task": [50]}),
    Bad("task is a link", linked(TASK), "warning", TASK, "never followed", UNKNOWN),
    Bad("label is a link", linked(LABEL), "error", LABEL, "never followed", ("label_file",)),
    Bad("config is damaged", cut(CONFIG, 5), "error", CONFIG, "cannot be read"),
    Bad("config is hostile", put(CONFIG, HOSTILE), "error", CONFIG, "cannot be read"),
    Bad("no scores", gone(PRED), "warning", PRED, "missing", ("signals",)),
    Bad("no label", gone(LABEL), "warning", LABEL, "missing", ("label_file",)),
    Bad("scores cut short", cut(PRED, 200), "error", PRED, "cannot be read", ("signals",)),
    Bad("hostile scores", put(PRED, HOSTILE), "error", PRED, "cannot be read", ("signals",)),
    Bad("scores of text", put(PRED, pickle.dumps([1])), "error", PRED, "no frame", ("signals",)),
    Bad("scores by day", put(PRED, pickled_days([1, 2])), "error", PRED, "no index", ("signals",)),
    Bad(
        "two scores of one day",
        put(PRED, pickled_rows(TWICE, "score")),
        "error",
        PRED,
        "two scores",
        ("signals",),
    ),
    Bad(
        "scores of long ago",
        put(PRED, pickled_rows(LONG_AGO, "score")),
        "error",
        PRED,
        "1800",
        ("signals",),
    ),
    Bad("one instrument", put(PRED, pickled_rows(ONE, "s")), "warning", PRED, "one instrument"),
    Bad("no IC on any day", put(IC, pickled_days([NAN, NAN])), "warning", IC, "every day"),
    Bad("damaged IC", put(IC, b"\x80\x04]"), "error", IC, "cannot be read", ("ic",)),
    Bad("hostile IC", put(IC, HOSTILE), "error", IC, "cannot be read", ("ic",)),
    Bad("risk of text", put(RISK, pickle.dumps("x")), "error", RISK, "no frame", ("portfolio",)),
    Bad(
        "a call in a parameter",
        same,
        "warning",
        "",
        "no model in it",
        UNKNOWN,
        {"task": False, "params": {"model": "__import__('os').system('touch PWNED')"}},
    ),
    Bad(
        "a parameter that was cut",
        same,
        "warning",
        "",
        "'dataset.kwargs.x' is cut short",
        UNKNOWN,
        parameter("dataset.kwargs.x", "[{'class': 'A', 'kwa"),
    ),
    Bad(
        "code in a list of a parameter",
        same,
        "warning",
        "",
        "cut short or no literal",
        UNKNOWN,
        parameter("dataset.kwargs.x", "[__import__('os')]"),
    ),
    Bad(
        "parameters that contradict",
        same,
        "warning",
        "",
        "contradicts",
        UNKNOWN,
        parameter("model.class.name", "x"),
    ),
    Bad("binary parameter", put("params/x", b"\xff\xfe"), "warning", "params/x", "not UTF-8"),
    Bad("binary metric", put("metrics/x", b"\xff"), "warning", "metrics/x", "not UTF-8"),
    Bad("metric of words", put("metrics/x", "one two three\n"), "warning", "metrics/x", "no line"),
    Bad("empty metric", put("metrics/x", ""), "warning", "metrics/x", "no line"),
    Bad("negative time", same, "warning", META, "no time", (), {"meta": {"start_time": -5}}),
    Bad("time too large", same, "warning", META, "no time", (), {"meta": {"end_time": 10**30}}),
    Bad("time of text", same, "warning", META, "no time", (), {"meta": {"start_time": "soon"}}),
    Bad("clock went back", same, "warning", META, "before it began", (), {"meta": {"end_time": 9}}),
    Bad(
        "made elsewhere",
        same,
        "warning",
        META,
        "ran in the workspace fff",
        (),
        {"meta": {"artifact_uri": f"file:///x/{OTHER}/mlruns/1/2/artifacts"}},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_bad_file_costs_what_it_holds(case: Bad, tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    options = dict(case.recording or {})
    if "topk" in case.name:
        options["task"] = make_task(topk=options["task"])
    case.change(make_recording(folder, **options))
    workspace = taken(folder)
    recording = workspace.recording
    assert recording is not None
    assert workspace.metrics and workspace.curve is not None
    for name in case.missing:
        assert getattr(recording, name) is None, name
    file = f"{FOLDER}/{case.file}".rstrip("/")
    said = [each for each in workspace.findings if each.file == file]
    assert any(each.level == case.level and case.reason in each.reason for each in said), said
    assert all(len(each.reason) < 400 and each.fix for each in said)
    assert not list(tmp_path.rglob("PWNED"))


def said_of_ic(folder: Path) -> list[str | None]:
    return [each.file for each in taken(folder).findings if "IC is missing" in each.reason]


def test_an_ic_that_is_missing_everywhere_is_said_once(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, metrics={"IC": NAN})
    run = make_recording(folder, metrics={"IC": "nan", "Rank IC": "0.03"})
    write(run / IC, pickled_days([NAN, NAN]))
    assert said_of_ic(folder) == ["qlib_res.csv"]


def test_an_ic_that_is_missing_in_mlflows_metrics_alone_is_said(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    run = make_recording(folder, metrics={"IC": "nan", "Rank IC": "0.03"})
    (run / IC).unlink()
    (folder / "qlib_res.csv").unlink()
    assert said_of_ic(folder) == [f"{FOLDER}/metrics/IC"]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("metrics of another back-test", {"metrics": {"IC": "0.5"}}, "not those of qlib_res.csv"),
    ("a metric that is NaN here", {"metrics": {"IC": "nan"}}, "not those of qlib_res.csv"),
    ("a run that was deleted", {"meta": {"lifecycle_stage": "deleted"}}, "no finished run"),
    ("a run that goes on", {"meta": {"status": 1}}, "no finished run"),
    ("a run that failed", {"meta": {"status": "FAILED"}}, "no finished run"),
    ("a status of no kind", {"meta": {"status": "[3]"}}, "no finished run"),
    ("a run of experiment 0", {"folder": f"mlruns/0/{OTHER}"}, "no finished run"),
    ("a run in the bin", {"folder": f"mlruns/.trash/{OTHER}"}, "no finished run"),
    (
        "a copy without metrics",
        {"metrics": {}, "meta": {"artifact_uri": f"file:///x/{OTHER}/mlruns/1/2"}},
        "it was not used",
    ),
]


@pytest.mark.parametrize(("what", "options", "reason"), REFUSED, ids=[each[0] for each in REFUSED])
def test_what_is_not_its_own_is_not_taken(
    what: str, options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    folder = make_workspace(tmp_path)
    make_recording(folder, **options)
    workspace = taken(folder)
    assert workspace.recording is None
    assert any(each.level == "warning" and reason in each.reason for each in workspace.findings)
    assert workspace.metrics and workspace.curve is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [*a]\n", "part of itself"),
        ("{{ run }}: 1\n", "Jinja"),
        ("!!python/object/apply:os.system ['touch PWNED']\n", "plain values"),
        ("[" * 1000, "nested deeper"),
        ("a: [1\n", "plain values"),
        ("just words\n", "no names"),
        ("a: 2017-02-30\n", "does not fit its tag"),
    ],
)
def test_a_run_whose_description_is_bad_is_left_out(tmp_path: Path, text: str, reason: str) -> None:
    folder = make_workspace(tmp_path)
    write(make_recording(folder) / "meta.yaml", text)
    workspace = taken(folder)
    assert workspace.recording is None
    (first, *_) = [each for each in workspace.findings if each.file == f"{FOLDER}/meta.yaml"]
    assert first.level == "error"
    assert reason in first.reason


def test_a_run_without_a_description_is_left_out(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    (make_recording(folder) / "meta.yaml").unlink()
    workspace = taken(folder)
    assert workspace.recording is None
    assert "without meta.yaml" in workspace.findings[0].reason


def test_a_deleted_experiment_is_left_out(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    make_recording(folder)
    write(folder / "mlruns" / GROUP / "meta.yaml", "lifecycle_stage: deleted\n")
    assert taken(folder).recording is None


@pytest.mark.parametrize("name", ["mlflow.db", "mlruns.db", "mlruns/mlflow.db", "mlruns.sqlite"])
def test_records_in_a_database_are_named_and_not_read(tmp_path: Path, name: str) -> None:
    folder = make_workspace(tmp_path)
    (folder / name).parent.mkdir(exist_ok=True)
    sqlite3.connect(folder / name).close()
    workspace = taken(folder)
    assert workspace.recording is None
    assert workspace.findings[0].file == name
    assert "not read" in workspace.findings[0].reason


@pytest.mark.parametrize("what", ["file", "link", "empty folder"])
def test_an_mlruns_that_is_no_store_is_no_recording(tmp_path: Path, what: str) -> None:
    folder = make_workspace(tmp_path)
    if what == "file":
        write(folder / "mlruns", b"x")
    elif what == "link":
        make_recording(tmp_path / "else")
        (folder / "mlruns").symlink_to(tmp_path / "else" / "mlruns")
    else:
        (folder / "mlruns").mkdir()
    workspace = taken(folder)
    assert workspace.recording is None
    assert len(workspace.findings) == (0 if what == "empty folder" else 1)


def test_scores_too_large_to_read_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_FRAME", 10)
    folder = make_workspace(tmp_path)
    make_recording(folder)
    workspace = taken(folder)
    assert workspace.recording is not None
    assert workspace.recording.signals is None
    assert {each.file for each in workspace.findings} == {f"{FOLDER}/{PRED}", f"{FOLDER}/{LABEL}"}


def test_a_label_that_changed_since_it_was_hashed_is_not_taken(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    run = make_recording(folder)
    (label,) = [file for file in taken(folder).files if file.path.endswith("label.pkl")]
    frame, findings = read_label(folder, label)
    assert frame is not None and not findings
    write(run / LABEL, pickled_rows(ONE, "LABEL0"))
    frame, findings = read_label(folder, label)
    assert frame is None
    assert "changed" in findings[0].reason
    assert read_label(folder, replace(label, size=0))[0] is None
    assert read_label(folder, None) == (None, [])


@pytest.mark.slow
def test_whatever_byte_is_wrong_a_workspace_is_read(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    run = make_recording(folder, params=flat(make_task()))
    chance = random.Random(7)
    paths = sorted(path for path in run.rglob("*") if path.is_file())
    for _ in range(150):
        path = chance.choice(paths)
        whole = path.read_bytes()
        place = chance.randrange(len(whole))
        write(path, whole[:place] + bytes([chance.randrange(256)]) + whole[place + 1 :])
        workspace = taken(folder)
        assert workspace.metrics and workspace.curve is not None
        write(path, whole)
    assert not taken(folder).findings


def test_of_two_runs_the_one_with_the_metrics_is_taken(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    make_recording(folder, folder=f"mlruns/{GROUP}/{OTHER}", metrics={"IC": "0.7"})
    found = recorded(folder, meta={"end_time": 1_700_000_000_000})
    assert found.recorder_id == "e" * 32
    assert [each for each in taken(folder).findings if "runs" in each.reason] == []


def test_of_two_runs_with_the_metrics_the_later_is_taken(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    make_recording(folder, folder=f"mlruns/{GROUP}/{OTHER}", meta={"end_time": 1_700_000_000_000})
    assert recorded(folder).recorder_id == "e" * 32


def test_of_two_runs_that_cannot_be_told_apart_the_later_is_taken_and_said(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    (folder / "qlib_res.csv").unlink()
    make_recording(folder, folder=f"mlruns/{GROUP}/{OTHER}", meta={"end_time": 1_700_000_000_000})
    assert recorded(folder).recorder_id == "e" * 32
    assert any("2 finished runs" in each.reason for each in taken(folder).findings)


@pytest.mark.parametrize("measured", [True, False], ids=["equal metrics", "no metrics"])
def test_of_two_runs_alike_the_one_that_ran_here_is_taken(tmp_path: Path, measured: bool) -> None:
    folder = make_workspace(tmp_path)
    if not measured:
        (folder / "qlib_res.csv").unlink()
    uri = {"artifact_uri": f"file:///F:/x/{OTHER}/mlruns/1/2/artifacts"}
    make_recording(folder, folder=f"mlruns/{GROUP}/{OTHER}", meta=uri)
    found = recorded(folder, meta={"end_time": 1_795_170_019_000})
    assert found.recorder_id == "e" * 32
    assert not [each for each in taken(folder).findings if "mlruns" in (each.file or "")]


def test_metrics_that_differ_name_the_other_workspace_too(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    uri = f"file:///x/{OTHER}/mlruns/1/2/artifacts"
    make_recording(folder, metrics={"IC": "0.5"}, meta={"artifact_uri": uri})
    (finding,) = taken(folder).findings
    assert "not those of qlib_res.csv" in finding.reason and OTHER in finding.reason


def test_a_container_s_path_names_no_workspace(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    uri = "file:///workspace/qlib_workspace/mlruns/1/2/artifacts"
    assert recorded(folder, meta={"artifact_uri": uri}).signals is not None
    assert not taken(folder).findings


def test_metrics_may_have_any_name_and_be_nan(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    found = recorded(folder, metrics={"IC": "0.02", "超额收益": "0.5", "l2.train": "nan"})
    assert found.metrics == {"IC": "0.02", "超额收益": "0.5", "l2.train": "nan"}
    assert not taken(folder).findings


def test_of_a_metric_s_lines_the_highest_step_counts(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    run = make_recording(folder)
    write(run / "metrics" / "l2.train", "9 0.3 0\n5 0.1 2\n7 0.2 1\n")
    found = taken(folder).recording
    assert found is not None
    assert found.metrics["l2.train"] == "0.1"
