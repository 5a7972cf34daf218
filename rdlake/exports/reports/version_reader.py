"""Read one catalog version and the content that the lake keeps, for a report."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from rdlake.catalog.docs import column_meanings
from rdlake.catalog.time_travel import connect
from rdlake.catalog.version import Version, find_version, newest
from rdlake.store.blobs import checked_chunks, read_contents
from rdlake.store.lake import Lake

LONGEST = 200_000
"""Of a longer text only so many characters are shown."""


@dataclass(frozen=True)
class VersionReader:
    """Read one published version of a lake."""

    lake: Lake
    version: Version
    connection: Any

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Return the rows of a query, each as a mapping."""
        answer = self.connection.execute(query, list(values))
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def frame(self, query: str, *values: object) -> pl.DataFrame:
        """Return the rows of a query as a frame."""
        rows = self.rows(query, *values)
        return pl.DataFrame(rows, infer_schema_length=None)

    def meanings(self, view: str) -> Mapping[str, str]:
        """Return the comment on each column of a view."""
        return column_meanings(self.connection, view)

    def texts(self, digests: Collection[str]) -> dict[str, str]:
        """Return the content that is kept of these digests, as text."""
        texts = {}
        for content in read_contents(self.lake, digests):
            text = b"".join(checked_chunks(content)).decode(errors="replace")
            more = len(text) - LONGEST
            texts[content.sha256] = text[:LONGEST] + (f"\n… {more} characters" if more > 0 else "")
        return texts

    @property
    def about(self) -> str:
        """Describe this version in a few words."""
        published = self.version.published_at.isoformat(sep=" ", timespec="seconds")
        return f"catalog version {self.version.catalog_version}, published {published} UTC"


@contextmanager
def open_version(lake: Lake, number: int | None) -> Iterator[VersionReader]:
    """Open a version, by default the newest."""
    version = newest(lake) if number is None else find_version(lake, number)
    with closing(connect(lake.root, version.catalog_version)) as connection:
        yield VersionReader(lake, version, connection)
