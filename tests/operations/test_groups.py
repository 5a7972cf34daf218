"""Groups follow from what is there, compare as plain Python does, and keep a person's words."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections import defaultdict
from pathlib import Path
from statistics import correlation
from typing import Any

import polars as pl
import pytest

import rdlake
from rdlake.catalog.publish import unpublished
from rdlake.errors import BadInput
from rdlake.operations.groups import Person, add, compare_group, list_groups, mark, remove, rename
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders_traces import make_loop, write_run
from tests.cli.run import run
from tests.ingest.test_derive import KEY, folders, logs
from tests.ingesting import ingest
from tests.places import needs_shared

ANN = Person("ann", "to see")
FIGURES = ("ic", "rank_ic", "annual_return", "max_drawdown", "sharpe", "win_rate", "mean_turnover")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Runs with several loops, each with a baseline: all that are at hand."""
    lake = init_store(tmp_path_factory.mktemp("groups") / "lake")
    ingest(lake, folders(), logs(), signing_key=KEY)
    return lake


@pytest.fixture
def lake(real: Lake, tmp_path: Path) -> Lake:
    """A copy to change."""
    shutil.copytree(real.root, tmp_path / "lake")
    return open_store(tmp_path / "lake")


def rows(lake: Lake, query: str) -> list[dict[str, Any]]:
    with unpublished(lake) as connection:
        found = connection.execute(query)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def members(lake: Lake) -> dict[str, dict[str, str]]:
    """group -> experiment -> role."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows(lake, "FROM group_members"):
        found[row["group_id"]][row["workspace_id"]] = row["role"]
    return dict(found)


def with_result(lake: Lake) -> list[dict[str, Any]]:
    return lake.read("loops", where=pl.col("has_result")).to_dicts()


def test_each_run_is_a_group_with_its_baseline_as_control(real: Lake) -> None:
    runs: dict[str, dict[str, str]] = defaultdict(dict)
    for loop in with_result(real):
        role = "control" if loop["role"] == "baseline" else "treatment"
        runs[f"run/{loop['task_run_id']}"][loop["workspace_id"]] = role
    found = {key: each for key, each in members(real).items() if key.startswith("run/")}
    assert found == {key: each for key, each in runs.items() if len(each) > 1}
    assert any(len(each) >= 3 and "control" in each.values() for each in found.values())


def test_what_is_built_on_one_experiment_is_compared_with_it(real: Lake) -> None:
    there = {loop["workspace_id"] for loop in with_result(real)}
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for loop in with_result(real):
        if loop["based_on"] and (parent := loop["based_on"][-1]) in there:
            wanted[f"lineage/{parent}"] |= {parent: "control", loop["workspace_id"]: "treatment"}
    found = {key: each for key, each in members(real).items() if key.startswith("lineage/")}
    assert found == wanted and found


@needs_shared
def test_factor_sets_on_one_configuration_are_a_group(real: Lake) -> None:
    sets: dict[str, dict[str, str]] = defaultdict(dict)
    for loop in with_result(real):
        if loop["strategy_id"]:
            names = repr(sorted(loop["factor_names"] or []))
            sets[f"factors/{loop['strategy_id']}"][loop["workspace_id"]] = names
    wanted = {key: set(each) for key, each in sets.items() if len(set(each.values())) > 1}
    found = {key: set(each) for key, each in members(real).items() if key.startswith("factors/")}
    assert found == wanted and found


@pytest.mark.slow
@needs_shared
def test_variants_have_one_factor_set_and_several_configurations(real: Lake) -> None:
    loops = {loop["workspace_id"]: loop for loop in with_result(real)}
    found = {key: each for key, each in members(real).items() if key.startswith("variants/")}
    for each in found.values():
        assert len({repr(sorted(loops[key]["factor_names"] or [])) for key in each}) == 1
        assert len({loops[key]["strategy_id"] for key in each}) > 1
    assert found


def test_a_comparison_is_what_plain_python_computes(real: Lake) -> None:
    loops = {loop["workspace_id"]: loop for loop in with_result(real)}
    strategies = {row["strategy_id"]: row for row in real.read("strategies").to_dicts()}
    days: dict[str, dict[Any, float]] = defaultdict(dict)
    for day in real.read("equity_curves", ["workspace_id", "date", "net_return"]).to_dicts():
        days[day["workspace_id"]][day["date"]] = day["net_return"]
    compared_pairs = 0
    for row in rows(real, "FROM group_comparison"):
        here, control = loops[row["workspace_id"]], loops.get(row["control_workspace_id"] or "")
        assert all(row[name] == here[name] for name in FIGURES)
        if control is None or here is control:
            assert row["ic_difference"] is None and row["net_return_correlation"] is None
            continue
        compared_pairs += 1
        for name in FIGURES:
            both = None not in (here[name], control[name])
            wanted = pytest.approx(here[name] - control[name], abs=1e-15) if both else None
            assert row[f"{name}_difference"] == wanted
        mine, others = set(here["factor_names"] or ()), set(control["factor_names"] or ())
        assert row["factors_shared"] == sorted(mine & others)
        assert row["factors_only_here"] == sorted(mine - others)
        assert row["factors_only_in_control"] == sorted(others - mine)
        ours, theirs = days[row["workspace_id"]], days[row["control_workspace_id"]]
        common = sorted(ours.keys() & theirs.keys())
        assert row["common_days"] == (len(common) or None)
        if common:
            by_hand = correlation([ours[day] for day in common], [theirs[day] for day in common])
            assert row["net_return_correlation"] == pytest.approx(by_hand, abs=1e-12)
        one, other = (
            leaves(strategies[each["strategy_id"]]) if each["strategy_id"] else None
            for each in (here, control)
        )
        told = row["configuration_differences"]
        if one is None or other is None:
            assert told is None
        else:
            differing = [
                {"setting": name, "here": one.get(name), "control": other.get(name)}
                for name in sorted(one.keys() | other.keys())
                if one.get(name) != other.get(name)
            ]
            assert told == differing
    assert compared_pairs > 3


def leaves(strategy: dict[str, Any]) -> dict[str, str]:
    """path -> JSON of every leaf, by another way than the lake's: a stack."""
    stack = [
        (name, json.loads(strategy[name]))
        for name in strategy
        if name.endswith("_config") and strategy[name]
    ]
    found = {}
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict) and value:
            stack += [(f"{path}.{name}", each) for name, each in value.items()]
        elif isinstance(value, list) and value:
            stack += [(f"{path}[{place}]", each) for place, each in enumerate(value)]
        else:
            found[path] = json.dumps(value, ensure_ascii=False)
    return found


def a_run(lake: Lake) -> tuple[str, str, list[str]]:
    """A run's group, its control and its other experiments."""
    found = {key: each for key, each in members(lake).items() if key.startswith("run/")}
    key = max(found, key=lambda each: len(found[each]))
    (control,) = [name for name, role in found[key].items() if role == "control"]
    return key, control, sorted(found[key].keys() - {control})


@pytest.mark.slow
def test_a_person_makes_a_group_and_it_survives_an_ingest(lake: Lake) -> None:
    _, control, others = a_run(lake)
    group = add(lake, "动量 'quoted' 🎲", [control[:12], *others[:2]], ANN)
    mark(lake, group, others[0], "control", ANN)
    before = lake.read("experiment_groups").sort("entry_id")
    ingest(lake, folders(), logs(), signing_key=KEY, overwrite=True)
    assert lake.read("experiment_groups").sort("entry_id").equals(before)
    assert members(lake)[group] == {
        others[0]: "control",
        others[1]: "treatment",
        control: "treatment",
    }
    told = {row["origin"]: row["note"] for row in compared_notes(lake, group)}
    assert told == {"ann": "to see"}
    (shown,) = [each for each in list_groups(lake) if each.group_id == group]
    assert (shown.name, shown.kind, shown.members) == ("动量 'quoted' 🎲", "own", 3)
    assert shown.control_workspace_id == others[0]


def compared_notes(lake: Lake, group: str) -> list[dict[str, Any]]:
    return [row for row in rows(lake, "FROM group_members") if row["group_id"] == group]


@pytest.mark.slow
def test_a_derived_group_is_renamed_marked_and_thinned(lake: Lake) -> None:
    group, control, others = a_run(lake)
    assert rename(lake, group, "the first run", ANN) == group
    mark(lake, "the first run", others[0], "control", Person("bob"))
    remove(lake, group, [others[1]], ANN)
    assert members(lake)[group] == {
        control: "baseline",
        others[0]: "control",
        **dict.fromkeys(others[2:], "treatment"),
    }
    by = {row["workspace_id"]: row["origin"] for row in compared_notes(lake, group)}
    assert by[others[0]] == "bob" and by[control] == "derived"
    add(lake, group, [others[1]], ANN)
    assert members(lake)[group][others[1]] == "treatment"
    assert {row["name"] for row in compared_notes(lake, group)} == {"the first run"}
    control_of = {
        row["workspace_id"]: row["control_workspace_id"] for row in compare_group(lake, group)
    }
    assert set(control_of.values()) == {others[0]}


@pytest.mark.slow
def test_the_control_said_last_is_the_control(lake: Lake) -> None:
    group, control, others = a_run(lake)
    mark(lake, group, others[0], "control", ANN)
    mark(lake, group, others[1], "control", ANN)
    found = members(lake)[group]
    assert [name for name, role in found.items() if role == "control"] == [others[1]]
    mark(lake, group, others[0], "treatment", ANN)
    mark(lake, group, others[1], "treatment", ANN)
    found = members(lake)[group]
    assert [name for name, role in found.items() if role == "control"] == [control]


@pytest.mark.slow
def test_a_removed_group_is_gone_and_comes_back(lake: Lake) -> None:
    group, control, others = a_run(lake)
    own = add(lake, "mine", [control], ANN)
    remove(lake, group, [], ANN)
    remove(lake, "mine", [control], ANN)
    assert not {group, own} & members(lake).keys()
    assert lake.read("experiment_groups", where=pl.col("group_id") == own).is_empty()
    ingest(lake, folders(), logs(), signing_key=KEY, overwrite=True)
    assert group not in members(lake)
    add(lake, group, [others[0]], ANN)
    assert members(lake)[group].keys() == {control, *others}


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "nothing", "run/", "run/no such", "factors"])
def test_a_group_that_is_not_one_is_refused(lake: Lake, text: str) -> None:
    _, control, _ = a_run(lake)
    with pytest.raises(BadInput) as refused:
        mark(lake, text, control, "control", ANN)
    assert "rdlake groups list" in (refused.value.fix or "")


@pytest.mark.slow
def test_what_is_not_in_a_group_is_not_marked(lake: Lake) -> None:
    group, control, others = a_run(lake)
    own = add(lake, "mine", [control], ANN)
    with pytest.raises(BadInput, match="is not in the group mine"):
        mark(lake, own, others[0], "control", ANN)
    with pytest.raises(BadInput, match="no experiment is called so"):
        add(lake, group, ["no such"], ANN)
    with pytest.raises(BadInput, match="by a person"):
        Person("derived")
    with pytest.raises(BadInput):
        add(lake, "run/new", [control], ANN)


def test_words_on_a_run_stay_when_it_gets_its_registered_name(tmp_path: Path) -> None:
    run = write_run(tmp_path / "log", make_loop(0), make_loop(1))
    lake = init_store(tmp_path / "lake")
    ingest(lake, [], [tmp_path / "log"])
    rename(lake, f"run/{run.name}", "mine", ANN)
    loops = lake.read("loops").with_columns(task_run_id=pl.lit("registered"))
    registered = pl.DataFrame({"task_run_id": ["registered"], "log_path": [run.name]})
    ids = loops["workspace_id"].to_list()
    lake.commit(
        {"loops": loops, "task_runs": registered},
        {"workspace_id": ids, "task_run_id": ["registered"]},
    )
    found = {each.group_id: each.name for each in list_groups(lake)}
    assert found["run/registered"] == "mine" and f"run/{run.name}" not in found


@pytest.mark.slow
def test_the_commands_say_the_same(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    group, control, others = a_run(lake)
    at = ["--lake", str(lake.root)]
    listed = json.loads(run(capsys, "groups", "list", "--json", *at).out)
    assert {each["group_id"] for each in listed} == members(lake).keys()
    made = run(capsys, "groups", "add", "mine", control, others[0], "--by", "ann", *at)
    own = made.err.strip()
    run(capsys, "groups", "mark", "mine", control, "control", "--by", "ann", *at)
    run(capsys, "groups", "rename", "mine", "ours", "--by", "ann", *at)
    shown = json.loads(run(capsys, "groups", "show", "ours", "--json", *at).out)
    assert [(row["workspace_id"], row["role"]) for row in shown] == [
        (control, "control"),
        (others[0], "treatment"),
    ]
    run(capsys, "groups", "remove", own, "--by", "ann", *at)
    assert own not in members(lake)
    assert group in members(lake)


@pytest.mark.slow
def test_groups_of_a_published_catalog_and_of_an_empty_one(lake: Lake, tmp_path: Path) -> None:
    from rdlake.catalog.publish import publish

    publish(lake)
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM group_comparison").fetchone() or (0,)
    assert count == sum(map(len, members(lake).values()))
    assert list_groups(init_store(tmp_path / "empty")) == []
