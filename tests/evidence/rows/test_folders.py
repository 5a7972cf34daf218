"""Rows of folders, files and factors: everything that lay there, in its order."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from rdlake.domain.experiment import SourceFile, Workspace
from rdlake.evidence import evidence_of_folder
from rdlake.evidence.rows import rows_of_evidence
from rdlake.evidence.rows.folders import artifact_rows
from rdlake.evidence.rows.loops import factor_rows
from rdlake.schema.frames import cast
from rdlake.schema.tables import table
from tests.evidence.rows.values import factors_of, make_experiment, make_value

FILES = (
    SourceFile(
        path="conf_baseline.yaml",
        artifact_type="config_snapshot",
        kind="file",
        size=3,
        sha256="0" * 64,
    ),
    SourceFile(
        path="daily_pv.h5",
        artifact_type=None,
        kind="link",
        size=None,
        sha256=None,
        target="../data/daily_pv.h5",
    ),
    SourceFile(
        path="mlruns/1/文件 'a'.pkl", artifact_type="model", kind="file", size=10, sha256=None
    ),
)


def workspace_rows(*values: Workspace) -> pl.DataFrame:
    """The rows of `workspaces` that these folders give by themselves."""
    return rows_of_evidence([evidence_of_folder(value) for value in values]).frames["workspaces"]


def test_each_file_and_link_is_a_row() -> None:
    rows = artifact_rows([make_value("w", files=FILES)]).to_dicts()
    assert [row["path"] for row in rows] == [file.path for file in FILES]
    assert [row["state"] for row in rows] == ["present", "present", "unreadable"]
    assert [row["kind"] for row in rows] == ["file", "link", "file"]
    assert [row["target"] for row in rows] == [None, "../data/daily_pv.h5", None]
    assert [row["size"] for row in rows] == [3, None, 10]
    assert {row["source_digest"] for row in rows} == {"digest of w"}


def test_a_folder_tells_its_files_and_bytes() -> None:
    (row,) = workspace_rows(make_value("w", files=FILES)).to_dicts()
    assert (row["files"], row["size"], row["root_name"]) == (3, 13, "workspaces")
    assert row["source_digest"] == "digest of w"


def test_a_folder_knows_its_loop_when_it_has_one() -> None:
    values = [make_value("w"), make_value("sub", role="sub"), make_value("junk", role="junk")]
    rows = workspace_rows(*values).to_dicts()
    assert [(row["workspace_id"], row["task_run_id"], row["loop_id"]) for row in rows] == [
        ("junk", None, None),
        ("sub", None, None),
        ("w", "synthetic_w", 0),
    ]
    assert [row["role"] for row in rows] == ["junk", "sub", "experiment"]


@pytest.mark.parametrize(("action", "source"), [("factor", "templates"), (None, None)])
def test_an_action_is_told_with_its_source(action: Any, source: str | None) -> None:
    (row,) = workspace_rows(make_value(action=action)).to_dicts()
    assert (row["action"], row["action_source"]) == (action, source)


def test_factors_are_in_the_order_of_the_table() -> None:
    names = {"z": "z", "动量_10日": "('feature', '动量_10日')", "a": "a"}
    rows = factor_rows([make_experiment("w", factors=factors_of(names))]).to_dicts()
    assert [(row["factor_name"], row["position"]) for row in rows] == [
        ("z", 0),
        ("动量_10日", 1),
        ("a", 2),
    ]
    assert [row["column_name"] for row in rows] == [None, "('feature', '动量_10日')", None]
    assert {row["source"] for row in rows} == {"rdagent_generated"}
    assert {row["accepted"] for row in rows} == {True}


def test_each_experiment_has_its_own_row_of_a_factor() -> None:
    experiments = [make_experiment(each, factors=factors_of({"A": "A"})) for each in ("1", "2")]
    rows = factor_rows(experiments).to_dicts()
    assert [(row["workspace_id"], row["source_digest"]) for row in rows] == [
        ("1", "digest of 1"),
        ("2", "digest of 2"),
    ]


def test_a_model_without_a_factor_table_has_no_factors() -> None:
    assert factor_rows([make_experiment(), make_experiment("2", factors=())]).is_empty()


def test_rows_are_those_of_their_tables() -> None:
    value, experiment = make_value(files=FILES), make_experiment(factors=factors_of({"A": "A"}))
    for name, frame in (
        ("artifacts", artifact_rows([value])),
        ("artifacts", artifact_rows([])),
        ("workspaces", workspace_rows(value)),
        ("workspaces", workspace_rows()),
        ("factors", factor_rows([experiment])),
        ("factors", factor_rows([])),
    ):
        assert cast(table(name), frame).num_rows == len(frame)
