"""Test `libs verify`: each factor against the values that were back-tested."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rdlake.errors import BadInput
from rdlake.exports.libraries import StoredInputs, Verification, sync, verify
from rdlake.exports.libraries.comparison import ValueDifference, compare_values
from rdlake.exports.libraries.runtime.runner import RunLimits, Values
from rdlake.library import Library
from rdlake.sources.backtest.prices import PRICES
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.builders_prices import few_prices
from tests.builders_traces import workspace_id
from tests.exports.libraries.builders import code_of, pandas_prices, taken, write_factors
from tests.exports.libraries.test_runner import closes_in
from tests.places import CORPUS, needs_shared

pytest.importorskip("tables")

OWN = workspace_id("own", 0)


def momentum(days: int = 1) -> pl.DataFrame:
    """Write a combined_factors_df.parquet whose factor M is the momentum of the prices."""
    rows = few_prices().with_columns(pl.col("datetime").cast(pl.Datetime("ns")))
    past = pl.col("$close").shift(days).over("instrument")
    value = (pl.col("$close") / past - 1).cast(pl.Float32)
    return rows.select(value.alias("('feature', 'M')"), "datetime", "instrument")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Provide a folder of workspaces with one experiment, and prices next to it."""
    root = tmp_path / "git" / "workspaces"
    folder = make_workspace(root, OWN, factors=None)
    momentum().write_parquet(folder / "combined_factors_df.parquet")
    pandas_prices(tmp_path / "git" / PRICES)
    return root


def synced(lake: Lake, tmp_path: Path, place: Path, code: str) -> tuple[Lake, Path]:
    write_factors(tmp_path / "log", {"M": code})
    opened = taken(lake, tmp_path / "log")
    Library(opened).ingest(place, charts=False)
    root = tmp_path / "lib"
    root.mkdir()
    assert sync(opened, root, None, allow_unsafe=True)[0].entries == 1
    return opened, root


def verified(opened: Lake, root: Path, place: Path) -> Verification:
    limits = RunLimits(60, unprotected=bool(closes_in(root)))
    (only,) = verify(opened, root, StoredInputs((place,)), python=sys.executable, limits=limits)
    return only


@pytest.mark.slow
def test_what_was_back_tested_comes_out_again(lake: Lake, tmp_path: Path, place: Path) -> None:
    found = verified(*synced(lake, tmp_path, place, code_of("M")), place)
    assert (found.verdict, found.rows, found.otherwise, found.beyond) == ("equal", 90, 0, 0)
    assert found.against == f"{OWN}/combined_factors_df.parquet"
    assert found.largest is not None and found.largest <= 1e-8


@pytest.mark.slow
def test_other_code_is_told_with_its_difference(lake: Lake, tmp_path: Path, place: Path) -> None:
    found = verified(*synced(lake, tmp_path, place, code_of("M", 2)), place)
    assert found.verdict == "differs" and found.otherwise and found.largest
    one, two = (momentum(each)["('feature', 'M')"].to_numpy() for each in (1, 2))
    both = np.isfinite(one) & np.isfinite(two)
    assert abs(found.largest - np.abs(one[both] - two[both]).max()) < 1e-7


@pytest.mark.slow
def test_code_that_reaches_out_is_stopped(lake: Lake, tmp_path: Path, place: Path) -> None:
    code = "import socket\nsocket.create_connection(('127.0.0.1', 9))\n" + code_of("M")
    found = verified(*synced(lake, tmp_path, place, code), place)
    assert found.verdict == "cannot be run" and "not in a factor" in (found.reason or "")


def test_values_that_are_gone_or_others_are_told(lake: Lake, tmp_path: Path, place: Path) -> None:
    opened, root = synced(lake, tmp_path, place, code_of("M"))
    table = place / OWN / "combined_factors_df.parquet"
    table.write_bytes(table.read_bytes()[:-1] + b"2")
    found = verified(opened, root, place)
    assert found.verdict == "values gone" and "another file by now" in (found.reason or "")
    table.unlink()
    assert "is not there" in (verified(opened, root, place).reason or "")


def test_a_changed_library_is_not_run(lake: Lake, tmp_path: Path, place: Path) -> None:
    opened, root = synced(lake, tmp_path, place, code_of("M"))
    (original,) = (root / "rd_factors_lib" / "originals").iterdir()
    original.write_text(code_of("M", 3))
    assert "not what was written" in (verified(opened, root, place).reason or "")


def test_an_unknown_factor_is_refused(lake: Lake, tmp_path: Path, place: Path) -> None:
    opened, root = synced(lake, tmp_path, place, code_of("M"))
    with pytest.raises(BadInput, match="no factor N"):
        list(
            verify(opened, root, StoredInputs(()), names=["N"], python="python", limits=RunLimits())
        )


def test_a_difference_sees_each_way_to_be_otherwise() -> None:
    stored = pl.DataFrame(
        {"day": [0, 1, 2, 3], "instrument": ["SH600000"] * 4, "value": [1.0, None, 3.0, 1e6]},
        schema_overrides={"day": pl.Int32},
    )

    def against(*values: float, codes: str = "600000.SH") -> ValueDifference:
        days = np.arange(len(values), dtype=np.int64) * 86_400 * 10**9
        made = Values(days, np.array([codes] * len(values)), np.array(values), "M")
        return compare_values(stored, made)

    nan = float("nan")
    assert against(1.0, nan, 3.0, 1e6) == ValueDifference(4, 0, 0.0, 0)
    assert against(1.0 + 9e-9, nan, 3.0, 1e6 + 1e-3).otherwise == 0
    assert against(1.0 + 2e-8, nan, 3.0, 1e6).otherwise == 1
    assert against(1.0, 2.0, 3.0, 1e6).otherwise == 1
    assert against(1.0, nan, nan, 1e6).otherwise == 1
    assert against(1.0, nan, 3.0, 1e6, 5.0).beyond == 1
    assert against(1.0, nan, 3.0, 1e6, codes="SZ000001") == ValueDifference(4, 3, None, 3)


@pytest.mark.slow
@needs_shared
def test_every_factor_of_the_corpus_is_equal_to_its_stored_column(tmp_path: Path) -> None:
    place = CORPUS / "git_ignore_folder" / "RD-Agent_workspace"
    opened = init_store(tmp_path / "lake")
    Library(opened).ingest(
        place,
        registries=[CORPUS / "RDagentDB" / "registry.sqlite"],
        maps=[f"/mnt/f/Dev/RD-Agent-main={CORPUS}"],
        charts=False,
    )
    root = tmp_path / "lib"
    root.mkdir()
    assert sync(opened, root, None)[0].entries == 7
    assert sync(opened, root, None)[0].status == "unchanged"
    limits = RunLimits(unprotected=bool(closes_in(tmp_path)))
    found = list(verify(opened, root, StoredInputs((place,)), python=sys.executable, limits=limits))
    assert [each.verdict for each in found] == ["equal"] * 7
    assert all((each.largest or 0) <= 1e-8 and not each.beyond for each in found)
    assert sum(each.rows or 0 for each in found) == 4 * 106_335 + 3 * 94_263
    Library(opened).publish()
    query = "SELECT name, impl_module, impl_version, interface_info FROM factor_catalog"
    with Library(opened).connect() as connection:
        rows = connection.execute(query).fetchall()
    assert len(rows) == 7
    for name, module, version, info in rows:
        assert module.startswith(f"rd_factors_lib.{name}_") and version == "1"
        assert info == {"type": "function", "standard_wrapper": f"factor_{name}"}
