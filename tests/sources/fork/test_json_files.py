"""Check the JSON files of real workspaces, byte for byte as a fork of RD-Agent wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from rdlake.domain.experiment import ForkRecord
from rdlake.sources.fork.json_files import JSON_FILES, read_json_files
from tests.places import CORPUS, DATA, needs_shared

HERE = DATA / "workspaces"
CHINESE, UNNAMED = "d7d0c64bbdb8446d893ec351d3158849", "2fa91425cb0048539d2c67eda13ffe79"
BELOW = CORPUS / "git_ignore_folder" / "RD-Agent_workspace"


def files_of(folder: Path) -> dict[str, bytes]:
    there = [folder / name for name in JSON_FILES]
    return {path.name: path.read_bytes() for path in there if path.is_file()}


def told_of(folder: Path) -> ForkRecord:
    told, findings = read_json_files(files_of(folder) | {"qlib_res.csv": b""}, folder.name)
    assert told is not None
    assert not findings
    return told


def test_a_real_workspace() -> None:
    told = told_of(HERE / CHINESE)
    assert told.loop == ("045f21da156343d8946375dce47682e6", 2)
    assert (told.action, told.status, told.status_raw) == ("factor", None, "finished")
    assert [each["factor_name"] for each in told.factors] == ["动量_10日", "量比_5_20日"]
    first = told.factors[0]
    assert first["description_cn"].startswith("十日价格动量")
    assert (first["region"], first["impl_func"]) == ("cn", "动量_10日")
    assert not {"input_schema", "portfolio_config"} & first.keys()
    assert told.feedback is not None
    assert told.feedback["decision"] is True
    assert told.feedback["summary_execution"] == "两个因子均已运行。"
    assert told.metrics["IC"] == pytest.approx(0.01266687415)
    assert not {"sharpe", "max_drawdown", "ic"} & told.metrics.keys()


def test_metrics_that_are_names_without_values() -> None:
    told, findings = read_json_files(files_of(HERE / UNNAMED), UNNAMED)
    assert told is not None
    assert not told.metrics
    assert [(each.level, each.file) for each in findings] == [("warning", "factor_perf.json")]


@needs_shared
def test_every_json_file_of_the_corpus_is_read() -> None:
    found = {path.name: told_of(path) for path in sorted(BELOW.iterdir()) if files_of(path)}
    assert len(found) == 16
    assert all(told.loop for told in found.values())
    names = {each["factor_name"] for told in found.values() for each in told.factors}
    assert not [name for name in names if "feature" in name]
    assert sum(told.feedback is not None for told in found.values()) == 4


OWN = b'{"task_run_id": "r", "loop_id": 1, "factors": [{"name": "X"}]}'


@pytest.mark.parametrize(
    ("files", "file", "reason"),
    [
        ({"factor_meta.json": b""}, "factor_meta.json", "empty"),
        ({"feedback.json": b"\xff"}, "feedback.json", "not UTF-8"),
        ({"manifest.json": b"[1]"}, "manifest.json", "no JSON object"),
        ({"manifest.json": b'{"workspace_id": "y"}'}, "manifest.json", "workspace 'y'"),
        (
            {"factor_meta.json": OWN, "feedback.json": OWN.replace(b"1", b"2", 1)},
            "feedback.json",
            "loop 2 of the run",
        ),
        ({"factor_meta.json": b'{"factors": [{"name": ""}]}'}, "factor_meta.json", "factor 0"),
        (
            {"factor_meta.json": b'{"factors": [{"name": "X", "source": "y"}]}'},
            "factor_meta.json",
            "no known source",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_file(
    files: Mapping[str, bytes], file: str, reason: str
) -> None:
    _, (finding,) = read_json_files(files, "x")
    assert finding.file == file
    assert reason in finding.reason
    assert finding.fix
