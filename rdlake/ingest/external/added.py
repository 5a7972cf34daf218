"""What one addition did, and its commit: rows of its own, and a word in `ingests`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.ingest.outcome import Outcome, ingest_rows
from rdlake.store.lake import Lake

EXTERNAL_VERSION = 1
"""Of the code that makes these rows; kept as the reader's version in `ingests`."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of something from elsewhere. `owner` is the id under which its rows stand, and
    `digest` that of what they were made of."""

    owner: str
    status: Literal["added", "unchanged"]
    digest: str
    names: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def added(
    lake: Lake,
    of: Added,
    frames: Mapping[str, pl.DataFrame],
    owners: Mapping[str, Collection[str]],
) -> Added:
    """Commit its rows, then what became of it; unchanged when the lake has all of that. Only rows
    of its owner are touched."""
    changed = lake.commit(frames, owners).versions
    if not changed and last_digest(lake, of.owner) == of.digest:
        return Added(of.owner, "unchanged", of.digest, of.names, of.findings)
    outcome = Outcome(of.owner, "ok", "external", of.findings, of.digest)
    lake.commit({"ingests": ingest_rows([outcome], EXTERNAL_VERSION)}, {})
    return of


def last_digest(lake: Lake, owner: str) -> str | None:
    """What the rows of an owner were made of when they were added last."""
    columns = ["workspace_id", "role", "ingested_at", "batch_id", "source_digest"]
    rows = lake.read("ingests", columns, pl.col("workspace_id") == owner)
    last = rows.filter(pl.col("role") == "external").sort("ingested_at", "batch_id")
    return None if last.is_empty() else str(last["source_digest"][-1])
