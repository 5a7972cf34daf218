"""Find a version by number or instant, and open its file: that is time travel."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from rdlake.catalog.render import render_version
from rdlake.catalog.version import Version, find_version, history, newest
from rdlake.errors import UnknownVersion
from rdlake.schema.sql import literal
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store


def as_of(lake: Lake, instant: datetime) -> Version:
    """Return the version that was current at that instant; a time without zone is UTC."""
    moment = instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    versions = [each for each in history(lake) if each.published_at <= moment]
    if not versions:
        raise UnknownVersion(
            f"nothing was published yet at {moment.isoformat()} UTC",
            where=lake.root,
            fix="rdlake catalogs list shows when each version was published",
        )
    return versions[-1]


def file_of(lake: Lake, number: int) -> Path:
    """Return the DuckDB file of a version; render it again when it was pruned."""
    return render_version(lake, find_version(lake, number))


def attach_statement(path: Path, alias: str = "rd") -> str:
    """Return the SQL that attaches a catalog file."""
    return f"ATTACH {literal(path.as_posix())} AS {alias} (READ_ONLY);"


def connect(path: str | Path, version: int | None = None) -> duckdb.DuckDBPyConnection:
    """Open a read-only connection to a catalog version of the lake at `path`, or to the newest.

    The lake may have moved since it was published.
    """
    lake = open_store(path)
    chosen = newest(lake) if version is None else find_version(lake, version)
    connection = duckdb.connect(str(render_version(lake, chosen)), read_only=True)
    connection.execute(f"SET VARIABLE lake_root = {literal(lake.root.as_posix())}")
    return connection
