"""Test that changes turn a copy of one version into another, whatever was done between."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import rdlake
from rdlake.catalog.contract import contract_of, current_contract
from rdlake.catalog.diff import RowChange, changes
from rdlake.catalog.publish import release, rollback
from rdlake.catalog.version import find_version
from rdlake.errors import UnknownVersion
from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.builders import make_workspace, write_metrics
from tests.catalog.published import with_view
from tests.cli.run import run
from tests.exports.odd import ODD, put_odd

Copy = dict[str, dict[str, dict[str, Any]]]
"""view -> key as text -> the row."""
ONE, TWO, THREE = "1" * 32, "2" * 32, "3" * 32


def whole(lake: Lake, number: int) -> Copy:
    """Return every view of a version."""
    found: Copy = {}
    with contextlib.closing(rdlake.connect(lake.root, number)) as connection:
        for view, key in find_version(lake, number).contract.keys.items():
            answer = connection.execute(f"SELECT * FROM {view}")
            names = [column[0] for column in answer.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
            found[view] = {repr([row[part] for part in key]): row for row in rows}
            assert len(found[view]) == len(rows)
    return found


def applied(copy: Copy, found: Iterable[RowChange]) -> Copy:
    """Return the copy after each change; a change that cannot be applied is an error."""
    for each in found:
        rows, key = copy.setdefault(each.view, {}), repr([*each.key.values()])
        if each.change == "cleared":
            rows.clear()
        elif each.change == "removed":
            del rows[key]
        elif each.change == "added":
            assert key not in rows
            rows[key] = each.key | each.values
        else:
            assert each.values
            rows[key] = rows[key] | each.values
    return copy


def plain(copy: Copy) -> dict[str, dict[str, str]]:
    """Return rows as text, so that NaN equals itself."""
    return {
        view: {
            key: repr({name: _sorted(value) for name, value in sorted(row.items())})
            for key, row in rows.items()
        }
        for view, rows in copy.items()
        if rows
    }


def _sorted(value: Any) -> Any:
    return dict(sorted(value.items())) if isinstance(value, dict) else value


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Provide ten versions: workspaces come, change and go; a roll-back, libraries, a hostile
    loop."""
    root = tmp_path_factory.mktemp("ten")
    lake, folder = init_store(root / "lake"), root / "workspaces"

    def publish(number: int) -> None:
        Library(lake).ingest(folder, charts=False)
        report = Library(lake).publish(allow=["results_are_finite"])
        assert report.version.catalog_version == number

    make_workspace(folder, ONE)
    publish(1)
    make_workspace(folder, TWO, factors=("MOM_5D", "动量"))
    publish(2)
    write_metrics(folder / ONE, {"IC": 0.9, "Rank IC": 0.03})
    publish(3)
    (folder / TWO / "ret.parquet").unlink()
    publish(4)
    Library(lake).alphas()
    publish(5)
    put_odd(lake)
    publish(6)
    put_odd(lake, decision=True)
    publish(7)
    assert rollback(lake, 5).version.catalog_version == 8
    make_workspace(folder, THREE, action="model", factors=None)
    Library(lake).ingest(folder, charts=False)
    release(lake, allow=["results_are_finite"])
    lake.compact("loops")
    shutil.rmtree(folder / TWO)
    lake.commit({}, {"workspace_id": [TWO]})
    make_workspace(folder, TWO, level=-0.002)
    publish(10)
    return lake


@pytest.mark.slow
def test_ten_versions_applied_in_order_end_in_the_newest(ten: Lake) -> None:
    copy = whole(ten, 1)
    for number in range(1, 10):
        copy = applied(copy, changes(ten, number, number + 1))
        assert plain(copy) == plain(whole(ten, number + 1)), number
    assert len(plain(copy)) > 15


@pytest.mark.slow
def test_all_at_once_or_backwards_it_is_the_same(ten: Lake) -> None:
    assert plain(applied(whole(ten, 1), changes(ten, 1, 10))) == plain(whole(ten, 10))
    assert plain(applied(whole(ten, 10), changes(ten, 10, 4))) == plain(whole(ten, 4))


@pytest.mark.slow
def test_the_order_is_the_same_each_time_and_by_view(ten: Lake) -> None:
    first = list(changes(ten, 1, 10))
    assert repr(first) == repr(list(changes(ten, 1, 10)))
    order = [(each.view, each.change, [*map(str, each.key.values())]) for each in first]
    assert [each[:2] for each in order] == sorted(each[:2] for each in order)


def test_a_version_has_no_changes_to_itself(ten: Lake) -> None:
    assert list(changes(ten, 6, 6)) == []


def test_a_changed_row_tells_only_what_changed(ten: Lake) -> None:
    (loop,) = [each for each in changes(ten, 6, 7) if each.view == "loop_catalog"]
    assert loop.key["task_run_id"] == ODD
    assert (loop.change, loop.values) == ("changed", {"decision": True})


@pytest.mark.slow
def test_other_columns_and_keys_reach_the_copy_too(
    ten: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ten.root, tmp_path / "lake")
    lake = open_store(tmp_path / "lake")
    newer = current_contract().text.replace(
        "loops.mean_turnover::DOUBLE AS mean_turnover,", "1::BIGINT AS one, NULL::BIGINT AS none,"
    )
    newer = newer.replace("COMMENT ON COLUMN loop_catalog.mean_turnover", "-- ")
    newer = newer.replace('key = ["workspace_id", "date"]', 'key = ["date", "workspace_id"]')
    newer = newer.replace("files.size::BIGINT AS size", "files.size::VARCHAR AS size")
    newer = with_view(newer, "added", "one", "SELECT 1::BIGINT AS one, 'x'::VARCHAR AS two")
    monkeypatch.setattr("rdlake.catalog.publish.current_contract", lambda: contract_of(newer))
    Library(lake).publish(allow=["results_are_finite"])
    found = list(changes(lake, 10, 11))
    cleared = {each.view for each in found if each.change == "cleared"}
    assert cleared == {"added", "artifact_list", "equity_curve"}
    copy, expected = applied(whole(lake, 10), found), whole(lake, 11)
    for row in copy["loop_catalog"].values():
        del row["mean_turnover"]
        row.setdefault("none", None)
    assert plain(copy) == plain(expected)
    monkeypatch.undo()
    Library(lake).publish(allow=["results_are_finite"])
    back = list(changes(lake, 11, 12))
    assert {each.view for each in back if each.change == "cleared"} == cleared
    assert "added" not in plain(applied(expected, back))


@pytest.mark.slow
def test_the_command_gives_lines_and_where_to_go_on(
    capsys: pytest.CaptureFixture[str], ten: Lake
) -> None:
    """Apply the changes as a consumer does who has nothing but the lines."""
    known, copy = 1, {view: dict.fromkeys(rows, 1) for view, rows in whole(ten, 1).items()}
    for until in ("4", "7", "10", "10"):
        told = run(capsys, "changes", "--since", known, "--to", until, "--lake", ten.root, "--json")
        assert told.code == 0
        *lines, last = [json.loads(line) for line in told.out.splitlines()]
        for line in lines:
            rows = copy.setdefault(line["view"], {})
            key = str(sorted(line["key"].items()))
            rows[key] = rows.get(key, 0) + {"added": 1, "removed": -1, "changed": 0}[line["change"]]
        known = last["next_since"]
        assert known == int(until)
    assert not lines
    counts = {view: sum(rows.values()) for view, rows in copy.items()}
    assert {view: count for view, count in counts.items() if count} == {
        view: len(rows) for view, rows in whole(ten, 10).items() if rows
    }


def test_a_person_sees_counts(capsys: pytest.CaptureFixture[str], ten: Lake) -> None:
    told = run(capsys, "changes", "--since", 1, "--lake", ten.root)
    assert "loop_catalog" in told.out
    assert "rdlake changes --since 10" in told.err
    told = run(capsys, "changes", "--since", 10, "--lake", ten.root)
    assert told.code == 0


def test_an_unknown_version_says_how_to_start_anew(
    capsys: pytest.CaptureFixture[str], ten: Lake
) -> None:
    for since, to in ((11, 10), (0, 10), (1, 11)):
        with pytest.raises(UnknownVersion):
            list(changes(ten, since, to))
    told = run(capsys, "changes", "--since", 11, "--lake", ten.root, "--json")
    assert (told.code, told.out) == (1, "")
    assert "export-parquet" in told.err


@pytest.mark.slow
def test_a_reader_that_leaves_early_stops_it(ten: Lake) -> None:
    script = "from rdlake.cli.main import main; main()"
    command = [sys.executable, "-c", script, "changes", "--since", "1", "--json"]
    with subprocess.Popen(
        [*command, "--lake", str(ten.root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) in (0, 1)
