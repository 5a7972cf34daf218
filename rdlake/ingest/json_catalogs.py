"""From exported catalogs to committed rows: history of which no files are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.evidence import evidence_rows, said_by_catalog
from rdlake.ingest.derive import derive
from rdlake.ingest.outcome import Outcome, Status, ingest_rows
from rdlake.ingest.previous import Known
from rdlake.sources.fork.json_catalogs import CatalogExport, read_export
from rdlake.store.lake import Lake


@dataclass(frozen=True)
class History:
    """What became of exports that were new, and how many were not."""

    outcomes: tuple[Outcome, ...] = ()
    unchanged: int = 0


def ingest_history(
    lake: Lake,
    known: Known,
    exports: Sequence[Sequence[Path]],
    reader_version: int,
    *,
    dry_run: bool,
) -> History:
    """Read exports that the lake does not have yet; each is one batch. A dry run commits none."""
    outcomes: list[Outcome] = []
    unchanged = 0
    for files in exports:
        export = read_export(files)
        if known.contents.get(f"catalog:{export.name}") == export.digest:
            unchanged += 1
        elif dry_run:
            outcomes.append(_outcome(export, export.findings))
        else:
            outcomes.append(_commit(lake, export, reader_version))
    return History(tuple(outcomes), unchanged)


def _commit(lake: Lake, export: CatalogExport, reader_version: int) -> Outcome:
    source = f"catalog:{export.name}"
    said = [
        said_by_catalog(source, workspace_id, told, export.exported)
        for workspace_id, told in sorted(export.records.items())
    ]
    before = lake.read("evidence", ["workspace_id"], pl.col("source") == source)
    lake.commit({"evidence": evidence_rows(said)}, {"source": [source]})
    outcomes: list[Outcome] = []

    def report(found: Mapping[str, tuple[Finding, ...]]) -> pl.DataFrame:
        of_loops = chain.from_iterable(found.get(each, ()) for each in sorted(export.records))
        outcomes.append(_outcome(export, (*export.findings, *of_loops)))
        return ingest_rows(outcomes, reader_version)

    ids = {*export.records, *before["workspace_id"]}
    if ids:
        derive(lake, ids, report)
    else:
        lake.commit({"ingests": report({})}, {})
    return outcomes[0]


def _outcome(export: CatalogExport, findings: tuple[Finding, ...]) -> Outcome:
    bad = any(finding.level == "error" for finding in findings)
    status: Status = "partial" if bad else "ok"
    if not export.records:
        status = "failed" if bad else "skipped"
    return Outcome(export.name, status, "catalog", findings, export.digest)
