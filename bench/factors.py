"""Measure the statistics of factors, and the same figures by pandas.

`python -m bench.factors DAYS INSTRUMENTS FACTORS` prints, as JSON, the seconds and the peak memory
of an ingest of one such table.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from bench.figures import Figure, seconds
from rdlake.demo import write_demo
from rdlake.sources.backtest.prices import PRICES
from rdlake.store.opening import init_store
from tests.builders import make_workspace
from tests.builders_prices import write_prices
from tests.ingesting import ingest

FILE = "combined_factors_df.parquet"
KEYS = ["datetime", "instrument"]
SHARES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
GIB = 1 << 30


def measure_factors(folder: Path) -> list[Figure]:
    """Return figures with these goals: five times as fast as pandas; a loop that repeats old
    factors at a third of the first; a market of 4,000 within 2.5 GB; 2,000 experiments within 1
    GB."""
    root = write_world(folder / "pandas", days=1_000, instruments=500, factors=8)
    lake = init_store(folder / "pandas-lake")
    before = seconds(lambda: compute_with_pandas(root))
    ours = seconds(lambda: ingest(lake, [root]))
    after = seconds(lambda: compute_with_pandas(root))
    print(f"pandas {before:.2f} s and {after:.2f} s, ingest {ours:.2f} s", file=sys.stderr)
    repeat(root)
    again = seconds(lambda: ingest(lake, [root]))
    large = run_ingest("2500", "4000", "3")
    many = run_ingest("demo")
    return [
        Figure("ingest with statistics / pandas", ours / ((before + after) / 2), "×", 0.2),
        Figure("loop of old factors / first loop", again / ours, "×", 1 / 3),
        Figure("2,500 days × 4,000 × 3", large["seconds"], "s", None),
        Figure("2,500 days × 4,000 × 3: memory", large["memory"] / GIB, "GiB", 2.5 / 1.0737),
        Figure("2,000 experiments: memory", many["memory"] / GIB, "GiB", 1.0),
    ]


def write_world(folder: Path, days: int, instruments: int, factors: int) -> Path:
    """Write one workspace with such a table of factors, and its prices; return the root to read."""
    rng = np.random.default_rng(1)
    calendar = pd.bdate_range("2010-01-04", periods=days + 2).to_numpy()
    codes = [f"SH{600_000 + number}" for number in range(instruments)]
    keys = pl.DataFrame({"datetime": calendar}).join(
        pl.DataFrame({"instrument": codes}), how="cross"
    )
    closes = 10 * np.exp(rng.normal(0, 0.02, (days + 2, instruments)).cumsum(axis=0))
    file = folder / PRICES
    file.parent.mkdir(parents=True)
    write_prices(file, keys.with_columns(pl.Series("$close", closes.astype("f4").ravel())))
    root = folder / "RD-Agent_workspace"
    path = make_workspace(root, "a" * 32, factors=None) / FILE
    head = keys.head(days * instruments)
    head.select(
        *(
            pl.Series(f"('feature', 'F{place}')", rng.normal(size=head.height).astype("f4"))
            for place in range(factors)
        ),
        *KEYS,
    ).write_parquet(path)
    return root


def repeat(root: Path) -> None:
    """Write the next loop, which has the same factors again."""
    path = make_workspace(root, "b" * 32, factors=None) / FILE
    path.write_bytes((root / ("a" * 32) / FILE).read_bytes())


def compute_with_pandas(root: Path) -> pd.DataFrame:
    """Return IC, rank IC and distribution of each factor, as a notebook would compute them."""
    closes = read_closes(root.parent / PRICES)
    label = (closes.shift(-2) / closes.shift(-1) - 1).stack().rename("label")
    frame = pd.read_parquet(root / ("a" * 32) / FILE).set_index(KEYS)
    figures_of = {}
    for column in frame:
        pair = pd.concat([frame[column], label], axis=1, join="inner").dropna()
        days = pair.groupby(level="datetime")
        ic = days.apply(lambda day: day.iloc[:, 0].corr(day["label"]))
        rank = days.apply(lambda day: day.iloc[:, 0].rank().corr(day["label"].rank()))
        values = frame[column]
        figures = [ic.mean(), ic.std(), rank.mean(), rank.std(), values.mean(), values.std()]
        figures_of[column] = figures + values.quantile(SHARES).to_list()
    return pd.DataFrame(figures_of)


def read_closes(file: Path) -> pd.DataFrame:
    """Return closes by day and instrument. pandas' own reader needs another package, so rdlake
    reads the file."""
    from rdlake.sources.formats.hdf5 import read_hdf5_frame

    frame, _ = read_hdf5_frame(file, file.name, ["$close"])
    assert frame is not None
    values = frame.to_pandas().astype({"$close": float})
    return values.pivot(index="datetime", columns="instrument", values="$close")


def run_ingest(*arguments: str) -> dict[str, float]:
    """Return what an ingest in a process of its own took."""
    command = [sys.executable, "-m", "bench.factors", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(*arguments: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = [sys.executable, "-m", "bench.factors", "--write", name, *arguments]
        subprocess.run(world, check=True)
        lake = init_store(folder / "lake")
        (root,) = folder.rglob("RD-Agent_workspace")
        took = seconds(lambda: ingest(lake, [root]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    json.dump({"seconds": took, "memory": peak}, sys.stdout)


def write(folder: Path, *arguments: str) -> None:
    """Write what is to be read, in another process, so that its memory does not count."""
    if arguments == ("demo",):
        write_demo(folder / "demo", experiments=2_000, seed=1)
    else:
        days, instruments, factors = map(int, arguments)
        write_world(folder / "world", days, instruments, factors)


if __name__ == "__main__":
    if sys.argv[1] == "--write":
        write(Path(sys.argv[2]), *sys.argv[3:])
    else:
        main(*sys.argv[1:])
