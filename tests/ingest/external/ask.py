"""A published catalog's answer, as dictionaries."""

from __future__ import annotations

import contextlib
from typing import Any

from rdlake.library import Library
from rdlake.store.lake import Lake


def asked(lake: Lake, query: str) -> list[dict[str, Any]]:
    """The rows that the newest catalog version answers."""
    with contextlib.closing(Library(lake).connect()) as connection:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
