"""Add a table of factors from elsewhere, measured like RD-Agent's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from rdlake.domain.experiment import Finding, Workspace
from rdlake.domain.ids import EXTERNAL
from rdlake.errors import BadInput
from rdlake.factors.formulas import expression_fingerprint
from rdlake.factors.statistics import FACTOR_TABLE, Measurement, perf_rows, series_rows
from rdlake.ingest.external.addition import AdditionReport, commit_addition, last_digest
from rdlake.ingest.factor_statistics import FactorMeasurer
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.sources.external.notes import FactorNotes, read_notes
from rdlake.sources.external.table import ExternalTable, open_external_table
from rdlake.store.lake import Lake

SOURCES = ("external_manual", "alpha_library")
_NAME = re.compile(r"\w[\w.-]{0,99}")


def add_factors(
    lake: Lake,
    path: str | Path,
    *,
    name: str | None = None,
    source: str = "external_manual",
    prices: str | Path | None = None,
) -> AdditionReport:
    """Add the factors of a table, with their statistics over all its days.

    They replace what was added under the same source and name; an equal table writes nothing.
    BadInput, before anything is written, for a table or notes that cannot be used.
    """
    path = Path(path)
    owner = f"{EXTERNAL}{_check_source(source)}/{check_name(name or path.stem)}"
    measurer = FactorMeasurer(lake, prices)
    with open_external_table(path, FACTOR_TABLE) as external:
        names = [factor.name for factor in external.factors]
        notes = read_notes(path.with_suffix(".yaml"), names)
        _refuse_taken(lake, path, source, owner, names)
        digest = sha256(f"{external.sha256}\0{notes.sha256}".encode()).hexdigest()
        report = AdditionReport(owner=owner, status="added", digest=digest, names=tuple(names))
        if _is_complete(lake, owner, digest, measurer.given_label):
            return replace(report, status="unchanged")
        value = Workspace(
            workspace_id=owner,
            root_name="",
            role="experiment",
            action=None,
            files=(),
            source_digest=digest,
            stat_digest=None,
            factors=external.factors,
        )  # no curve and no recording: its only window is all of its days
        measured = measurer.measure_table(value, external.path.parent)
    report = replace(report, findings=_table_findings(path, external, measured))
    series = series_rows([measured])
    frames = {
        "factors": _factor_rows(source, owner, digest, measured, notes),
        "factor_ic": series,
        "factor_perf": perf_rows([measured]),
    }
    owners = {"workspace_id": [owner], "series_id": series["series_id"].unique().to_list()}
    return commit_addition(lake, report, frames, owners)


def check_name(name: str) -> str:
    """Return the name of an addition; BadInput when it could not be part of an id."""
    if not _NAME.fullmatch(name):
        fix = "give --name of letters, digits, '_', '-' and '.', at most 100 of them"
        raise BadInput("this cannot be a name", where=name[:120], fix=fix)
    return name


def _check_source(source: str) -> str:
    if source not in SOURCES:
        fix = f"known are {', '.join(SOURCES)}; Qlib's libraries are added by rdlake alpha"
        raise BadInput("factors cannot be added under this source", where=source, fix=fix)
    return source


def _refuse_taken(lake: Lake, path: Path, source: str, owner: str, names: Sequence[str]) -> None:
    """Raise BadInput for a factor that another table of this source has.

    In the catalog the two would be one factor.
    """
    others = (pl.col("source") == source) & (pl.col("workspace_id") != owner)
    rows = lake.read("factors", ["factor_name", "workspace_id"], others)
    if found := rows.filter(pl.col("factor_name").is_in(list(names))).sort("factor_name").rows():
        raise BadInput(
            f"{found[0][0]} is a factor of {found[0][1]} already",
            where=path,
            fix=f"give the column another name, or replace that table: "
            f"--name {found[0][1].rpartition('/')[2]}",
        )


def _is_complete(lake: Lake, owner: str, digest: str, label: str | None) -> bool:
    """Return whether the lake has all of the table, its days too, which a repair may have taken.

    Figures against another label than the one that is given now do not count.
    """
    mine = pl.col("workspace_id") == owner
    rows = lake.read("factors", ["source_digest"], mine)
    figures = lake.read("factor_perf", ["source_digest", "label_sha256", "series_id"], mine)
    if set(rows["source_digest"]) | set(figures["source_digest"]) != {digest}:
        return False
    if rows.is_empty() or figures.is_empty() or last_digest(lake, owner) != digest:
        return False
    series = set(figures["series_id"].drop_nulls())
    days = lake.read("factor_ic", ["series_id"], pl.col("series_id").is_in(list(series)))
    return set(days["series_id"]) == series and (
        label is None or set(figures["label_sha256"]) == {label}
    )


def _table_findings(
    path: Path, external: ExternalTable, measured: Measurement
) -> tuple[Finding, ...]:
    """Return what should be looked at; BadInput for a factor without figures."""
    for each in measured.findings:
        if each.level == "error":
            raise BadInput(each.reason, where=path, fix=each.fix)
    for row in measured.rows:
        if not row["finite_values"]:
            what = f"not a single finite value is in the column {row['factor_name']}"
            raise BadInput(what, where=path, fix="fill it, or take it out of the table")
    look = "look at the code that made the table"
    infinite = [
        Finding("warning", path.name, f"{name}: {count:,} infinite values count as missing", look)
        for name, count in external.infinite.items()
    ]
    return (*infinite, *(replace(each, file=path.name) for each in measured.findings))


def _factor_rows(
    source: str, owner: str, digest: str, measured: Measurement, notes: FactorNotes
) -> pl.DataFrame:
    rows: list[Mapping[str, Any]] = []
    for factor in measured.factors or ():
        note = notes.factors.get(factor.name, {})
        formula = note.get("expression") or note.get("formula_hint")
        rows.append(
            {
                "source": source,
                "factor_name": factor.name,
                "workspace_id": owner,
                "column_name": factor.column if factor.column != factor.name else None,
                "position": factor.position,
                **note,
                "expression_fingerprint": expression_fingerprint(formula),
                "values_sha256": factor.values_sha256,
                "value_fingerprint": factor.value_fingerprint,
                "provenance": dict.fromkeys(note, "yaml") or None,
                "source_digest": digest,
            }
        )
    return frame_of(table("factors"), rows)
