"""The contract over a large lake: the first page of every view, one row by its key, a process of
its own, and the publication of one more experiment. The tables are made directly, not by ingest."""

from __future__ import annotations

import statistics
import subprocess
import sys
from datetime import date, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from bench.figures import Figure, seconds
from rdlake.catalog.contract import current_contract
from rdlake.catalog.publish import publish
from rdlake.schema.frames import frame_of
from rdlake.schema.sql import identifier, literal
from rdlake.schema.tables import TABLES, table
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store

LOOPS, DAYS, FACTORS, NAMES, STRATEGIES = 100_000, 200, 5, 20_000, 2_000
WINDOWS = ("test", "all")
FIRST_DAY = date(2020, 1, 1)
BATCH = 5_000
REPEATS = 7
PAGE_MS, LOOKUP_MS, FRESH_MS, PUBLISH_S = 50, 10, 150, 2
ABOUT_ITSELF = {"catalog_info", "catalog_versions"}

FRESH = """
import sys, time, duckdb
started = time.perf_counter()
reader = duckdb.connect()
reader.execute("ATTACH '" + sys.argv[1] + "' AS rd (READ_ONLY)")
reader.execute("USE rd")
reader.execute(sys.argv[2]).fetchall()
print(time.perf_counter() - started)
"""


def of_the_contract(folder: Path, loops: int = LOOPS) -> list[Figure]:
    """Every figure; `loops` back-tests of 200 days and 5 factors in 2 windows each."""
    lake = init_store(folder / "large")
    for first in range(0, loops, BATCH):
        fill(lake, range(first, min(first + BATCH, loops)))
    for entry in TABLES:  # as upkeep leaves them
        lake.compact(entry.name)
    first_time = seconds(lambda: publish(lake))
    fill(lake, range(loops, loops + 1))
    one_more = seconds(lambda: publish(lake))
    return [
        Figure("publish all", first_time, "s", None),
        Figure("publish one more", one_more, "s", PUBLISH_S),
        *asking(lake),
    ]


def asking(lake: Lake) -> list[Figure]:
    """Medians of the first page of every view, by its key, and of one row of the page; of the
    largest first pages also in a fresh process, attaching included."""
    figures, pages = [], {}
    catalog = str(lake.root / "catalog.duckdb")
    with duckdb.connect() as reader:
        reader.execute(f"ATTACH {literal(catalog)} AS rd (READ_ONLY)")
        reader.execute("USE rd")
        for view, key in current_contract().keys.items():
            if view in ABOUT_ITSELF:
                continue
            order = ", ".join(map(identifier, key))
            page = f"FROM {view} ORDER BY {order} LIMIT 50"
            rows = reader.execute(f"SELECT {order} {page}").fetchall()
            if not rows:
                continue
            where = " AND ".join(
                f"{identifier(name)} = {literal(str(value))}"
                for name, value in zip(key, rows[len(rows) // 2], strict=True)
            )
            pages[view] = median(reader, page)
            figures.append(Figure(f"page of {view}", pages[view], "ms", PAGE_MS))
            found = median(reader, f"FROM {view} WHERE {where}")
            figures.append(Figure(f"one of {view}", found, "ms", LOOKUP_MS))
    slowest = sorted(pages, key=lambda view: pages[view])[-3:]
    for view in slowest:
        order = ", ".join(map(identifier, current_contract().keys[view]))
        figures.append(fresh(catalog, view, f"FROM {view} ORDER BY {order} LIMIT 50"))
    return figures


def median(reader: duckdb.DuckDBPyConnection, query: str) -> float:
    """Milliseconds."""
    times = [seconds(lambda: reader.execute(query).fetchall()) for _ in range(REPEATS)]
    return statistics.median(times) * 1000


def fresh(catalog: str, view: str, query: str) -> Figure:
    """The query in a new process, from attaching on."""
    times = [
        float(subprocess.check_output([sys.executable, "-c", FRESH, catalog, query]))
        for _ in range(3)
    ]
    return Figure(f"fresh page of {view}", statistics.median(times) * 1000, "ms", FRESH_MS)


def fill(lake: Lake, numbers: range, days: int = DAYS) -> None:
    """One batch of experiments, with all that the contract makes of them."""
    chance = np.random.default_rng(numbers.start)
    ids = [f"{number * 2654435761 % 2**32:08x}" * 4 for number in numbers]
    frames = {
        "feedback": _feedback(ids),
        "factors": _factors(ids, numbers),
        "factor_perf": _perf(ids, numbers, chance),
        "factor_combinations": _combinations(ids, numbers),
        "equity_curves": _curves(ids, chance, days),
        "artifacts": _artifacts(ids),
        "strategies": _strategies(),
        "workspaces": pl.DataFrame({"workspace_id": ids, "role": "experiment"}),
        "loops": _loops(ids, numbers, chance, days),
        "ingests": pl.DataFrame(
            {
                "batch_id": f"{numbers.start}",
                "workspace_id": ids,
                "role": "experiment",
                "status": "ok",
            }
        ),
    }
    frames = {name: _read_whole(name, rows) for name, rows in frames.items()}
    strategies = frames["strategies"]["strategy_id"].to_list()
    lake.commit(frames, {"workspace_id": ids, "belongs_to": strategies})


def _read_whole(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """With the digests that say that all rows of a workspace were read from the same files."""
    digests = {"source_digest", "folder_digest"} & set(table(name).column_names)
    if "workspace_id" not in rows.columns:
        return rows
    return rows.with_columns(pl.col("workspace_id").alias(digest) for digest in digests)


def _times(numbers: range) -> list[datetime]:
    return [datetime(2020, 1, 1) + timedelta(minutes=number) for number in numbers]


def _names(number: int) -> list[str]:
    return [f"factor_{(number * FACTORS + each) % NAMES}" for each in range(FACTORS)]


def _loops(ids: list[str], numbers: range, chance: np.random.Generator, days: int) -> pl.DataFrame:
    figure = chance.normal(size=len(ids))
    return _typed(
        "loops",
        [
            {
                "task_run_id": f"run_{number // 20:06d}", "loop_id": number % 20,
                "workspace_id": each, "experiment_id": f"run_{number // 20:06d}/{number % 20}",
                "role": "experiment" if number % 20 else "baseline", "action": "factor",
                "status": "success", "has_result": True, "has_curve": True, "curve_days": days,
                "curve_start": FIRST_DAY, "curve_end": FIRST_DAY + timedelta(days - 1),
                "strategy_id": f"strategy_{number % STRATEGIES}", "factor_names": _names(number),
                "metrics": {"IC": value, "Rank IC": value}, "ic": value, "annual_return": value,
                "decision": number % 3 == 0, "created_at": time,
            }
            for each, number, value, time in zip(
                ids, numbers, figure.tolist(), _times(numbers), strict=True
            )
        ],
    )  # fmt: skip


def _typed(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    return frame_of(table(name), rows)


def _feedback(ids: list[str]) -> pl.DataFrame:
    text = "what was seen, and what it means for the hypothesis; " * 4
    return pl.DataFrame({"workspace_id": ids}).with_columns(
        pl.lit(text).alias("summary_execution"), pl.lit(text).alias("hypothesis")
    )


def _factors(ids: list[str], numbers: range) -> pl.DataFrame:
    times = _times(numbers)
    names = [name for number in numbers for name in _names(number)]
    return pl.DataFrame(
        {
            "source": "rdagent_generated",
            "workspace_id": [each for each in ids for _ in range(FACTORS)],
            "factor_name": names,
            "position": [place for _ in ids for place in range(FACTORS)],
            "description_cn": "of the bench",
            "created_at": [time for time in times for _ in range(FACTORS)],
            "code_sha256": [_digest(name) for name in names],
            "values_sha256": [_digest(name + " values") for name in names],
            "value_fingerprint": [[_digest(name + day) for day in "12345"] for name in names],
        }
    )


@cache
def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _perf(ids: list[str], numbers: range, chance: np.random.Generator) -> pl.DataFrame:
    count = len(ids) * FACTORS * len(WINDOWS)
    return pl.DataFrame(
        {
            "workspace_id": np.repeat(ids, FACTORS * len(WINDOWS)),
            "factor_name": np.repeat(
                [n for number in numbers for n in _names(number)], len(WINDOWS)
            ),
            "window": list(WINDOWS) * (len(ids) * FACTORS),
            "ic_days": 260,
            "rank_ic_mean": chance.normal(size=count),
            "ic_mean": chance.normal(size=count),
            "coverage": chance.random(count),
            "annual_return": chance.normal(size=count),
        }
    )


def _combinations(ids: list[str], numbers: range) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "workspace_id": ids,
            "name": "main",
            "window": "test",
            "factor_names": [_names(number) for number in numbers],
            "annual_return": [float(number) for number in numbers],
        }
    )


def _curves(ids: list[str], chance: np.random.Generator, length: int) -> pl.DataFrame:
    days = [FIRST_DAY + timedelta(day) for day in range(length)]
    count = len(ids) * length
    change = chance.normal(size=count) / 100
    return pl.DataFrame(
        {
            "workspace_id": np.repeat(sorted(ids), length),
            "date": days * len(ids),
            "net_return": change,
            "nav": 1 + change,
            "drawdown": -np.abs(change),
        }
    )


def _artifacts(ids: list[str]) -> pl.DataFrame:
    paths = ("qlib_res.csv", "ret.pkl", "conf_combined_factors.yaml", "feedback.json")
    return pl.DataFrame(
        {
            "workspace_id": [each for each in ids for _ in paths],
            "path": list(paths) * len(ids),
            "kind": "file",
            "size": 1000,
            "sha256": [_digest(each + path) for each in ids for path in paths],
            "state": "present",
        }
    )


def _strategies() -> pl.DataFrame:
    return _typed(
        "strategies",
        [
            {
                "strategy_id": f"strategy_{number}", "belongs_to": f"strategy_{number}",
                "market": "csi300", "model_class": "LGBModel",
                "strategy_class": "TopkDropoutStrategy", "topk": 50, "n_drop": 5,
                "settings": {"task.model.kwargs.num_leaves": str(number), "topk": "50"},
            }
            for number in range(STRATEGIES)
        ],
    )  # fmt: skip
