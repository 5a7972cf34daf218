"""What the protocol promises AIstock: every field there, of its type, filled where a file has it.

The corpus and the runs are ingested whole; where they do not lie beside the repository only the
fields and their types are looked at.
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import rdlake
from rdlake.domain.ids import protocol_strategy_id
from rdlake.library import Library
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.catalog.protocol_fields import FIELDS, UNKNOWN
from tests.catalog.published import Published
from tests.catalog.test_views import asked
from tests.places import CORPUS, SHARED, TRACES, needs_shared
from tests.sources.mlruns.build import make_recording, make_task

BELOW = Path("git_ignore_folder") / "RD-Agent_workspace"
DAYS = 250


@pytest.fixture(scope="module")
def reader(template: Published) -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(rdlake.connect(template.lake.root)) as opened:
        yield opened


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Corpus, its registry and the runs with their logs, in one catalog."""
    lake = init_store(tmp_path_factory.mktemp("real") / "lake")
    runs = sorted(path.parent for path in TRACES.glob("*/expected.json"))
    Library(lake).ingest(
        CORPUS / BELOW,
        *(run / BELOW for run in runs),
        logs=[run / "log" for run in runs],
        registries=[CORPUS / "RDagentDB" / "registry.sqlite"],
        signing_key=(TRACES / "artifact_signing.key").read_bytes(),
    )
    Library(lake).publish()
    with contextlib.closing(Library(lake).connect()) as opened:
        yield opened


@pytest.mark.parametrize("view", FIELDS)
def test_every_field_is_there_with_its_type(reader: duckdb.DuckDBPyConnection, view: str) -> None:
    told = {name: kind for name, kind, *_ in reader.execute(f"DESCRIBE {view}").fetchall()}
    assert {name: told.get(name) for name in FIELDS[view]} == {
        name: spelled(kind) for name, kind in FIELDS[view].items()
    }


def spelled(kind: str) -> str:
    """The type as DuckDB writes it."""
    described: list[tuple[str, str]] = duckdb.execute(f"DESCRIBE SELECT NULL::{kind}").fetchall()
    return described[0][1]


@needs_shared
@pytest.mark.parametrize("view", FIELDS)
def test_every_field_that_a_file_has_is_filled(real: duckdb.DuckDBPyConnection, view: str) -> None:
    filled = {
        name: real.execute(f'SELECT count("{name}") FROM {view}').fetchall()[0][0] > 0
        for name in FIELDS[view]
    }
    assert {name for name, there in filled.items() if not there} == UNKNOWN.get(view, frozenset())


@needs_shared
def test_each_factor_of_the_corpus_is_one_row(real: duckdb.DuckDBPyConnection) -> None:
    truth = json.loads((CORPUS / "truth.json").read_text("utf-8")).values()
    names = {name for each in truth for name in each.get("factor_ic", ())}
    rows = real.execute("SELECT name, source FROM factor_catalog").fetchall()
    assert len(names) == 7
    assert sorted(row for row in rows if row[0] in names) == [
        (name, "rdagent_generated") for name in sorted(names)
    ]


@needs_shared
def test_best_and_latest_are_those_of_a_count_by_hand(real: duckdb.DuckDBPyConnection) -> None:
    created = {
        (row["workspace_id"], row["factor_name"]): row["created_at"]
        for row in asked(real, "FROM rdlake_tables.factors WHERE position IS NOT NULL")
    }
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in asked(real, "FROM rdlake_tables.factor_perf"):
        rows[row["factor_name"]].append(row)
    for factor in asked(real, "FROM factor_catalog"):
        window, enough = by_hand(rows[factor["name"]])

        def later(row: dict[str, Any]) -> tuple[str, str]:
            time = created[row["workspace_id"], row["factor_name"]]
            return (str(time or ""), row["workspace_id"])

        latest = max(enough, key=later)
        best = max(enough, key=lambda row: (abs(row["rank_ic_mean"]), later(row)))
        for name, row in (("best_performance", best), ("latest_performance", latest)):
            told = factor[name]
            assert told["window_name"] == window
            assert told["workspace_id"] == row["workspace_id"]
            assert [told[each] for each in ("ic_mean", "rank_ic_mean", "coverage", "sharpe")] == [
                row[each] for each in ("ic_mean", "rank_ic_mean", "coverage", "sharpe")
            ]
        carried = [each for each in created if each[1] == factor["name"]]
        assert factor["experiments"] == len(carried)


def by_hand(rows: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The window that a factor's best and latest are of, and its rows of enough days."""
    for window in ("test", "all"):
        enough = [row for row in rows if row["window"] == window and (row["ic_days"] or 0) >= DAYS]
        if enough:
            return window, enough
    raise AssertionError("no row has enough days")


@needs_shared
def test_equal_configurations_are_one_strategy(real: duckdb.DuckDBPyConnection) -> None:
    ran = asked(real, "FROM rdlake_tables.loops WHERE strategy_id IS NOT NULL")
    strategies = {row["strategy_id"]: row for row in asked(real, "FROM strategy_catalog")}
    assert strategies.keys() == {row["strategy_id"] for row in ran}
    assert max(row["experiments"] for row in strategies.values()) > 1
    for strategy_id, row in strategies.items():
        those = [each for each in ran if each["strategy_id"] == strategy_id]
        assert sorted(row["workspace_ids"]) == sorted(each["workspace_id"] for each in those)
        good = [each for each in those if each["has_result"] and each["status"] == "success"]
        latest = max(good, key=lambda each: (str(each["created_at"] or ""), each["workspace_id"]))
        assert row["workspace_example"]["workspace_id"] == latest["workspace_id"]
    configured = [
        tuple(row[name] for name in FIELDS["strategy_catalog"] if name.endswith("_config"))
        for row in strategies.values()
    ]
    assert len(set(configured)) == len(configured)


@pytest.mark.slow
def test_a_changed_topk_is_another_strategy(tmp_path: Path) -> None:
    workspaces = tmp_path / "RD-Agent_workspace"
    for name, topk in (("a", 50), ("b", 50), ("c", 30)):
        folder = make_workspace(workspaces, name * 32)
        make_recording(folder, task=make_task(topk=topk))
    lake = init_store(tmp_path / "lake")
    Library(lake).ingest(workspaces, charts=False)
    Library(lake).publish()
    with contextlib.closing(Library(lake).connect()) as opened:
        strategies = asked(opened, "SELECT topk, workspace_ids FROM strategy_catalog ORDER BY topk")
        names = asked(opened, "SELECT strategy_id, name FROM strategy_detail ORDER BY source_key")
    assert [(row["topk"], row["workspace_ids"]) for row in strategies] == [
        (30, ["c" * 32]),
        (50, ["a" * 32, "b" * 32]),
    ]
    assert [row["name"].split(" ")[3] for row in names] == ["50/5", "50/5", "30/5"]
    assert names[0]["strategy_id"] == names[1]["strategy_id"] != names[2]["strategy_id"]


@needs_shared
def test_a_page_has_the_days_of_its_curve(real: duckdb.DuckDBPyConnection) -> None:
    curves: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for day in asked(real, "SELECT workspace_id, date, nav FROM equity_curve ORDER BY ALL"):
        curves[day["workspace_id"]].append({"date": day["date"], "nav": day["nav"]})
    rows = asked(real, "SELECT workspace_id, equity_curve FROM strategy_detail")
    assert curves
    assert {row["workspace_id"]: row["equity_curve"] for row in rows} == {
        row["workspace_id"]: curves.get(row["workspace_id"]) for row in rows
    }


@needs_shared
def test_every_id_that_is_named_is_there(real: duckdb.DuckDBPyConnection) -> None:
    for view, column, other in (
        ("aistock_factors", "first_experiment_id", "aistock_experiments"),
        ("aistock_factor_performance", "factor_id", "aistock_factors"),
        ("aistock_factor_performance", "experiment_id", "aistock_experiments"),
        ("aistock_factor_combinations", "unnest(factor_ids)", "aistock_factors"),
        ("aistock_factor_combinations", "experiment_id", "aistock_experiments"),
        ("aistock_strategies", "factor_combination_id", "aistock_factor_combinations"),
    ):
        named = {row[0] for row in real.execute(f"SELECT {column} FROM {view}").fetchall()}
        there = {row[0] for row in real.execute(f"SELECT id FROM {other}").fetchall()}
        assert named and named - {None} <= there, (view, column)


@needs_shared
def test_the_older_ids_are_those_that_aistock_stored() -> None:
    path = SHARED / "legacy_catalogs" / "strategy_catalog.json"
    stored = json.loads(path.read_text("utf-8"))["strategies"]
    assert len(stored) == 2
    for row in stored:
        told = (row["scenario"], row["step_name"], row["action"], row["template_files"])
        assert protocol_strategy_id(*told) == row["strategy_id"]
