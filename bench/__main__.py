"""Measure rdlake on demo experiments: from folders to answers, as ratios and times.

Without an option, everything but --factors, --contract, --exports and --charts is measured. The
baseline is what a notebook would do: pandas.read_csv and pandas.read_parquet per experiment.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

import rdlake
from bench.archive import measure_archive
from bench.contract import LOOPS, of_the_contract
from bench.exports import measure_exports
from bench.factors import measure_factors
from bench.figures import Figure, seconds
from bench.fork import measure_fork
from bench.keeping import measure_keeping
from bench.logs import measure_logs
from bench.notebook import read_with_pandas
from bench.scanned import measure_delta_scan
from bench.store import measure_growth, measure_publication
from rdlake.catalog.contract import current_contract
from rdlake.catalog.publish import publish
from rdlake.demo import write_demo
from rdlake.schema.sql import literal
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store
from tests.ingesting import ingest

REPEATS = 5
TOP_LOOPS = """
    SELECT experiment_id, workspace_id, action, annual_return, max_drawdown, information_ratio,
           ic, rank_ic, sharpe, win_rate
    FROM loop_catalog ORDER BY annual_return DESC NULLS LAST LIMIT 20
"""
ONE_CURVE = "SELECT date, nav FROM equity_curve WHERE workspace_id = ? ORDER BY date"

CURVES = "SELECT workspace_id FROM loop_catalog WHERE has_curve ORDER BY ALL"


def measure_ingest(lake: Lake, workspaces: Path) -> list[Figure]:
    """Ingest and publish. pandas reads before and after, because the machine drifts."""
    before = seconds(lambda: read_with_pandas(workspaces))
    ingested = seconds(lambda: ingest(lake, [workspaces], keep="none"))
    after = seconds(lambda: read_with_pandas(workspaces))
    again = min(seconds(lambda: ingest(lake, [workspaces], keep="none")) for _ in range(3))
    published = seconds(lambda: publish(lake))
    print(f"pandas {before:.2f} s and {after:.2f} s, ingest {ingested:.2f} s", file=sys.stderr)
    return [
        Figure(
            "ingest with statistics / pandas without", ingested / ((before + after) / 2), "×", None
        ),
        Figure("unchanged ingest", again, "s", 1.0),
        Figure("publish", published, "s", 0.5),
    ]


def measure_queries(lake: Lake) -> list[Figure]:
    """Return the median times that a reader with plain DuckDB waits."""
    catalog = lake.root / "catalog.duckdb"

    def attach_and_ask() -> None:
        with duckdb.connect() as reader:
            reader.execute(f"ATTACH '{catalog}' AS rd (READ_ONLY)")
            reader.execute("SELECT count(*) FROM rd.loop_catalog").fetchall()

    first = statistics.median(seconds(attach_and_ask) for _ in range(REPEATS))
    with duckdb.connect() as reader:
        reader.execute(f"ATTACH '{catalog}' AS rd (READ_ONLY)")
        reader.execute("USE rd")
        ids = reader.execute(CURVES).fetchall()
        top = [seconds(lambda: reader.execute(TOP_LOOPS).fetchall()) for _ in range(20)]

        def ask_curve(workspace: tuple[str]) -> float:
            return seconds(lambda: reader.execute(ONE_CURVE, workspace).fetchall())

        curves = [ask_curve(one) for one in ids[:: len(ids) // 20]]
    return [
        Figure("attach and first query", first * 1000, "ms", 50),
        Figure("top 20 loops", statistics.median(top) * 1000, "ms", 5),
        Figure("one curve", statistics.median(curves) * 1000, "ms", 10),
    ]


def list_queries(lake: Lake) -> dict[str, str]:
    """Return the queries that are also asked of `delta_scan`.

    For every view these count its rows, and read the row in the middle by its key.
    """
    queries = {}
    with rdlake.connect(lake.root) as reader:
        for view, key in current_contract().keys.items():
            columns = ", ".join(key)
            rows = reader.execute(f"SELECT {columns} FROM {view} ORDER BY {columns}").fetchall()
            queries[f"rows of {view}"] = f"SELECT count(*) FROM {view}"
            for row in rows[len(rows) // 2 :][:1]:
                values = zip(key, row, strict=True)
                where = " AND ".join(f"{name} = {literal(str(value))}" for name, value in values)
                queries[f"one of {view}"] = f"FROM {view} WHERE {where}"
        (one,) = reader.execute(f"{CURVES} LIMIT 1").fetchall()[0]
    return queries | {"top 20 loops": TOP_LOOPS, "one curve": ONE_CURVE.replace("?", f"'{one}'")}


def main() -> int:
    """Measure what the options name and print the figures; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--experiments", type=int, default=2000, metavar="N", help="how many demo experiments"
    )
    parser.add_argument(
        "--charts",
        action="store_true",
        help="measure only what keeping content costs an ingest, and drawing charts",
    )
    parser.add_argument(
        "--store",
        action="store_true",
        help="measure only commits and publications as the store grows, and reads by delta_scan",
    )
    parser.add_argument(
        "--factors",
        action="store_true",
        help="measure only the statistics of factors: against pandas, repeated, and their memory",
    )
    parser.add_argument(
        "--contract",
        action="store_true",
        help="measure only the views of a large lake: publishing it and asking it; with "
        "--loops 4000 a lake in which every view still is one file",
    )
    parser.add_argument(
        "--archive",
        action="store_true",
        help="measure only an archive, against cp and sha256sum of the same bytes",
    )
    parser.add_argument(
        "--exports",
        action="store_true",
        help="measure only the JSON and Parquet exports of a large lake: seconds and memory",
    )
    parser.add_argument(
        "--loops",
        type=int,
        default=LOOPS,
        metavar="N",
        help="how many loops the large lake of --contract and --exports has (default %(default)s)",
    )
    arguments = parser.parse_args()
    count = arguments.experiments
    with tempfile.TemporaryDirectory() as folder:
        if arguments.factors:
            return report_figures(measure_factors(Path(folder)))
        if arguments.contract:
            return report_figures(of_the_contract(Path(folder), arguments.loops))
        if arguments.exports:
            return report_figures(measure_exports(Path(folder), arguments.loops))
        demo = Path(folder) / "demo"
        started = time.perf_counter()
        report = write_demo(demo, experiments=count, seed=1)
        demo_seconds = time.perf_counter() - started
        if arguments.charts:
            return report_figures(measure_keeping(Path(folder), report.workspaces))
        if arguments.archive:
            return report_figures(measure_archive(Path(folder), report.workspaces))
        lake = init_store(Path(folder) / "lake")
        written = measure_ingest(lake, report.workspaces)
        figures = [Figure(f"demo of {count}", demo_seconds, "s", 40.0 * count / 2000), *written]
        figures += [*measure_queries(lake), *measure_logs(Path(folder), report)]
        figures += [
            *measure_fork(Path(folder), count),
            *measure_archive(Path(folder), report.workspaces),
        ]
        figures = [] if arguments.store else figures
        figures += measure_delta_scan(lake, Path(folder), list_queries(lake))
        figures += [*measure_publication(lake), *measure_growth(Path(folder))]
    return report_figures(figures)


def report_figures(figures: Sequence[Figure]) -> int:
    """Print the figures; return 1 if a goal is missed."""
    print(*figures, sep="\n")
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
