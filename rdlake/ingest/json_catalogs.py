"""Commit exported catalogs: history of which no files are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rdlake.domain.experiment import Finding
from rdlake.evidence import Source, evidence_of_catalog
from rdlake.ingest.commit import BatchContent, commit_batch, findings_of
from rdlake.ingest.derive import FindingsById
from rdlake.ingest.outcome import Outcome, Status, has_error, status_by
from rdlake.ingest.previous import PreviousIngest
from rdlake.sources.fork.json_catalogs import CatalogExport, read_export
from rdlake.store.lake import Lake


@dataclass(frozen=True)
class CatalogReport:
    """Tell what became of exports that were new, and how many were not."""

    outcomes: tuple[Outcome, ...] = ()
    unchanged: int = 0


def ingest_catalogs(
    lake: Lake, previous: PreviousIngest, exports: Sequence[Sequence[Path]], *, dry_run: bool
) -> CatalogReport:
    """Read exports that the lake does not have yet; each is one batch. A dry run commits none."""
    outcomes: list[Outcome] = []
    unchanged = 0
    for files in exports:
        export = read_export(files)
        if previous.content_digest(Source("catalog", export.name)) == export.digest:
            unchanged += 1
        elif dry_run:
            outcomes.append(_catalog_outcome(export))
        else:
            outcomes += _commit(lake, export)
    return CatalogReport(tuple(outcomes), unchanged)


def _commit(lake: Lake, export: CatalogExport) -> Sequence[Outcome]:
    source = Source("catalog", export.name)
    parts = [
        evidence_of_catalog(source, workspace_id, record, export.exported)
        for workspace_id, record in sorted(export.records.items())
    ]

    def outcomes_of(findings: FindingsById) -> list[Outcome]:
        return [_catalog_outcome(export, findings_of(parts, findings))]

    return commit_batch(lake, BatchContent(evidence=parts, sources=[source]), outcomes_of)


def _catalog_outcome(export: CatalogExport, of_rows: Sequence[Finding] = ()) -> Outcome:
    findings = (*export.findings, *of_rows)
    empty: Status = "failed" if has_error(findings) else "skipped"
    return Outcome(
        workspace_id=export.name,
        status=status_by(findings) if export.records else empty,
        role="catalog",
        findings=findings,
        source_digest=export.digest,
    )
