"""Tell which files can be made again by running what is kept, and which are heavy."""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import sha256

from rdlake.errors import BadInput

HEAVY = 1 << 20
"""The size in bytes from which an archived file is worth removing as an intermediate."""
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
"""Classes of files that may go without archived content when the operator allows them.

The kept code and data can write them again, or they are the same in every workspace.
"""


def class_of(path: str) -> str | None:
    """Return the class of files that can be made again; None for a file that cannot."""
    return next((name for name, pattern in CLASSES.items() if pattern.fullmatch(path)), None)


def is_heavy(path: str, size: int) -> bool:
    """Return whether a file is an intermediate: large, or computed values."""
    return size >= HEAVY or class_of(path) in ("factor_values", "predictions")


def find_proof(
    path: str, digest: str | None, proven: Collection[str], allowed: Collection[str]
) -> str | None:
    """Return what proves that nothing is lost with a file; None when nothing does."""
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
