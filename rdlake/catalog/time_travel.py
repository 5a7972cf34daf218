"""Time travel is attaching another file: by number, by instant, from Python."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from rdlake.catalog.render import rendered
from rdlake.catalog.version import Version, history, newest, numbered
from rdlake.errors import UnknownVersion
from rdlake.schema.sql import literal
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store


def as_of(lake: Lake, instant: datetime) -> Version:
    """The version that was current at that instant; a time without zone is UTC."""
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
    """The DuckDB file of a version, made again when it was pruned."""
    return rendered(lake, numbered(lake, number))


def attach_statement(path: Path, alias: str = "rd") -> str:
    """The SQL that attaches a catalog file."""
    return f"ATTACH {literal(path.as_posix())} AS {alias} (READ_ONLY);"


def connect(path: str | Path, version: int | None = None) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the newest catalog version of the lake at `path`, or to `version`.

    The lake may lie elsewhere than when it was published.
    """
    lake = open_store(path)
    chosen = newest(lake) if version is None else numbered(lake, version)
    connection = duckdb.connect(str(rendered(lake, chosen)), read_only=True)
    connection.execute(f"SET VARIABLE lake_root = {literal(lake.root.as_posix())}")
    return connection
