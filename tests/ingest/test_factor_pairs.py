"""The same idea under two names, and one name for several: from workspaces to the views."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rdlake
from rdlake.catalog.publish import publish
from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.catalog.test_views import asked
from tests.factors.statistics.test_fingerprint import table
from tests.factors.statistics.world import make_factors, read
from tests.ingesting import ingest
from tests.lake_rows import versions
from tests.places import CORPUS, needs_shared

A, B, C = "a" * 32, "b" * 32, "c" * 32


def frame(seed: int, name: str, scale: float = 1.0, days: int = 140) -> pl.DataFrame:
    values = table(seed, days)
    return pl.DataFrame(
        {
            f"('feature', '{name}')": [value * scale for value in values.values()],
            "datetime": pl.Series([day for day, _ in values], dtype=pl.Int32).cast(pl.Date),
            "instrument": [code for _, code in values],
        }
    )


def view(lake: Lake, name: str) -> list[dict[str, Any]]:
    publish(lake)
    with rdlake.connect(lake.root) as connection:
        return asked(connection, f"FROM {name} ORDER BY ALL")


@pytest.mark.slow
def test_a_reversed_factor_under_another_name_is_a_duplicate(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", frame(1, "MOM"), A)
    make_factors(tmp_path / "ws", frame(1, "REV", -2.0), B)
    make_factors(tmp_path / "ws", frame(2, "OTHER"), C)
    lake = read(tmp_path / "ws")
    (row,) = view(lake, "factor_duplicates")
    assert row == {
        "name": "MOM",
        "other_name": "REV",
        "is_duplicate": True,
        "correlation": row["correlation"],
        "sign": -1,
        "same_values": False,
        "shared_days": 5,
        "days": 140,
    }
    assert abs(row["correlation"] + 1) < 1e-12
    before = versions(lake)
    assert not ingest(lake, [tmp_path / "ws"]).outcomes
    assert versions(lake) == before


@pytest.mark.slow
def test_values_that_are_gone_leave_the_verdict_open_until_both_are_there(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", frame(1, "MOM"), A)
    lake = read(tmp_path / "ws")
    shutil.move(tmp_path / "ws" / A, tmp_path / "elsewhere")
    make_factors(tmp_path / "ws", frame(1, "REV", -2.0), B)
    ingest(lake, [tmp_path / "ws"])
    (row,) = view(lake, "factor_duplicates")
    assert (row["is_duplicate"], row["correlation"], row["sign"]) == (None, None, None)
    assert (row["shared_days"], row["same_values"]) == (5, False)
    shutil.move(tmp_path / "elsewhere", tmp_path / "ws" / A)
    ingest(lake, [tmp_path / "ws"], overwrite=True)
    (row,) = view(lake, "factor_duplicates")
    assert (row["is_duplicate"], row["sign"]) == (True, -1)


@pytest.mark.slow
def test_one_order_on_some_days_alone_is_no_duplicate(tmp_path: Path) -> None:
    one, other = frame(1, "MOM"), frame(2, "OTHER")
    some = pl.col("datetime").to_physical() % 28 == 6
    mixed = pl.concat(
        [one.filter(some).rename({one.columns[0]: other.columns[0]}), other.filter(~some)]
    )
    make_factors(tmp_path / "ws", one, A)
    make_factors(tmp_path / "ws", mixed, B)
    (row,) = view(read(tmp_path / "ws"), "factor_duplicates")
    assert row["shared_days"] == 5
    assert row["is_duplicate"] is False and abs(row["correlation"]) < 0.2


@pytest.mark.slow
def test_a_name_that_stands_for_several_factors_has_versions(tmp_path: Path) -> None:
    make_factors(tmp_path / "ws", frame(1, "MOM"), A)
    make_factors(tmp_path / "ws", frame(2, "MOM"), B)
    make_factors(tmp_path / "ws", frame(2, "MOM"), C)
    lake = read(tmp_path / "ws")
    rows = view(lake, "factor_versions")
    values = dict(lake.read("factors", ["workspace_id", "values_sha256"]).rows())
    assert values[B] == values[C]
    assert [
        (row["name"], row["version"], row["versions"], row["experiments"], row["values_sha256"])
        for row in rows
    ] == [("MOM", 1, 2, 1, values[A]), ("MOM", 2, 2, 2, values[B])]
    assert view(lake, "factor_duplicates") == []


@pytest.mark.slow
@needs_shared
def test_momentum_in_two_languages_is_one(tmp_path: Path) -> None:
    lake = init_store(tmp_path / "lake")
    Library(lake).ingest(CORPUS / "git_ignore_folder" / "RD-Agent_workspace")
    rows = view(lake, "factor_duplicates")
    assert [(row["name"], row["other_name"], row["is_duplicate"], row["sign"]) for row in rows] == [
        ("Momentum_10D", "动量_10日", True, 1),
        ("VolumeRatio_5_20", "量比_5_20日", True, 1),
    ]
    assert {row["name"] for row in view(lake, "factor_versions")} >= {"Reversal_5D"}
