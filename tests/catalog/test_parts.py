"""Views made in parts: one more experiment makes one part again, the rows stay the query's."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

import rdlake
from rdlake.catalog.attach import file_of
from rdlake.catalog.contract import MADE, definitions, keys, parted, script
from rdlake.catalog.pins import file_lists
from rdlake.catalog.publish import publish
from rdlake.catalog.verify import verify
from rdlake.catalog.version import newest
from rdlake.upkeep import maintain
from tests.catalog.published import IDS, NEW, Published

PARTED = sorted(parted(script()))


@pytest.fixture
def in_parts(published: Published, monkeypatch: pytest.MonkeyPatch) -> Published:
    """A lake with three experiments whose ids begin with a, b and c, published in parts."""
    monkeypatch.setattr("rdlake.catalog.parts.MANY_LOOPS", 1)
    publish(published.lake, repin=True)
    return published


def files(made: Published, view: str) -> list[Path]:
    version = newest(made.lake)
    (found,) = file_lists(made.lake, [pin for pin in version.views if pin.name == view]).values()
    return [made.lake.root / MADE / file.path for file in found]


def right(made: Published) -> bool:
    """Whether the rows in the files are those of each query."""
    with contextlib.closing(rdlake.connect(made.lake.root)) as connection:
        for view in PARTED:
            order = ", ".join(keys(script())[view])
            query = f"FROM ({definitions(script())[view]}) ORDER BY {order}"
            wanted = connection.execute(query).fetchall()
            paths = [str(path) for path in files(made, view)]
            found = connection.execute(f"FROM read_parquet({paths}) ORDER BY {order}").fetchall()
            assert found == wanted, view
            assert found
    return True


def test_a_view_has_its_rows_in_parts(in_parts: Published) -> None:
    assert PARTED
    assert {len(files(in_parts, view)) for view in PARTED} == {16}
    assert right(in_parts)


def test_one_more_experiment_makes_one_part_again(in_parts: Published) -> None:
    before = {view: files(in_parts, view) for view in PARTED}
    in_parts.add(NEW)
    in_parts.publish()
    for view in PARTED:
        changed = set(files(in_parts, view)) - set(before[view])
        assert len(changed) == 1, view
    assert right(in_parts)


def test_what_is_replaced_or_moved_is_right_too(in_parts: Published) -> None:
    (in_parts.workspaces / IDS[0] / "ret.parquet").unlink()
    in_parts.ingest()
    in_parts.publish()
    assert right(in_parts)
    in_parts.add(NEW)
    for name in ("loops", "equity_curves", "artifacts"):
        in_parts.lake.compact(name)
    maintain(in_parts.lake, older_than_hours=0)
    in_parts.publish()
    assert right(in_parts)


def test_a_lost_part_is_made_again(in_parts: Published) -> None:
    lost = files(in_parts, "strategy_detail")[10]
    whole = lost.read_bytes()
    lost.unlink()
    assert not verify(in_parts.lake).whole
    file_of(in_parts.lake, newest(in_parts.lake).catalog_version)
    assert lost.read_bytes() == whole
    assert verify(in_parts.lake, deep=True).whole
