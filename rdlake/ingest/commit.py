"""Commit one batch of any source: the one way by which experiments come into the lake.

A batch keeps this order, which `Lake.commit` keeps within each of its two commits, too:

1. Its evidence, and the rows that belong to its sources alone.
2. The rows of its workspaces, derived from all evidence, which is read again after step 1. So of
   two writers at once, the later one sees the evidence of both. `loops` comes late, for the views
   start there and half a batch must never be seen.
3. What became of everything, in `ingests`, last. Without that row the next ingest reads it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import polars as pl

from rdlake.domain.experiment import Finding
from rdlake.evidence import Evidence, Source, evidence_rows
from rdlake.ingest.derive import DerivedRows, FindingsById, derive_rows
from rdlake.ingest.outcome import Outcome, ingest_rows
from rdlake.store.lake import Lake


@dataclass(frozen=True, kw_only=True)
class BatchContent:
    """Describe what one batch brings.

    `evidence` replaces all evidence of `sources`; a source without any loses what it had. `frames`
    are other rows, and `owners` names, by owner column, whose rows these replace. Rows are derived
    of the workspaces of the evidence and of `workspace_ids`.
    """

    evidence: Sequence[Evidence] = ()
    sources: Sequence[Source] = ()
    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    owners: Mapping[str, Collection[str]] = field(default_factory=dict)
    workspace_ids: Collection[str] = ()


def commit_batch(
    lake: Lake, content: BatchContent, outcomes_of: Callable[[FindingsById], Sequence[Outcome]]
) -> Sequence[Outcome]:
    """Commit a batch and return what became of it.

    `outcomes_of` makes the outcomes of what was found wrong in the derived rows.
    """
    ids = {part.workspace_id for part in content.evidence}
    ids |= {*content.workspace_ids, *_previous_workspaces(lake, content.sources)}
    lake.commit(
        {"evidence": evidence_rows(content.evidence), **content.frames},
        {"source": list(map(str, content.sources)), **content.owners},
    )
    derived = derive_rows(lake, ids)
    outcomes = outcomes_of(derived.findings)
    commit_derived(lake, derived, outcomes)
    return outcomes


def commit_derived(lake: Lake, derived: DerivedRows, outcomes: Sequence[Outcome] = ()) -> None:
    """Commit derived rows, then the outcomes."""
    ingests = {"ingests": ingest_rows(outcomes)} if outcomes else {}
    lake.commit({**derived.frames, **ingests}, {"workspace_id": derived.workspace_ids})


def findings_of(parts: Sequence[Evidence], findings: FindingsById) -> list[Finding]:
    """Return what was found wrong in the rows of the workspaces of some evidence."""
    return list(chain.from_iterable(findings.get(part.workspace_id, ()) for part in parts))


def _previous_workspaces(lake: Lake, sources: Sequence[Source]) -> set[str]:
    """Return the workspaces of which these sources spoke before.

    A folder and its JSON files only ever speak of the workspace of their own name.
    """
    texts = [str(source) for source in sources if source.kind not in ("workspace", "json")]
    if not texts:
        return set()
    rows = lake.read("evidence", ["workspace_id"], pl.col("source").is_in(texts))
    return set(rows["workspace_id"])
