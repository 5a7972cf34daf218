"""Add Qlib's Alpha158 and Alpha360: factors with an expression and without a back-test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

import polars as pl

from rdlake.domain.ids import EXTERNAL
from rdlake.domain.qlib_alphas import LIBRARIES
from rdlake.factors.formulas import expression_fingerprint
from rdlake.ingest.external.addition import AdditionReport, commit_addition
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.lake import Lake


def add_alphas(lake: Lake) -> tuple[AdditionReport, ...]:
    """Add both libraries, each under `external:<source>`; write nothing when they are there."""
    return tuple(_add(lake, source, factors) for source, factors in LIBRARIES.items())


def _add(lake: Lake, source: str, factors: Mapping[str, str]) -> AdditionReport:
    digest = sha256(json.dumps(list(factors.items())).encode()).hexdigest()
    owner = f"{EXTERNAL}{source}"
    rows = library_rows(source, factors, digest)
    report = AdditionReport(owner=owner, status="added", digest=digest, names=tuple(factors))
    return commit_addition(lake, report, {"factors": rows}, {"workspace_id": [owner]})


def library_rows(source: str, factors: Mapping[str, str], digest: str) -> pl.DataFrame:
    """Return rows of `factors`; what a library does not say of its factors is null."""
    rows = [
        {
            "source": source,
            "factor_name": name,
            "workspace_id": f"{EXTERNAL}{source}",
            "position": position,
            "expression": expression,
            "expression_fingerprint": expression_fingerprint(expression),
            "provenance": {"expression": "library"},
            "source_digest": digest,
        }
        for position, (name, expression) in enumerate(factors.items())
    ]
    return frame_of(table("factors"), rows)
