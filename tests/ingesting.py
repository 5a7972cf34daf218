"""Run an ingest with few words: `ingest(lake, [root], logs=[…])`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rdlake.ingest import pipeline
from rdlake.ingest.batches import Progress
from rdlake.ingest.pipeline import IngestReport
from rdlake.ingest.request import IngestRequest
from rdlake.store.lake import Lake


def ingest(
    lake: Lake,
    roots: Sequence[str | Path] = (),
    logs: Sequence[str | Path] = (),
    *,
    on_progress: Progress | None = None,
    **request: Any,
) -> IngestReport:
    """Run an ingest of these folders; `request` are other fields of an `IngestRequest`."""
    return pipeline.ingest(lake, IngestRequest(roots=roots, logs=logs, **request), on_progress)
