"""The contract as a catalog file without rows, of which the file of each version is a copy.

To state a contract takes hundreds of statements, most of them comments, and they are the same for
each of its versions. So it is stated once, and kept under a name that tells what is in it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import duckdb

from rdlake.catalog.contract import (
    ROWS_SCHEMA,
    TABLES_SCHEMA,
    column_comments,
    row_queries,
    shown,
)
from rdlake.schema.sql import duckdb_type, identifier, literal
from rdlake.schema.tables import Column, table
from rdlake.store.durable import remove_quietly, sha256_of, sync_folder, write_durably
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door

BLANKS = "catalogs/blank"
"""Where they lie, below the lake's root."""
ALIAS = "rdlake"
STORAGE_VERSION = "v1.0.0"
VERSIONS = f"{TABLES_SCHEMA}.catalogs"
_VIEW = re.compile(rf"^CREATE VIEW (?:{TABLES_SCHEMA}\.)?(?P<name>\w+) AS$", re.MULTILINE)
_ALL = """
SELECT schema_name, view_name, sql, comment FROM duckdb_views() WHERE database_name = 'file'
UNION ALL
SELECT schema_name, function_name, macro_definition, comment FROM duckdb_functions()
WHERE database_name = 'file'
UNION ALL
SELECT schema_name, table_name, column_name || ' ' || data_type, comment FROM duckdb_columns()
WHERE database_name = 'file'
ORDER BY ALL
"""
TOLD = {
    "catalog_version",
    "published_at",
    "note",
    "lake_id",
    "contract_version",
    "rdlake_version",
    "rolled_back_to",
    "allowed_checks",
    "digest",
}


def columns_told() -> list[Column]:
    """What a catalog file tells of each version so far."""
    return [each for each in table("catalogs").columns if each.name in TOLD]


def blank(lake: Lake, sql: str, beside: Lake | None = None) -> Path:
    """The file of this contract in the lake; from a lake `beside`, or stated anew, when it is not
    there as it was written. StorageFailed when it cannot be written."""
    if there := next(_whole(lake, sql), None):
        return there
    theirs = next(_whole(beside, sql), None) if beside else None
    folder = lake.root / BLANKS
    passing = lake.catalogs_folder / f".{uuid4().hex}.duckdb"
    with storage_door(folder):
        content = theirs.read_bytes() if theirs else _stated(sql)
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(lake.catalogs_folder)
        target = folder / f"{_key(sql)}.{sha256(content).hexdigest()}.duckdb"
        try:
            passing.write_bytes(content)
            write_durably(passing, target)
        finally:
            with contextlib.suppress(OSError):  # what will not go is taken by upkeep
                remove_quietly(passing)
    return target


def is_blank_of(path: Path, sql: str) -> bool:
    """Whether the file is, by its name, of this contract."""
    return path.name.startswith(f"{_key(sql)}.")


def states(path: Path, sql: str) -> bool:
    """Whether a file has this contract's views, columns, macros and comments, and no others."""
    try:
        return _all_in(path) == _all_of(sql)
    except duckdb.Error:
        return False


@lru_cache(maxsize=4)
def _all_of(sql: str) -> list[tuple[str, ...]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "blank.duckdb"
        path.write_bytes(_stated(sql))
        return _all_in(path)


def _all_in(path: Path) -> list[tuple[str, ...]]:
    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute(f"ATTACH {literal(str(path))} AS file (READ_ONLY)")
        return connection.execute(_ALL).fetchall()


def _whole(lake: Lake, sql: str) -> Iterator[Path]:
    for path in (lake.root / BLANKS).glob(f"{_key(sql)}.*.duckdb"):
        with storage_door(path):
            if path.name == f"{_key(sql)}.{sha256_of(path)}.duckdb":
                yield path


@lru_cache(maxsize=4)
def _key(sql: str) -> str:
    return sha256(f"{duckdb.__version__}\n{_statements(sql)}".encode()).hexdigest()[:16]


@lru_cache(maxsize=4)
def _stated(sql: str) -> bytes:
    with TemporaryDirectory() as folder, contextlib.closing(duckdb.connect()) as connection:
        path = Path(folder) / "blank.duckdb"
        connection.execute(
            f"ATTACH {literal(str(path))} AS {ALIAS} (STORAGE_VERSION '{STORAGE_VERSION}')"
        )
        # Hundreds of comments are not made better by the optimizer.
        connection.execute(f"USE {ALIAS}; PRAGMA disable_optimizer; BEGIN")
        connection.execute(_statements(sql))
        connection.execute(f"COMMIT; USE memory; DETACH {ALIAS}")
        return path.read_bytes()


def _statements(sql: str) -> str:
    """What states the contract: macros that give no rows, views that show these, and the table of
    versions."""
    columns = columns_told()
    typed = ", ".join(f"{identifier(each.name)} {duckdb_type(each.type)}" for each in columns)
    macros = row_queries(sql, {}, "''")

    def after_its_macro(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in macros:
            return found[0]
        return f"CREATE MACRO {ROWS_SCHEMA}.{name}() AS TABLE {macros[name]};\n{found[0]}"

    return "\n".join(
        [
            f"CREATE SCHEMA {TABLES_SCHEMA}; CREATE SCHEMA {ROWS_SCHEMA};",
            f"CREATE TABLE {VERSIONS} ({typed});",
            f"COMMENT ON TABLE {VERSIONS} IS {literal(table('catalogs').meaning)};",
            column_comments(VERSIONS, columns),
            _VIEW.sub(after_its_macro, shown(sql)),
        ]
    )
