"""Describe what became of one workspace, run or export at one ingest, as a value and as a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table

READER_VERSION = 10
"""The version of the readers. Raise it when they take more out of the same files: these are read
again then."""

Status = Literal["ok", "partial", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Tell what became of something that was new or changed.

    `workspace_id` is the name of a folder; of a run or registered run (role `run`, `registry`) it
    is the task_run_id, of an export (`catalog`) its name, and of an addition from elsewhere
    (`external`) the id of its rows.
    """

    workspace_id: str
    status: Status
    role: str | None
    findings: tuple[Finding, ...]
    source_digest: str | None


def has_error(findings: Sequence[Finding]) -> bool:
    """Return whether one of the findings is an error."""
    return any(finding.level == "error" for finding in findings)


def status_by(findings: Sequence[Finding]) -> Status:
    """Return `partial` when one of the findings is an error, else `ok`."""
    return "partial" if has_error(findings) else "ok"


def ingest_rows(outcomes: Sequence[Outcome], reader_version: int = READER_VERSION) -> pl.DataFrame:
    """Return the outcomes of one batch as rows of `ingests`."""
    now = datetime.now(UTC).replace(tzinfo=None)
    batch = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}"
    rows = [
        {
            "batch_id": batch,
            "workspace_id": outcome.workspace_id,
            "ingested_at": now,
            "status": outcome.status,
            "role": outcome.role,
            "findings": [
                {"level": each.level, "file": each.file, "reason": each.reason, "fix": each.fix}
                for each in outcome.findings
            ],
            "source_digest": outcome.source_digest,
            "reader_version": reader_version,
        }
        for outcome in outcomes
    ]
    return frame_of(table("ingests"), rows)
