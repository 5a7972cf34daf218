"""Write the report of a factor: what it is, its own figures, where it was used, its code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import polars as pl

from rdlake.exports.charts.canvas import Canvas
from rdlake.exports.charts.factors import (
    plot_cumulative_ic,
    plot_ic_histogram,
    plot_quintiles,
)
from rdlake.exports.reports import page
from rdlake.exports.reports.version_reader import VersionReader

MOST = 100
"""So many of its latest windows are listed."""
IDENTITY = (
    *("source", "expression", "formula_hint", "description_cn", "variables", "tags", "region"),
    *("freq", "align", "nan_policy", "created_at_utc", "experiments", "first_experiment_id"),
    *("latest_experiment_id", "performance_basis", "combination_names", "impl_module", "impl_func"),
    *("impl_version", "expression_fingerprint"),
)
WINDOWS = (
    'experiment_id, window_name, "start", "end", rank_ic_mean, rank_ic_ir, ic_mean, ic_ir, '
    "ic_days, annual_return, sharpe, max_drawdown, coverage"
)
CAPTIONS = "of the window {window}, {start_date} to {end_date}, in the workspace {workspace_id}"


def factor_page(reader: VersionReader, name: str) -> str | None:
    """Return the page; None when the version has no such factor."""
    factors = reader.rows("SELECT * FROM factor_catalog WHERE name = ? ORDER BY source", name)
    if not factors:
        return None
    meanings = reader.meanings("factor_catalog")
    several = len(factors) > 1
    sections = [
        page.section(
            f"The factor of {row['source']}" if several else "The factor",
            page.fields(row, IDENTITY, meanings),
        )
        for row in factors
    ]
    windows = reader.rows(
        f"SELECT {WINDOWS} FROM factor_windows WHERE factor_name = ? "
        f"ORDER BY created_at DESC NULLS LAST, workspace_id, window_name LIMIT {MOST}",
        name,
    )
    alike = reader.rows(
        "SELECT * FROM factor_duplicates WHERE name = $1 OR other_name = $1 ORDER BY ALL", name
    )
    return page.document(
        name,
        f"Factor · {reader.about}",
        [
            *sections,
            page.section("Days", *_days(reader, name)),
            page.section("Figures", page.table(windows, reader.meanings("factor_windows"))),
            page.section("Factors alike", page.table(alike, reader.meanings("factor_duplicates"))),
            page.section("Feedback", *_feedback(reader, name)),
            page.section("Code", *_code(reader, name), new_page=True),
        ],
    )


def _days(reader: VersionReader, name: str) -> Iterator[str]:
    """Yield charts of the newest experiment that has an IC of the factor."""
    perf = reader.rows(
        """
        SELECT perf.* FROM rdlake_tables.factor_perf AS perf
        LEFT JOIN rdlake_tables.loops AS loops ON loops.workspace_id = perf.workspace_id
        WHERE perf.factor_name = ? AND perf.ic_days > 0 AND perf.series_id IS NOT NULL
        ORDER BY loops.created_at DESC NULLS LAST, perf.workspace_id DESC,
                 array_position(['test', 'all', 'valid', 'train'], perf."window")
        LIMIT 1
        """,
        name,
    )
    for row in perf:
        days = reader.frame(
            "SELECT date, ic, rank_ic FROM rdlake_tables.factor_ic "
            "WHERE series_id = ? AND date BETWEEN ? AND ? ORDER BY date",
            *(row["series_id"], row["start_date"], row["end_date"]),
        )
        if days.is_empty():
            return
        where = CAPTIONS.format(**row)
        with Canvas() as canvas:
            yield page.figure(
                canvas.drawing(partial(plot_cumulative_ic, days)), f"IC summed over days, {where}"
            )
            yield page.figure(
                canvas.drawing(partial(plot_ic_histogram, days)), f"days by their IC, {where}"
            )
            yield page.figure(
                canvas.drawing(partial(plot_quintiles, _fifths(row))),
                f"what each fifth of the instruments earned in a day on average, {where}",
            )


def _fifths(row: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame({"fifths": [row["fifths"]]}, schema={"fifths": pl.List(pl.Float64)})


def _feedback(reader: VersionReader, name: str) -> Iterator[str]:
    """Yield the feedback on experiments that used the factor, the latest first."""
    rows = reader.rows(
        """
        SELECT loops.experiment_id, loops.decision, feedback.tested_hypothesis,
               feedback.summary_execution, feedback.summary_value_feedback
        FROM rdlake_tables.factors AS factors
        JOIN rdlake_tables.loops AS loops ON loops.workspace_id = factors.workspace_id
        JOIN rdlake_tables.feedback AS feedback ON feedback.workspace_id = loops.workspace_id
        WHERE factors.factor_name = ?
        ORDER BY loops.created_at DESC NULLS LAST, loops.workspace_id LIMIT 10
        """,
        name,
    )
    yield page.table(rows, reader.meanings("loop_catalog"))


def _code(reader: VersionReader, name: str) -> Iterator[str]:
    """Yield each different code of the factor."""
    rows = reader.rows(
        """
        SELECT code_sha256, min(workspace_id) AS workspace_id FROM rdlake_tables.factors
        WHERE factor_name = ? AND code_sha256 IS NOT NULL GROUP BY code_sha256 ORDER BY code_sha256
        """,
        name,
    )
    texts = reader.texts({row["code_sha256"] for row in rows})
    for row in rows:
        digest = row["code_sha256"]
        yield page.code(digest, texts.get(digest, "its content is not kept in the lake"))
