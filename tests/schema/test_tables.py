"""The tables are those of the design, of few types, and documented as they are."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from rdlake.schema.tables import TABLES, Table, schema, table
from rdlake.schema.tables.docs import tables_markdown
from tests.places import DOCS

PAGE = DOCS / "tables.md"

KEYS = {
    "factors": "source factor_name workspace_id",
    "implementations": "source factor_name code_sha256",
    "factor_perf": "workspace_id factor_name window",
    "loops": "task_run_id loop_id workspace_id",
    "strategies": "strategy_id belongs_to",
    "equity_curves": "workspace_id date",
    "factor_ic": "series_id date",
    "factor_pairs": "one_sha256 other_sha256",
    "factor_combinations": "workspace_id name window",
    "models": "model_id",
    "feedback": "workspace_id",
    "signals": "workspace_id date instrument",
    "task_runs": "task_run_id",
    "workspaces": "workspace_id",
    "artifacts": "workspace_id path",
    "blobs": "sha256 chunk",
    "charts": "workspace_id path",
    "ingests": "batch_id workspace_id",
    "catalogs": "catalog_version",
    "file_lists": "digest",
    "archives": "archive_id workspace_id",
    "cleanups": "cleanup_id workspace_id path",
    "pins": "workspace_id",
    "evidence": "source workspace_id",
    "experiment_groups": "entry_id",
}
VOCABULARY = {
    schema.TEXT, schema.INT, schema.REAL, schema.BOOL, schema.DATE, schema.TIME, schema.BYTES,
    schema.TEXTS, schema.REALS, schema.WORDS, schema.FIGURES, schema.FINDINGS, schema.FILES,
    schema.PINNED,
    schema.CURVE, schema.STEPS, schema.PROFILE,
}  # fmt: skip

each_table = pytest.mark.parametrize("entry", TABLES, ids=lambda entry: entry.name)


def test_the_tables_are_those_of_the_design_with_their_keys() -> None:
    assert {entry.name: " ".join(entry.key) for entry in TABLES} == KEYS


@each_table
def test_key_and_owner_are_columns_and_no_column_comes_twice(entry: Table) -> None:
    assert {*entry.key, *filter(None, [entry.owner])} <= set(entry.column_names)
    assert Counter(entry.column_names).most_common(1)[0][1] == 1


@each_table
def test_every_type_is_of_the_vocabulary(entry: Table) -> None:
    assert {column.type for column in entry.columns} <= VOCABULARY


@each_table
def test_everything_has_a_meaning(entry: Table) -> None:
    assert entry.meaning
    assert all(column.meaning for column in entry.columns)


@each_table
def test_no_owner_or_content_key_is_a_clock(entry: Table) -> None:
    clocks = {column.name for column in entry.columns if column.clock}
    assert entry.owner not in clocks
    if entry.owner:
        assert not clocks & set(entry.key)


def test_loops_come_after_what_they_refer_to_and_ingests_after_loops() -> None:
    names = [entry.name for entry in TABLES]
    described = {entry.name for entry in TABLES if not entry.operation} - {"loops"}
    assert all(names.index(name) < names.index("loops") for name in described)
    owned = {entry.name for entry in TABLES if entry.owner == "workspace_id"}
    assert all(names.index(name) < names.index("ingests") for name in owned)


def test_a_table_that_does_not_exist_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        table("nothing")


def test_the_page_of_the_tables_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == tables_markdown(), "run `make docs`"


def test_the_page_has_a_section_a_table_and_a_line_a_column() -> None:
    sections = tables_markdown().split("\n## ")[1:]
    for section, entry in zip(sections, TABLES, strict=True):
        lines = section.splitlines()
        assert lines[0] == entry.name
        shown = [line.split("`")[1] for line in lines if line.startswith("| `")]
        assert tuple(shown) == entry.column_names


def test_the_page_is_written_by_the_command_it_names() -> None:
    command = [sys.executable, "-m", "rdlake.schema.tables.docs"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode() == tables_markdown()
