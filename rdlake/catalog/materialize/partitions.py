"""Divide the rows of a view into parts, so that one more experiment changes few files.

A large lake has its experiments in parts by the first letter of their ids. Values that may be any
text go by the first letter of their digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5, sha256

from rdlake.catalog.version import Version
from rdlake.schema.sql import identifier, literal

MANY_LOOPS = 5000
"""From so many loops on, a view has its rows in several files. Below, one file is faster."""
SUFFIX = "01234567.parquet"
"""The length of the end of a file's name, which is made of its content."""
HEXADECIMAL = ("workspace_id",)
"""Ids that begin with each of 16 letters equally often; others are divided by their digest."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Describe rows of a view: those whose `by` is at least `first` and before `end`. `stem` is the
    beginning of their file's name, a digest of what they follow from."""

    view: str
    stem: str
    by: str | None
    first: str = ""
    end: str | None = None

    @property
    def is_whole(self) -> bool:
        """Return whether the part has all rows of the view."""
        return not self.first and self.end is None

    def has(self, value: str) -> bool:
        """Say whether rows of this value belong to the part."""
        if self.by not in HEXADECIMAL:
            value = md5(value.encode(), usedforsecurity=False).hexdigest()
        return value >= self.first and (self.end is None or value < self.end)

    def condition(self, column: str) -> str:
        """Return SQL: whether a row with this value in a column belongs to the part."""
        if self.is_whole:
            return "true"
        place = identifier(column) if self.by in HEXADECIMAL else f"md5({identifier(column)})"
        before = f" AND {place} < {literal(self.end)}" if self.end else ""
        return f"{place} >= {literal(self.first)}{before}"


def is_large(version: Version) -> bool:
    """Say whether a version has so many loops that its views lie in parts."""
    return version.pins["loops"].rows >= MANY_LOOPS


def parts_of(version: Version, view: str, digests: Mapping[str, str]) -> list[Part]:
    """Return the parts of a view in this version, in the order of their rows. `digests` names the
    list of files of every source of the view."""
    settings = version.contract.views[view].settings
    count = settings.parts if is_large(version) else 1
    bounds = ["", *(f"{letter:x}" for letter in range(16 // count, 16, 16 // count))]
    return [
        Part(
            view=view,
            stem=_stem(version, view, digests, first, end),
            by=settings.by,
            first=first,
            end=end,
        )
        for first, end in zip(bounds, (*bounds[1:], None), strict=True)
    ]


def _stem(
    version: Version, view: str, digests: Mapping[str, str], first: str, end: str | None
) -> str:
    contract = version.contract
    by, select = contract.views[view].settings.by, contract.views[view].select
    facts: list[str | None]
    if by is None or (contract.is_old and not is_large(version)):
        facts = [digests[name] for name in contract.sources[view]]
    else:
        # Not the digests: the name stays while rows change, so that the old file is found.
        facts = [by, first] if contract.is_old else [by, first, end]
    return f"{view}-{sha256(repr((select, facts)).encode()).hexdigest()[:16]}-"
