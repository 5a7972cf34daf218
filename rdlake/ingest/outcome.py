"""What became of one workspace or run at one ingest, as a value and as a row."""

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

Status = Literal["ok", "partial", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one workspace folder, or of one run, that was new or changed. A run has the
    role `run` and its task_run_id in the place of the workspace's; what was added from elsewhere
    the role `external` and the id of its rows."""

    workspace_id: str
    status: Status
    role: str | None
    findings: tuple[Finding, ...]
    source_digest: str | None


def ingest_rows(outcomes: Sequence[Outcome], reader_version: int) -> pl.DataFrame:
    """Rows of `ingests`, of one batch."""
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
