"""Views made in parts: one more experiment makes one part again, the rows stay the query's."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rdlake
from bench.contract import fill
from rdlake.catalog.contract import VIEW_FILES, current_checks, current_contract
from rdlake.catalog.materialize.build import ViewBuilder
from rdlake.catalog.materialize.partitions import Part
from rdlake.catalog.pinning import file_lists
from rdlake.catalog.publish import publish
from rdlake.catalog.time_travel import file_of
from rdlake.catalog.verify import verify
from rdlake.catalog.version import newest
from rdlake.errors import DamagedLake
from rdlake.operations.groups import Person, add, mark, remove, rename
from rdlake.operations.maintain import maintain
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.data_files import DataFile
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.catalog.published import IDS, NEW, Published, batches_of, copied, replace_rows
from tests.marks import slow

APART = {
    name: view.settings
    for name, view in sorted(current_contract().views.items())
    if view.settings.by
}
WEI = Person("wei")
PARTED = [view for view, settings in APART.items() if settings.by == "workspace_id"]


@pytest.fixture(scope="module")
def template_in_parts(
    few_names: None, template: Published, tmp_path_factory: pytest.TempPathFactory
) -> Published:
    made = copied(template, tmp_path_factory.mktemp("in_parts"))
    publish(made.lake, repin=True)
    return made


@pytest.fixture
def in_parts(template_in_parts: Published, tmp_path: Path) -> Published:
    """A lake with three experiments whose ids begin with a, b and c, published in parts."""
    return copied(template_in_parts, tmp_path)


def files(lake: Lake, view: str) -> list[Path]:
    version = newest(lake)
    (found,) = file_lists(lake, [pin for pin in version.views if pin.name == view]).values()
    return [lake.root / VIEW_FILES / file.path for file in found]


def right(lake: Lake, views: Collection[str] = PARTED) -> bool:
    """Whether the rows in the files are those of each query."""
    with contextlib.closing(rdlake.connect(lake.root)) as connection:
        for view in views:
            order = ", ".join(current_contract().keys[view])
            query = f"FROM ({current_contract().views[view].select}) ORDER BY {order}"
            wanted = connection.execute(query).fetchall()
            paths = [str(path) for path in files(lake, view)]
            found = connection.execute(f"FROM read_parquet({paths}) ORDER BY {order}").fetchall()
            assert found == wanted, view
            assert found
    return True


@pytest.mark.slow
def test_a_view_has_its_rows_in_parts(in_parts: Published) -> None:
    assert PARTED
    for view, settings in APART.items():
        assert len(files(in_parts.lake, view)) == settings.parts, view
    assert right(in_parts.lake)


def test_one_more_experiment_makes_one_part_again(in_parts: Published) -> None:
    before = {view: files(in_parts.lake, view) for view in PARTED}
    in_parts.add(NEW)
    in_parts.publish()
    for view in PARTED:
        changed = set(files(in_parts.lake, view)) - set(before[view])
        assert len(changed) == 1, view
    assert right(in_parts.lake)


@pytest.mark.slow
def test_what_is_replaced_or_moved_is_right_too(in_parts: Published) -> None:
    (in_parts.workspaces / IDS[0] / "ret.parquet").unlink()
    in_parts.ingest()
    in_parts.publish()
    assert right(in_parts.lake)
    in_parts.add(NEW)
    for name in ("loops", "equity_curves", "artifacts"):
        in_parts.lake.compact(name)
    maintain(in_parts.lake, older_than_hours=0)
    in_parts.publish()
    assert right(in_parts.lake)


def test_a_lost_part_is_made_again(in_parts: Published) -> None:
    lost = files(in_parts.lake, "strategy_detail")[5]
    whole = lost.read_bytes()
    lost.unlink()
    assert not verify(in_parts.lake).whole
    file_of(in_parts.lake, newest(in_parts.lake).catalog_version)
    assert lost.read_bytes() == whole
    assert verify(in_parts.lake, deep=True).whole


@pytest.fixture(scope="module")
def few_names() -> Iterator[None]:
    """Views are made in parts, and back-tests share few strategies and factors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rdlake.catalog.materialize.partitions.MANY_LOOPS", 1)
        patch.setattr("bench.contract.STRATEGIES", 3)
        patch.setattr("bench.contract.NAMES", 7)
        yield


@pytest.fixture(scope="module")
def template_by_hand(few_names: None, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = init_store(tmp_path_factory.mktemp("by_hand") / "lake")
    fill(lake, range(40), days=5)
    again(lake, "factors", workspace(0), code_sha256="other code", values_sha256="other values")
    publish(lake)
    return lake


@pytest.fixture
def by_hand(template_by_hand: Lake, tmp_path: Path) -> Lake:
    """Forty back-tests of few strategies and factors, published: a copy to change."""
    shutil.copytree(template_by_hand.root, tmp_path / "lake")
    return open_store(tmp_path / "lake")


def workspace(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}" * 4


def again(lake: Lake, name: str, owner: str, **values: object) -> None:
    """The rows of an owner with other values."""
    column = table(name).owner
    assert column
    rows = lake.read(name, where=pl.col(column) == owner)
    assert len(rows)
    with batches_of(name):
        new = frame_of(table(name), [{**row, **values} for row in rows.to_dicts()])
        lake.commit({name: new}, {column: [owner]})


def kept(lake: Lake, workspace_id: str) -> None:
    theirs = lake.read("artifacts", where=pl.col("workspace_id") == workspace_id)
    row = {"sha256": theirs["sha256"][0], "chunk": 0, "size": 1, "data": b"x"}
    lake.commit({"blobs": frame_of(table("blobs"), [row])}, {"sha256": [row["sha256"]]})


def renamed(lake: Lake, group: str, name: str) -> None:
    rename(lake, group, name, WEI)


def marked(lake: Lake, group: str, experiment: str) -> None:
    mark(lake, group, experiment, "control", WEI)


def added(lake: Lake, group: str, experiments: list[str]) -> None:
    add(lake, group, experiments, WEI)


def taken_out(lake: Lake, group: str, experiment: str) -> None:
    remove(lake, group, [experiment], WEI)


def compact(lake: Lake) -> None:
    maintain(lake, older_than_hours=0)


CHANGES: dict[str, Callable[[Lake], None]] = {
    "one more": lambda lake: fill(lake, range(40, 41), days=5),
    "other code": lambda lake: again(lake, "factors", workspace(7), code_sha256="newer code"),
    "other figures": lambda lake: again(lake, "factor_perf", workspace(8), rank_ic_mean=0.9),
    "another decision": lambda lake: again(lake, "loops", workspace(9), decision=False),
    "another strategy": lambda lake: again(
        lake, "loops", workspace(10), strategy_id="strategy_2", status="success"
    ),
    "a strategy's market": lambda lake: again(lake, "strategies", "strategy_1", market="csi500"),
    "another day": lambda lake: again(lake, "equity_curves", workspace(13), net_return=0.0),
    "another model": lambda lake: again(
        lake, "strategies", "strategy_2", settings={"task.model.kwargs.num_leaves": "7"}
    ),
    "no baseline": lambda lake: again(lake, "loops", workspace(20), role="experiment"),
    "a control": lambda lake: marked(lake, "run/run_000000", "run_000000/5"),
    "a name": lambda lake: renamed(lake, "run/run_000000", f"{newest(lake).catalog_version}"),
    "a group": lambda lake: added(lake, "mine", ["run_000000/6", "run_000001/7"]),
    "not here": lambda lake: taken_out(lake, "run/run_000001", "run_000001/3"),
    "a content": lambda lake: kept(lake, workspace(14)),
    "a folder": lambda lake: again(lake, "workspaces", workspace(38), root_name="elsewhere"),
    "no factors": lambda lake: replace_rows(lake, "factors", workspace(11)),
    "no loop": lambda lake: replace_rows(lake, "loops", workspace(12)),
    "compaction": compact,
}

SEVERAL = {
    "a strategy's market": {"aistock_strategies", "group_places", "strategy_detail"},
    "another strategy": {"strategy_catalog"},
}
"""What is in several parts; groups are in any case."""


FEW = ("one more", "another strategy", "a group", "no loop", "compaction")
"""The changes that are tried each time."""


@pytest.mark.slow
@pytest.mark.parametrize("change", [*FEW, *slow(*(each for each in CHANGES if each not in FEW))])
def test_what_did_not_move_is_taken_from_the_last_version(by_hand: Lake, change: str) -> None:
    before = {path: path.read_bytes() for view in APART for path in files(by_hand, view)}
    CHANGES[change](by_hand)
    publish(by_hand, allow=[each.name for each in current_checks()], repin=True)
    assert right(by_hand, APART)
    after = {path for view in APART for path in files(by_hand, view)}
    of_views = [path.name.split("-")[0] for path in after - before.keys()]
    several = {view for view in of_views if of_views.count(view) > 1}
    assert several <= {"group_comparison"} | SEVERAL.get(change, set()), "one part of each"
    assert after - before.keys() or change == "compaction"
    for path in after - before.keys():
        whole = path.read_bytes()
        path.unlink()
        file_of(by_hand, newest(by_hand).catalog_version)
        assert path.read_bytes() == whole, "made from everything it is the same file"


@pytest.mark.slow
@pytest.mark.parametrize("change", ["a content", *slow("one more", "another model", "a control")])
def test_what_nothing_moved_in_is_not_written_again(by_hand: Lake, change: str) -> None:
    before = {path: path.stat().st_ino for view in PARTED for path in files(by_hand, view)}
    CHANGES[change](by_hand)
    publish(by_hand)
    after = {path: path.stat().st_ino for view in PARTED for path in files(by_hand, view)}
    written = {path for path, inode in after.items() if before.get(path) != inode}
    assert {path.name for path in after.keys() - before.keys()} <= {path.name for path in written}
    assert len(written) <= len(after) / 2
    of_files = [path for path in written if path.name.startswith("artifact_list")]
    assert len(of_files) == (1 if change in ("one more", "a content") else 0)


@pytest.mark.slow
def test_every_order_of_changes_is_right(by_hand: Lake) -> None:
    for change in [*CHANGES, *reversed(CHANGES)]:
        CHANGES[change](by_hand)
        publish(by_hand, allow=[each.name for each in current_checks()])
        assert right(by_hand, APART), change


@pytest.mark.slow
def test_an_old_file_that_is_damaged_makes_everything_anew(by_hand: Lake) -> None:
    version = newest(by_hand)
    (old,) = file_lists(by_hand, [version.pins["loops"]])["loops"]
    again(by_hand, "loops", workspace(9), decision=False)
    path = by_hand.folder("loops") / old.path
    path.write_bytes(b"x" * path.stat().st_size)
    publish(by_hand, allow=[each.name for each in current_checks()])
    assert right(by_hand, APART)


def test_a_new_file_that_is_damaged_is_named(by_hand: Lake) -> None:
    again(by_hand, "loops", workspace(9), decision=False)
    ((name, _, _),) = by_hand.snapshot("loops").files
    path = by_hand.folder("loops") / name
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(DamagedLake):
        publish(by_hand)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", ["one more", "another strategy", "a strategy's market", "a control", "no loop"]
)
def test_a_small_lake_is_patched_too(
    by_hand: Lake, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdlake.catalog.materialize.partitions.MANY_LOOPS", 1_000_000)
    allow = [each.name for each in current_checks()]
    publish(by_hand, allow=allow, repin=True)
    assert all(len(files(by_hand, view)) == 1 for view in APART)
    patched: list[str] = []
    patch_part = ViewBuilder._patch_part

    def noting(self: ViewBuilder, part: Part, *rest: Any) -> DataFile:
        patched.append(part.view)
        return patch_part(self, part, *rest)

    monkeypatch.setattr(ViewBuilder, "_patch_part", noting)
    CHANGES[change](by_hand)
    publish(by_hand, allow=allow)
    assert patched and right(by_hand, APART)
    for view in APART:
        (path,) = files(by_hand, view)
        whole = path.read_bytes()
        path.unlink()
        file_of(by_hand, newest(by_hand).catalog_version)
        assert path.read_bytes() == whole, "made from everything it is the same file"
