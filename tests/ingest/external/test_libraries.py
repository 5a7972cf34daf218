"""Alpha158 and Alpha360: equal to Qlib's, in the catalog, and left alone by every ingest."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from rdlake.domain.qlib_alphas import ALPHA158, ALPHA360, LIBRARIES
from rdlake.factors.formulas.parse import parse_formula
from rdlake.library import Library
from rdlake.schema.tables import TABLES
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.cli.run import run
from tests.ingest.external.ask import asked
from tests.places import SHARED, needs_shared

QLIB = {
    "alpha158": "c21815e76e1bb12380997177ac28d71a7cb32505f978d63cef9e84dbd7c558ac",
    "alpha360": "6e3e0eac0eb577f0210fc637103ffeae2ecb4213924fd73c55dc5c136e87dd6a",
}
"""sha256 over name and expression of each factor, in order, of the lists that Qlib itself gave."""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init_store(tmp_path / "lake")


def versions(lake: Lake) -> dict[str, int | None]:
    return {each.name: lake.snapshot(each.name).version for each in TABLES}


def test_names_expressions_and_order_are_qlibs() -> None:
    for name, factors in (("alpha158", ALPHA158), ("alpha360", ALPHA360)):
        text = "".join(f"{factor}\t{expression}\n" for factor, expression in factors.items())
        assert sha256(text.encode()).hexdigest() == QLIB[name]
    assert (len(ALPHA158), len(ALPHA360)) == (158, 360)


@needs_shared
@pytest.mark.parametrize("name", ["alpha158", "alpha360"])
def test_they_equal_the_lists_that_qlib_gave(name: str) -> None:
    told = json.loads((SHARED / "alpha" / f"{name}.json").read_text("utf-8"))
    assert list(told.items()) == list(LIBRARIES[f"qlib_{name}"].items())


def test_every_expression_is_understood_and_only_equal_ones_are_alike() -> None:
    for factors in LIBRARIES.values():
        assert len({parse_formula(each) for each in factors.values()}) == len(factors)
    both = {parse_formula(each) for factors in LIBRARIES.values() for each in factors.values()}
    shared = set(ALPHA158.values()) & set(ALPHA360.values())
    # ROC5 is Ref($close, 5)/$close in both; nothing else is made one
    assert len(both) == len(ALPHA158) + len(ALPHA360) - len(shared)


@pytest.mark.slow
def test_the_catalog_lists_them_without_an_experiment(lake: Lake) -> None:
    assert [each.status for each in Library(lake).alphas()] == ["added", "added"]
    Library(lake).publish()
    rows = asked(lake, "FROM factor_catalog")
    report = asked(lake, "SELECT workspace_id, status, role FROM ingest_report")
    assert {row["source"]: row["name"] for row in rows}.keys() == set(LIBRARIES)
    for row in rows:
        assert row["expression"] == LIBRARIES[row["source"]][row["name"]]
        assert row["expression_fingerprint"]
        told = ("first_experiment_id", "latest_experiment_id", "created_at_utc", "region", "freq")
        assert [row[name] for name in told] == [None] * 5
        assert row["experiments"] == 0
    assert sorted(row["workspace_id"] for row in report) == [
        "external:qlib_alpha158",
        "external:qlib_alpha360",
    ]
    assert {(row["status"], row["role"]) for row in report} == {("ok", "external")}


def test_a_second_time_changes_no_table(lake: Lake) -> None:
    Library(lake).alphas()
    before = versions(lake)
    assert [each.status for each in Library(lake).alphas()] == ["unchanged", "unchanged"]
    assert versions(lake) == before


def test_a_stop_before_the_report_is_made_good(lake: Lake, tmp_path: Path) -> None:
    other = init_store(tmp_path / "other")
    Library(other).alphas()
    rows = other.read("factors")
    lake.commit({"factors": rows}, {"workspace_id": rows["workspace_id"].unique().to_list()})
    assert [each.status for each in Library(lake).alphas()] == ["added", "added"]
    assert lake.read("ingests").height == 2


@pytest.mark.slow
def test_an_ingest_leaves_them_alone_and_they_leave_it_alone(lake: Lake, tmp_path: Path) -> None:
    make_workspace(tmp_path / "ws", "a" * 32)
    Library(lake).ingest(tmp_path / "ws")
    mine = lake.read("factors")
    Library(lake).alphas()
    before = versions(lake)
    assert Library(lake).ingest(tmp_path / "ws").unchanged == 1
    assert versions(lake) == before
    make_workspace(tmp_path / "ws", "b" * 32)
    Library(lake).ingest(tmp_path / "ws")
    Library(lake).ingest(tmp_path / "ws", overwrite=True)
    rows = lake.read("factors")
    assert rows.filter(rows["workspace_id"] == "a" * 32).equals(mine)
    assert rows.filter(rows["source"] == "qlib_alpha158").height == 158


@pytest.mark.slow
def test_a_lake_of_libraries_alone_is_published_and_ingested(lake: Lake, tmp_path: Path) -> None:
    Library(lake).alphas()
    make_workspace(tmp_path / "ws", "a" * 32)
    Library(lake).ingest(tmp_path / "ws")
    assert Library(lake).publish().outcome == "published"
    assert lake.read("factors").filter(source="qlib_alpha360").height == 360


def test_the_command_adds_and_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "lake"
    assert run(capsys, "alpha", "--lake", root).code == 10
    listed = json.loads(run(capsys, "alpha", "--lake", root, "--list", "--json").out)
    assert len(listed) == 518
    assert listed[0] == {
        "source": "qlib_alpha158",
        "name": "KMID",
        "expression": "($close-$open)/$open",
    }
    init_store(root)
    done = run(capsys, "alpha", "--lake", root, "--json")
    assert [row["factors"] for row in json.loads(done.out)] == [158, 360]
    assert "publish" in done.err
    assert "publish" not in run(capsys, "alpha", "--lake", root).err
