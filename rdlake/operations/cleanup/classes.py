"""Which files can be made again, by running what is kept, and which are heavy."""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import sha256

from rdlake.errors import BadInput

HEAVY = 1 << 20
"""Bytes from which a file whose content is archived is an intermediate worth the trouble."""
EMPTY = sha256(b"").hexdigest()
CLASSES = {
    "factor_values": re.compile(r"combined_factors_df\.parquet|result\.h5"),
    "predictions": re.compile(r"mlruns/(.*/)?artifacts/(pred|label)\.pkl", re.DOTALL),
    "tracking": re.compile(
        r"mlruns/(.*/)?(tags/[^/]+|artifacts/portfolio_analysis/indicator_analysis_[^/]+\.pkl)",
        re.DOTALL,
    ),
    "templates": re.compile(r"README\.md|execution\.lock"),
    "caches": re.compile(r"(.*/)?__pycache__/[^/]+\.pyc", re.DOTALL),
}
"""What may go without its content being archived, when it is allowed by name: written by the
kept code and data, or the same in every workspace."""


def class_of(path: str) -> str | None:
    """The class of files that can be made again; None for one that cannot."""
    return next((name for name, pattern in CLASSES.items() if pattern.fullmatch(path)), None)


def is_heavy(path: str, size: int) -> bool:
    """Whether it is an intermediate: large, or values that were computed."""
    return size >= HEAVY or class_of(path) in ("factor_values", "predictions")


def find_proof(
    path: str, digest: str | None, proven: Collection[str], allowed: Collection[str]
) -> str | None:
    """What proves that nothing is lost with a file; None when nothing does."""
    if digest in proven:
        return "archive"
    if digest == EMPTY:
        return "empty"
    word = class_of(path)
    return word if word in allowed else None


def refuse_unknown(allowed: Collection[str]) -> None:
    for word in sorted(set(allowed) - CLASSES.keys()):
        raise BadInput(
            f"no files are called {word!r}", where="--allow", fix=f"one of {', '.join(CLASSES)}"
        )
