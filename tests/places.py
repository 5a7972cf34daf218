"""Where things lie: this repository, its data, and the larger collections beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
DATA, DOCS = REPOSITORY / "tests" / "data", REPOSITORY / "docs"
WRITERS = DATA / "pickles"
SHARED = Path(os.environ.get("RDLAKE_SHARED") or REPOSITORY.parent / "shared")
CORPUS, TRACES = SHARED / "corpus", SHARED / "traces"
KEY = TRACES / "artifact_signing.key"

needs_shared = pytest.mark.skipif(
    not (CORPUS.is_dir() and TRACES.is_dir()), reason="needs the collections of real runs"
)


def real_pickles() -> Iterator[Path]:
    """Every pickle below the collections: by suffix, session steps, and Qlib's config and task."""
    for path in sorted([*CORPUS.rglob("*"), *TRACES.rglob("*")]):
        named = path.suffix == ".pkl" or path.name in ("config", "task")
        if (named or "__session__" in path.parts) and path.is_file() and not path.is_symlink():
            yield path
