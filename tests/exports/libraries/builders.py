"""Make a lake with factors that RD-Agent accepted, from logs: `lake_of(lake, tmp_path, code=…)`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rdlake.library import Library
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.builders_prices import few_prices
from tests.builders_traces import KEY, STARTED, make_loop, make_proposal, write_run

CODE = """import pandas as pd


def calculate():
    df = pd.read_hdf("daily_pv.h5", key="data")
    close = df["$close"].unstack("instrument")
    value = (close / close.shift({days}) - 1).stack(future_stack=True)
    value.to_frame("{name}").astype("float32").to_hdf("result.h5", key="data", mode="w")


if __name__ == "__main__":
    calculate()
"""


def code_of(name: str, days: int = 1) -> str:
    return CODE.format(name=name, days=days)


def write_factors(
    logs: Path, codes: Mapping[str, str], *, number: int = 0, decision: bool = True
) -> Path:
    """Write a run of one loop that proposed this code by name, and RD-Agent's decision on it."""
    proposals = tuple(make_proposal(name, code=code) for name, code in codes.items())
    said = {"observations": "observed", "decision": decision}
    loop = make_loop(number, proposals=proposals, said=said, baseline=None)
    return write_run(logs, loop, started=STARTED.replace(hour=9 + number))


def taken(lake: Lake, logs: Path) -> Lake:
    """Return the lake with these logs."""
    opened = open_store(lake.root)
    Library(opened).ingest(logs=[logs], signing_key=KEY, charts=False)
    return opened


def pandas_prices(path: Path) -> Path:
    """Return the few prices, as pandas writes and reads them."""
    import pandas as pd

    rows = few_prices()
    path.parent.mkdir(parents=True, exist_ok=True)
    days = pd.DatetimeIndex(rows["datetime"].to_numpy()).as_unit("ns")
    index = pd.MultiIndex.from_arrays(
        [days, rows["instrument"].to_list()], names=["datetime", "instrument"]
    )
    closes = pd.DataFrame({"$close": rows["$close"].to_numpy()}, index=index)
    closes.to_hdf(path, key="data", mode="w")
    return path
