"""Strategies from elsewhere: one row each, never run, and beside those that really ran."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import polars as pl
import pytest

from rdlake.domain.ids import strategy_id
from rdlake.errors import BadInput
from rdlake.library import Library
from rdlake.sources.mlruns.configuration import read_yaml_configuration
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.cli.run import run
from tests.ingest.external.tables import versions

CONF = """
qlib_init: {provider_uri: "/data/cn", region: cn}
market: &market csi300
benchmark: &benchmark SH000300
days: &days [2017-01-01, 2020-08-01]
data_handler_config: &handler
  start_time: 2008-01-01
  instruments: *market
port_analysis_config: &portfolio
  strategy:
    class: TopkDropoutStrategy
    module_path: qlib.contrib.strategy
    kwargs: {signal: <PRED>, topk: 50, n_drop: 5}
  backtest:
    account: 100000000
    benchmark: *benchmark
    exchange_kwargs: {open_cost: 0.0005, close_cost: 0.0015}
task:
  model:
    class: LGBModel
    module_path: qlib.contrib.model.gbdt
    kwargs: {num_leaves: 210, num_threads: 20}
  dataset:
    class: DatasetH
    module_path: qlib.data.dataset
    kwargs:
      handler: {class: Alpha158, module_path: qlib.contrib.data.handler, kwargs: *handler}
      segments: {train: [2008-01-01, 2014-12-31], test: *days}
  record:
    - class: PortAnaRecord
      module_path: qlib.workflow.record_temp
      kwargs: {config: *portfolio}
"""
OWNER = "external:handcrafted/mine"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init_store(tmp_path / "lake")


def conf(folder: Path, text: str = CONF, name: str = "mine.yaml") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder / name


def test_a_configuration_is_a_row_of_its_own(lake: Lake, tmp_path: Path) -> None:
    added = Library(lake).add_strategy(conf(tmp_path))
    (row,) = lake.read("strategies").to_dicts()
    configuration, _ = read_yaml_configuration(CONF.encode(), "mine.yaml")
    assert added.names == (row["strategy_id"],) == (strategy_id(configuration),)
    assert (row["belongs_to"], row["source"], row["name"]) == (OWNER, "handcrafted", "mine")
    assert (row["market"], row["benchmark"], row["topk"], row["n_drop"]) == (
        "csi300", "SH000300", 50, 5,
    )  # fmt: skip
    assert (row["model_class"], row["strategy_class"]) == ("LGBModel", "TopkDropoutStrategy")
    assert dict(row["segments"])["test"] == "2017-01-01/2020-08-01"
    assert len(row["base_features"]) == 158
    assert row["template_files"] == ["mine.yaml"]
    assert dict(row["provenance"]) == {"configuration": "yaml"}
    assert "/data" not in json.dumps(row)
    (told,) = lake.read("ingests").to_dicts()
    assert (told["workspace_id"], told["role"], told["status"]) == (OWNER, "external", "ok")
    assert told["source_digest"] == row["content_sha256"] == added.digest


def test_spelling_does_not_change_the_id_and_content_does(lake: Lake, tmp_path: Path) -> None:
    first = Library(lake).add_strategy(conf(tmp_path))
    threads = CONF.replace("num_threads: 20", "num_threads: 4").replace("0.0005", "5.0e-4")
    same = Library(lake).add_strategy(conf(tmp_path, threads, "same.yaml"))
    other = Library(lake).add_strategy(
        conf(tmp_path, CONF.replace("topk: 50", "topk: 30"), "other.yaml")
    )
    assert first.names == same.names != other.names
    assert lake.read("strategies").height == 3


def test_a_second_time_changes_no_table(lake: Lake, tmp_path: Path) -> None:
    Library(lake).add_strategy(conf(tmp_path))
    before = versions(lake)
    assert Library(lake).add_strategy(conf(tmp_path)).status == "unchanged"
    assert versions(lake) == before


@pytest.mark.slow
def test_a_changed_one_replaces_its_own_row(lake: Lake, tmp_path: Path) -> None:
    first = Library(lake).add_strategy(conf(tmp_path))
    Library(lake).add_strategy(conf(tmp_path, name="other.yaml"))
    Library(lake).publish()
    second = Library(lake).add_strategy(conf(tmp_path, CONF.replace("topk: 50", "topk: 30")))
    Library(lake).publish()
    ids = "SELECT strategy_id FROM rdlake_tables.strategies WHERE name = 'mine'"
    for version, added in ((1, first), (2, second)):
        with contextlib.closing(Library(lake).connect(version)) as connection:
            assert connection.execute(ids).fetchall() == [added.names]
    assert lake.read("strategies").height == 2


def test_one_that_ran_stays_as_it_ran(lake: Lake, tmp_path: Path) -> None:
    configuration, _ = read_yaml_configuration(CONF.encode(), "mine.yaml")
    called = strategy_id(configuration)
    ran = pl.DataFrame({"strategy_id": [called], "belongs_to": [called], "source": ["rdagent"]})
    lake.commit({"strategies": ran}, {"belongs_to": [called]})
    there = lake.read("strategies")
    Library(lake).add_strategy(conf(tmp_path))
    rows = lake.read("strategies")
    assert rows.filter(belongs_to=called).equals(there)
    mine = rows.filter(belongs_to=OWNER)
    assert mine["strategy_id"].to_list() == [called]
    lake.commit({"strategies": ran.with_columns(topk=1)}, {"belongs_to": [called]})
    assert lake.read("strategies").filter(belongs_to=OWNER).equals(mine)


def test_the_code_that_it_runs_is_part_of_it(lake: Lake, tmp_path: Path) -> None:
    torch = CONF.replace("num_leaves: 210", "pt_model_uri: model.model_cls")
    with pytest.raises(BadInput, match=r"model\.py that cannot be read") as error:
        Library(lake).add_strategy(conf(tmp_path, torch))
    assert "beside" in error.value.fix
    (tmp_path / "model.py").write_text("raise SystemExit('never run')\n")
    first = Library(lake).add_strategy(conf(tmp_path, torch))
    (tmp_path / "model.py").write_text("other = 1\n")
    second = Library(lake).add_strategy(conf(tmp_path, torch))
    assert (first.status, second.status) == ("added", "added")
    assert first.names != second.names


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
REFUSED = {
    "a template": (CONF.replace("topk: 50", "topk: {{ topk }}"), "Jinja"),
    "a template's blocks": ("{% if x %}\n" + CONF + "{% endif %}\n", "Jinja"),
    "an object of Python": (CONF + "x: !!python/object:os.system {}\n", "plain values"),
    "a call of Python": (CONF + "x: !!python/object/apply:os.system ['x']\n", "plain values"),
    "a bomb": (BOMB + CONF, "expand"),
    "itself": ("a: &a [*a]\n" + CONF, "part of itself|expand|deeper"),
    "empty": ("", "no configuration"),
    "no task": ("market: csi300\n", "no task"),
    "a task without a model": ("task: {dataset: {class: DatasetH}}\n", "no model"),
    "a list": ("- task\n", "no configuration"),
    "another file's": ("BASE_CONFIG_PATH: other.yaml\n" + CONF, "another file"),
    "huge": (CONF + "# " + "x" * (2 << 20), "larger than"),
    "deep": ("x: " + "[" * 5_000, "deeper"),
    "no YAML": ("task: [", "plain values"),
    "a key that nothing uses": (CONF + "markt: csi500\n", "'markt', which is not known"),
    "a key of the task": (
        CONF.replace("  record:", "  datset: {}\n  record:"),
        "'datset', which is not known",
    ),
    "two documents": (CONF + "\n---\n" + CONF, "plain values"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_bad_configuration_is_refused(lake: Lake, tmp_path: Path, text: str, reason: str) -> None:
    before = versions(lake)
    with pytest.raises(BadInput, match=reason) as error:
        Library(lake).add_strategy(conf(tmp_path, text))
    assert error.value.where.endswith("mine.yaml")
    assert error.value.fix
    assert versions(lake) == before


def test_a_field_of_another_type_is_told(lake: Lake, tmp_path: Path) -> None:
    added = Library(lake).add_strategy(conf(tmp_path, CONF.replace("topk: 50", "topk: many")))
    assert ["topk" in each.reason for each in added.findings] == [True]
    (told,) = lake.read("ingests")["findings"].to_list()
    assert told[0]["level"] == "warning"
    assert lake.read("strategies")["topk"].to_list() == [None]


def test_a_source_of_rdagent_cannot_be_added_to(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be added under this source"):
        Library(lake).add_strategy(conf(tmp_path), source="rdagent")


def test_the_commands_tell_what_became_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "lake"
    init_store(root)
    done = run(capsys, "add", "strategy", "--lake", root, conf(tmp_path), "--json")
    told = json.loads(done.out)[0]
    assert (told["owner"], told["findings"]) == (OWNER, [])
    assert "publish" in done.err
    again = run(capsys, "add", "strategy", "--lake", root, conf(tmp_path))
    assert "unchanged" in again.out
    (tmp_path / "t.csv").write_text("datetime,instrument,A\n2020-01-01,SH600000,1\n")
    done = run(capsys, "add", "factors", "--lake", root, tmp_path / "t.csv", "--name", "own")
    assert (done.code, "external:external_manual/own" in done.out) == (0, True)
    assert "neither IC nor spread" in done.err
    done = run(capsys, "add", "factors", "--lake", root, tmp_path / "t.csv", "--json")
    assert done.code == 1
    assert "A is a factor of external:external_manual/own" in done.err
    bad = run(capsys, "add", "factors", "--lake", root, tmp_path / "none.csv")
    assert (bad.code, "fix:" in bad.err) == (1, True)
