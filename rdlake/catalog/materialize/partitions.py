"""In how many parts the rows of a view are made, so that one more experiment touches few of them.

A large lake has its experiments in parts by the first letter of their ids; what may be called
anything, by that of a digest of its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5, sha256

from rdlake.catalog.contract import By, definitions, parted, sources
from rdlake.catalog.version import Version
from rdlake.schema.sql import identifier, literal

MANY_LOOPS = 5000
"""From here on the views are made in parts; before, all at once is faster."""
SUFFIX = "01234567.parquet"
"""How long the end of a file's name is: it tells what is in the file."""
HEXADECIMAL = ("workspace_id",)
"""Ids that begin with any of 16 letters alike; of others the parts are by a digest."""


@dataclass(frozen=True)
class Part:
    """Rows of a view whose `by` is at least `first` and before `end`; without `by` all of them.
    `stem` is how the name of their file begins: a digest of what they follow from."""

    view: str
    stem: str
    by: By | None = None
    first: str = ""
    end: str | None = None

    def has(self, value: str) -> bool:
        if self.by and self.by.column not in HEXADECIMAL:
            value = md5(value.encode(), usedforsecurity=False).hexdigest()
        return value >= self.first and (self.end is None or value < self.end)

    def condition(self, column: str) -> str:
        """SQL: whether a row with this value belongs to this part."""
        assert self.by
        place = identifier(column)
        if self.by.column not in HEXADECIMAL:
            place = f"md5({place})"
        before = f" AND {place} < {literal(self.end)}" if self.end else ""
        return f"{place} >= {literal(self.first)}{before}"


def is_large(version: Version) -> bool:
    return version.pins["loops"].rows >= MANY_LOOPS


def parts_of(version: Version, view: str, digests: Mapping[str, str]) -> list[Part]:
    """The parts that the view has in this version, in the order of their rows, with the digests of
    the lists of files of what it reads."""
    query, by = definitions(version.sql)[view], parted(version.sql).get(view)
    if by is None or not is_large(version):
        follows = [digests[name] for name in sources(version.sql)[view]]
        return [Part(view, _stem(view, query, follows))]
    bounds = ["", *(f"{letter:x}" for letter in range(16 // by.parts, 16, 16 // by.parts))]
    return [
        Part(view, _stem(view, query, [by.column, first]), by, first, end)
        for first, end in zip(bounds, (*bounds[1:], None), strict=True)
    ]


def _stem(view: str, query: str, follows: list[str]) -> str:
    return f"{view}-{sha256(repr((query, follows)).encode()).hexdigest()[:16]}-"
