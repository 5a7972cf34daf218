"""Test that a long table is read column by column: more columns need no more memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.factors.statistics.world import make_factors

DAYS, CODES = 1_000, 1_000
MIB = 1 << 20
PROGRAM = """
import resource, sys
import rdlake
rdlake.init_lake(sys.argv[1]).ingest(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak(folder: Path, columns: int) -> int:
    """Return the peak memory of a process that ingests such a table."""
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=(columns, DAYS * CODES))
    frame = pl.DataFrame(
        {
            **{f"F{place}": each for place, each in enumerate(numbers)},
            "datetime": pl.Series(np.repeat(np.arange(14_000, 14_000 + DAYS), CODES)).cast(pl.Date),
            "instrument": [f"SH{number:06}" for number in range(CODES)] * DAYS,
        }
    )
    make_factors(folder / "ws", frame)
    command = [sys.executable, "-c", PROGRAM, str(folder / "lake"), str(folder / "ws")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.mark.slow
def test_more_columns_need_no_more_memory(tmp_path: Path) -> None:
    few, many = peak(tmp_path / "few", 2), peak(tmp_path / "many", 14)
    held = 12 * DAYS * CODES * 8
    assert many - few < held / 2, f"{few / MIB:.0f} and {many / MIB:.0f} MiB"
