"""Commit one addition: rows of its own, then a row of `ingests`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.ingest.outcome import Outcome, ingest_rows
from rdlake.store.lake import Lake

EXTERNAL_VERSION = 1
"""The version of the code that makes these rows, kept as the reader's version in `ingests`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionReport:
    """Tell what became of something from elsewhere.

    `owner` is the id under which its rows stand, `digest` that of what they were made of.
    """

    owner: str
    status: Literal["added", "unchanged"]
    digest: str
    names: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def commit_addition(
    lake: Lake,
    report: AdditionReport,
    frames: Mapping[str, pl.DataFrame],
    owners: Mapping[str, Collection[str]],
) -> AdditionReport:
    """Commit the rows of an addition, then what became of it.

    Only rows of its owner are touched. It is unchanged when the lake has all of it.
    """
    changed = lake.commit(frames, owners).versions
    if not changed and last_digest(lake, report.owner) == report.digest:
        return replace(report, status="unchanged")
    outcome = Outcome(
        workspace_id=report.owner,
        status="ok",
        role="external",
        findings=report.findings,
        source_digest=report.digest,
    )
    lake.commit({"ingests": ingest_rows([outcome], EXTERNAL_VERSION)}, {})
    return report


def last_digest(lake: Lake, owner: str) -> str | None:
    """Return the digest of what the rows of an owner were made of when they were added last."""
    columns = ["workspace_id", "role", "ingested_at", "batch_id", "source_digest"]
    rows = lake.read("ingests", columns, pl.col("workspace_id") == owner)
    last = rows.filter(pl.col("role") == "external").sort("ingested_at", "batch_id")
    return None if last.is_empty() else str(last["source_digest"][-1])
