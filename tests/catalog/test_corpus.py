"""Real back-tests and real runs, from their folders to the published views, against the truth.

Skipped where the corpus does not lie beside the repository.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import rdlake
from rdlake.catalog.publish import publish
from rdlake.store.opening import init_store
from tests.catalog.protocol_fields import METRICS
from tests.ingesting import ingest
from tests.places import CORPUS, TRACES

BELOW = Path("git_ignore_folder") / "RD-Agent_workspace"
RUNS = sorted(path.parent for path in TRACES.glob("*/expected.json"))
TOLERANCE = 1e-9
HEADLINES = {
    "ic": "IC",
    "icir": "ICIR",
    "rank_ic": "Rank IC",
    "rank_icir": "Rank ICIR",
    "annual_return": "1day.excess_return_with_cost.annualized_return",
    "max_drawdown": "1day.excess_return_with_cost.max_drawdown",
    "information_ratio": "1day.excess_return_with_cost.information_ratio",
    "annual_return_without_cost": "1day.excess_return_without_cost.annualized_return",
    "max_drawdown_without_cost": "1day.excess_return_without_cost.max_drawdown",
    "information_ratio_without_cost": "1day.excess_return_without_cost.information_ratio",
}

pytestmark = pytest.mark.skipif(
    not (CORPUS / "truth.json").is_file() or not RUNS, reason="the corpus is not here"
)

Row = Mapping[str, Any]


class Catalog:
    """The published views by workspace."""

    def __init__(self, root: Path) -> None:
        with contextlib.closing(rdlake.connect(root)) as connection:
            answers = {}
            for view in ("loop_catalog", "equity_curve", "ingest_report", "factor_catalog"):
                answer = connection.execute(f"SELECT * FROM {view} ORDER BY ALL")
                names = [column[0] for column in answer.description or ()]
                answers[view] = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
            self.factors = connection.execute(
                "SELECT workspace_id, list(factor_name ORDER BY position) "
                "FROM rdlake_tables.factors GROUP BY ALL"
            ).fetchall()
        self.loops = {row["workspace_id"]: row for row in answers["loop_catalog"]}
        self.report = answers["ingest_report"]
        self.curves: dict[str, list[Row]] = {}
        for row in answers["equity_curve"]:
            self.curves.setdefault(row["workspace_id"], []).append(row)

    def findings(self, workspace_id: str, file: str) -> list[tuple[str, str]]:
        """(level, reason) of what the last ingest said of a file."""
        return [
            (row["level"], row["reason"])
            for row in self.report
            if (row["workspace_id"], row["file"]) == (workspace_id, file) and row["latest"]
        ]

    def roles(self) -> dict[str, str]:
        return {row["workspace_id"]: row["role"] for row in self.report}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Corpus and runs ingested into one lake and published."""
    lake = init_store(tmp_path_factory.mktemp("real") / "lake")
    ingest(lake, [CORPUS / BELOW, *(run / BELOW for run in RUNS)])
    assert publish(lake).outcome == "published"
    return Catalog(lake.root)


@cache
def truth() -> dict[str, dict[str, Any]]:
    """The corpus: workspace -> every number, by another program."""
    found: dict[str, dict[str, Any]] = json.loads((CORPUS / "truth.json").read_text("utf-8"))
    return {key: each for key, each in found.items() if each.get("directory", True)}


@cache
def expected() -> dict[str, dict[str, Any]]:
    """The runs: workspace -> what lies in it, by RD-Agent's own classes."""
    workspaces: dict[str, dict[str, Any]] = {}
    for run in RUNS:
        workspaces |= json.loads((run / "expected.json").read_text("utf-8"))["workspaces"]
    return workspaces


def named(key: str) -> str:
    """The workspace of a row of the corpus' MANIFEST."""
    (found,) = [workspace for workspace, each in truth().items() if each["key"] == key]
    return found


def metrics_of(key: str) -> dict[str, float]:
    found: dict[str, float] = truth()[named(key)]["metrics"]
    return found


def stated() -> dict[str, dict[str, float]]:
    """workspace -> its metrics, wherever a result lies on disk."""
    corpus = {each: entry["metrics"] for each, entry in truth().items() if "metrics" in entry}
    runs = {each: entry["qlib_res"] for each, entry in expected().items() if "qlib_res" in entry}
    return {**corpus, **runs, named("v_unnamed_csv"): metrics_of("factor1")}


def close(found: float | None, wanted: float) -> bool:
    return found is not None and math.isclose(found, wanted, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def wrong(metrics: Mapping[str, float | None], wanted: Mapping[str, float]) -> list[str]:
    """The names of the figures that are missing, too many or other than they should be; those of
    the protocol are there beside qlib's."""
    found = {name: value for name, value in metrics.items() if name not in METRICS}
    differing = [name for name in wanted if not close(found.get(name), wanted[name])]
    return differing + sorted(found.keys() - wanted.keys())


@pytest.mark.slow
def test_every_result_on_disk_is_a_loop_and_no_other(catalog: Catalog) -> None:
    assert set(catalog.loops) == set(stated())


@pytest.mark.slow
def test_every_metric_is_the_true_one(catalog: Catalog) -> None:
    for workspace, wanted in stated().items():
        assert wrong(catalog.loops[workspace]["metrics"], wanted) == [], workspace


def test_every_headline_is_its_metric(catalog: Catalog) -> None:
    for workspace, wanted in stated().items():
        row = catalog.loops[workspace]
        for name, column in METRICS.items():
            assert row["metrics"][name] == row[column], (workspace, name)
        for column, name in HEADLINES.items():
            assert row[column] == row["metrics"].get(name), (workspace, column)
            assert (row[column] is None) == (name not in wanted)
        assert row["annual_return"] == row["annual_return_with_cost"]


def test_no_curve_disagrees_with_its_metrics(catalog: Catalog) -> None:
    assert [row for row in catalog.report if "but the curve gives" in (row["reason"] or "")] == []


def test_every_parquet_curve_is_there(catalog: Catalog) -> None:
    parquet = {each for each, entry in expected().items() if entry.get("ret_file") == "ret.parquet"}
    assert parquet
    assert parquet <= catalog.curves.keys()


def test_a_result_without_curve_says_why(catalog: Catalog) -> None:
    for workspace in stated().keys() - catalog.curves.keys():
        reasons = [
            reason
            for file in ("ret.pkl", "ret.parquet")
            for _, reason in catalog.findings(workspace, file)
        ]
        assert reasons, workspace
        assert catalog.loops[workspace]["has_curve"] is False


def test_curves_of_the_runs_are_the_true_ones(catalog: Catalog) -> None:
    for workspace in expected().keys() & catalog.curves.keys():
        days, wanted = catalog.curves[workspace], expected()[workspace]["ret"]
        assert len(days) == wanted["n_rows"] == catalog.loops[workspace]["curve_days"]
        assert str(days[0]["date"]) == wanted["first_date"]
        assert str(days[-1]["date"]) == wanted["last_date"]
        assert close(days[-1]["account"], wanted["final_account"])
        assert close(days[-1]["cum_excess"], wanted["sum_return_minus_bench_minus_cost"])
        without = math.fsum(day["return"] - day["bench"] for day in days)
        assert close(without, wanted["sum_return_minus_bench"])


def test_curves_of_the_corpus_are_the_true_ones(catalog: Catalog) -> None:
    for workspace in truth().keys() & catalog.curves.keys():
        days, wanted, row = (
            catalog.curves[workspace],
            truth()[workspace]["ret"],
            catalog.loops[workspace],
        )
        if wanted["type"] != "DataFrame":
            continue
        assert len(days) == wanted["rows"] == row["curve_days"]
        assert (str(row["curve_start"]), str(row["curve_end"])) == (wanted["first"], wanted["last"])
        assert close(days[-1]["account"], wanted["final_account"])
        assert close(row["final_nav"], 1 + wanted["compound_return_net"])
        assert close(row["nav_drawdown"], wanted["compound_max_drawdown_net"])
        assert close(row["mean_turnover"], wanted["mean_turnover"])
        for column in ("return", "cost", "bench"):
            assert close(math.fsum(day[column] for day in days), wanted[f"sum_{column}"])
        assert close(days[-1]["cum_excess"], wanted["with_cost"]["mean"] * len(days))


def test_factors_are_those_of_the_tables_in_their_order(catalog: Catalog) -> None:
    of = dict(catalog.factors)
    for workspace, entry in expected().items():
        if "factor_columns" in entry:
            names = entry["factor_columns"] or None
            assert catalog.loops[workspace]["factor_names"] == names
            assert of.get(workspace) == names
    for workspace, entry in truth().items():
        if "factor_ic" in entry:
            assert of[workspace] == list(entry["factor_ic"])


def test_every_folder_has_a_role_and_a_word_in_the_report(catalog: Catalog) -> None:
    roles = catalog.roles()
    folders = [path.name for path in (CORPUS / BELOW).iterdir()]
    assert roles.keys() == {*folders, *expected()}
    for workspace, entry in expected().items():
        if entry["files"] == ["runtime_info.py"]:
            assert roles[workspace] == "junk"
        elif "qlib_res" in entry:
            assert roles[workspace] in ("experiment", "baseline")
        else:
            assert roles[workspace] in ("sub", "unused")
    assert roles[named("baseline")] == "baseline"


# --- the damaged and odd ones ------------------------------------------------------------


def test_no_result_is_reported_and_its_factors_are_read(catalog: Catalog) -> None:
    workspace = named("v_no_result")
    assert workspace not in catalog.loops
    assert catalog.findings(workspace, "qlib_res.csv") == [
        ("warning", "missing: the back-test left no metrics")
    ]
    assert catalog.findings(workspace, "ret.parquet")
    assert dict(catalog.factors)[workspace] == ["Momentum_10D", "Momentum_20D"]


def test_a_partial_result_has_its_six_metrics_and_no_curve(catalog: Catalog) -> None:
    row = catalog.loops[named("v_partial_res")]
    assert len(row["metrics"].keys() - METRICS.keys()) == 6
    assert close(row["ic"], 0.017489868647565472)
    assert (row["annual_return"], row["sharpe"], row["has_curve"]) == (None, None, False)
    assert catalog.findings(named("v_partial_res"), "ret.parquet")


@pytest.mark.parametrize("key", ["v_truncated_ret", "v_hostile_ret"])
def test_a_bad_pickle_is_reported_and_the_metrics_stay(catalog: Catalog, key: str) -> None:
    workspace = named(key)
    assert [level for level, _ in catalog.findings(workspace, "ret.pkl")] == ["error"]
    assert workspace not in catalog.curves
    assert wrong(catalog.loops[workspace]["metrics"], metrics_of("factor1")) == []


def test_a_hostile_pickle_runs_nothing(catalog: Catalog) -> None:
    assert catalog.loops
    for folder in (Path.cwd(), CORPUS, CORPUS / BELOW / named("v_hostile_ret")):
        assert not list(folder.glob("PWNED*"))


def test_a_resaved_csv_has_the_same_metrics(catalog: Catalog) -> None:
    row = catalog.loops[named("v_unnamed_csv")]
    assert len(row["metrics"].keys() - METRICS.keys()) == 19
    assert wrong(row["metrics"], metrics_of("factor1")) == []


def test_flat_columns_are_the_same_factors(catalog: Catalog) -> None:
    names = catalog.loops[named("v_flat_columns")]["factor_names"]
    assert names == catalog.loops[named("factor2")]["factor_names"]


@pytest.mark.parametrize(
    ("key", "like"),
    [
        ("v_series_ret", "factor1"),
        ("v_pickle_pandas15", "factor1"),
        ("v_windows_path", "factor1"),
        ("v_nan_factor", "factor2"),
        ("v_orphan", "factor2"),
    ],
)
def test_an_odd_one_has_the_metrics_of_its_original(catalog: Catalog, key: str, like: str) -> None:
    assert wrong(catalog.loops[named(key)]["metrics"], metrics_of(like)) == []
