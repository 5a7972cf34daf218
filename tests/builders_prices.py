"""Make prices as RD-Agent keeps them beside its workspaces: `make_prices(root, …)`."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import polars as pl

from rdlake.sources.backtest.prices import PRICES

FEW = ("SH000300", "SH600000", "SZ000001")


def few_prices(days: int = 30) -> pl.DataFrame:
    """Return closes of three instruments that go their own ways."""
    start = np.datetime64("2020-01-01")
    return pl.DataFrame(
        {
            "datetime": np.repeat(start + np.arange(days), len(FEW)),
            "instrument": list(FEW) * days,
            "$close": [
                10 + place + ((day * (place + 2)) % 7) / 10
                for day in range(days)
                for place in range(len(FEW))
            ],
        }
    )


def make_prices(root: Path, prices: pl.DataFrame | None = None) -> Path:
    """Write daily_pv.h5 where it belongs to the workspaces below `root`."""
    path = root.parent / PRICES
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_prices(path, few_prices() if prices is None else prices)


def write_prices(path: Path, prices: pl.DataFrame) -> Path:
    """Write a frame with the columns datetime, instrument and others, in pandas' fixed format."""
    columns = [name.encode() for name in prices.columns if name not in ("datetime", "instrument")]
    times = prices["datetime"].cast(pl.Datetime("ns"))
    days, codes = np.unique(times.to_physical().to_numpy(), return_inverse=True)
    names, places = np.unique(prices["instrument"].to_numpy().astype("S"), return_inverse=True)
    with h5py.File(path, "w") as file:
        group = file.create_group("data")
        group["axis0"], group["block0_items"] = np.array(columns), np.array(columns)
        group["block0_values"] = prices.drop("datetime", "instrument").to_numpy()
        group["axis1_level0"], group["axis1_label0"] = days, codes.astype("i4")
        group["axis1_level0"].attrs["kind"] = np.bytes_(b"datetime64[ns]")
        group["axis1_level1"], group["axis1_label1"] = names, places.astype("i4")
        group["axis1_level1"].attrs["kind"] = np.bytes_(b"string")
    return path
