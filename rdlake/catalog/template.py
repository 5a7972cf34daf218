"""Keep the contract as a catalog file without rows; each version's file starts as a copy of it.

To state a contract takes hundreds of statements, most of them comments, and they are the same for
each of its versions. So a lake states it once and keeps the file under a name that is made of the
statements and of the file's content.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from rdlake.catalog.contract import ROWS_SCHEMA, TABLES_SCHEMA, Contract, View, contract_of
from rdlake.catalog.contract.stored import column_comments
from rdlake.errors import BadInput
from rdlake.schema.sql import duckdb_type, identifier, literal, literals
from rdlake.schema.tables import Column, table
from rdlake.store.durable import sha256_of, sync_folder, temporary_path, write_durably
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door

TEMPLATES = "catalogs/blank"
"""The folder of the templates, below the lake's root."""
ALIAS = "rdlake"
STORAGE_VERSION = "v1.0.0"
VERSIONS = f"{TABLES_SCHEMA}.catalogs"
DEFINITIONS = f"{TABLES_SCHEMA}.view_definitions"
MEANING = "How each view of the contract is defined, whatever its rows are read from in this file."
COLUMNS = [
    Column("view_name", pa.string(), "name of the view"),
    Column("definition", pa.string(), "its SELECT as it is written"),
    Column("key", pa.list_(pa.string()), "the columns that name one row"),
    Column(
        "materialized", pa.bool_(), "true: its rows were computed when the version was published"
    ),
]
SHOWN = {
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
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
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


def version_columns() -> list[Column]:
    """Return the columns of `catalogs` that a catalog file shows of each version so far."""
    return [each for each in table("catalogs").columns if each.name in SHOWN]


def find_template(lake: Lake, text: str, reuse_from: Lake | None = None) -> Path:
    """Return the template of a contract in the lake. Copy it from another lake, or state the
    contract, when the lake has none that is whole. StorageFailed when it cannot be written."""
    if found := next(_whole_templates(lake, text), None):
        return found
    other = next(_whole_templates(reuse_from, text), None) if reuse_from else None
    folder = lake.root / TEMPLATES
    with storage_door(folder):
        content = other.read_bytes() if other else _state(text)
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(lake.catalogs_folder)
        target = folder / f"{_key(text)}.{sha256(content).hexdigest()}.duckdb"
        with temporary_path(lake.catalogs_folder, ".duckdb") as path:
            path.write_bytes(content)
            write_durably(path, target)
    return target


def is_template_of(path: Path, text: str) -> bool:
    """Say whether a file is, by its name, the template of this contract."""
    return path.name.startswith(f"{_key(text)}.")


def states_contract(path: Path, text: str) -> bool:
    """Say whether a file has this contract's views, columns, macros and comments, and no others."""
    try:
        return _everything_in(path) == _everything_of(text)
    except duckdb.Error:
        return False


@lru_cache(maxsize=4)
def _everything_of(text: str) -> list[tuple[str, ...]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "template.duckdb"
        path.write_bytes(_state(text))
        return _everything_in(path)


def _everything_in(path: Path) -> list[tuple[str, ...]]:
    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute(f"ATTACH {literal(str(path))} AS file (READ_ONLY)")
        return connection.execute(_ALL).fetchall()


def _whole_templates(lake: Lake, text: str) -> Iterator[Path]:
    for path in (lake.root / TEMPLATES).glob(f"{_key(text)}.*.duckdb"):
        with storage_door(path):
            if path.name == f"{_key(text)}.{sha256_of(path)}.duckdb":
                yield path


@lru_cache(maxsize=4)
def _key(text: str) -> str:
    statements = "\n".join(sql for sql, _ in _statements(contract_of(text)))
    return sha256(f"{duckdb.__version__}\n{statements}".encode()).hexdigest()[:16]


@lru_cache(maxsize=4)
def _state(text: str) -> bytes:
    return state_contract_of(contract_of(text))


def state_contract_of(contract: Contract) -> bytes:
    """Return a catalog file that states the contract. BadInput for a view that DuckDB refuses."""
    with TemporaryDirectory() as folder, contextlib.closing(duckdb.connect()) as connection:
        path = Path(folder) / "template.duckdb"
        connection.execute(
            f"ATTACH {literal(str(path))} AS {ALIAS} (STORAGE_VERSION '{STORAGE_VERSION}')"
        )
        # The optimizer would only cost time: nearly all statements are comments.
        connection.execute(f"USE {ALIAS}; PRAGMA disable_optimizer; BEGIN")
        for sql, view in _statements(contract):
            try:
                connection.execute(sql)
            except duckdb.Error as error:
                if view is None:
                    raise
                raise _refused(view, error) from error
        connection.execute(f"COMMIT; USE memory; DETACH {ALIAS}")
        return path.read_bytes()


def _refused(view: View, error: duckdb.Error) -> BadInput:
    found = _LINE.search(str(error))
    line = view.first_line + int(found[1]) - 1 if found else view.first_line
    return BadInput(
        f"DuckDB refuses the view {view.name}: {str(error).splitlines()[0]}",
        where=f"{view.origin}:{line}",
        fix="correct the view's SELECT; docs/tables.md lists the columns of every table",
    )


def _statements(contract: Contract) -> Iterator[tuple[str, View | None]]:
    """Yield what states the contract, with the view that it belongs to: macros that give no rows,
    views that show these, the table of versions and the definitions of the views."""
    columns = version_columns()
    typed = ", ".join(f"{identifier(each.name)} {duckdb_type(each.type)}" for each in columns)
    yield f"CREATE SCHEMA {TABLES_SCHEMA}; CREATE SCHEMA {ROWS_SCHEMA};", None
    yield f"CREATE TABLE {VERSIONS} ({typed});", None
    yield f"COMMENT ON TABLE {VERSIONS} IS {literal(table('catalogs').meaning)};", None
    yield column_comments(VERSIONS, columns), None
    for name, entry in contract.tables.items():
        shown = f"CREATE VIEW {TABLES_SCHEMA}.{name} AS SELECT * FROM {ROWS_SCHEMA}.{name}();"
        yield f"{_macro(name, entry.select)}\n{shown}\n{entry.comments}", None
    for name, view in contract.views.items():
        macro = _macro(name, view.select) if view.settings.materialized else ""
        yield f"{macro}CREATE VIEW {name} AS\n{view.shown};\n{view.comments}", view
    if not contract.is_old:  # an old version is rendered as it was published
        yield _definitions(contract), None


def _macro(name: str, select: str) -> str:
    # The query begins in the second line, as in the view's file: so errors name the same lines.
    return f"CREATE MACRO {ROWS_SCHEMA}.{name}() AS TABLE\n{select};\n"


def _definitions(contract: Contract) -> str:
    """Return the view that shows every view's SELECT as it is written."""
    rows = ", ".join(
        f"({literal(name)}, {literal(view.select)}, [{literals(view.settings.key)}], "
        f"{str(view.settings.materialized).lower()})"
        for name, view in sorted(contract.views.items())
    )
    casts = ", ".join(f"{each.name}::{duckdb_type(each.type)} AS {each.name}" for each in COLUMNS)
    names = ", ".join(each.name for each in COLUMNS)
    return (
        f"CREATE VIEW {DEFINITIONS} AS SELECT {casts} FROM (VALUES {rows}) AS views({names});\n"
        f"COMMENT ON VIEW {DEFINITIONS} IS {literal(MEANING)};\n"
        f"{column_comments(DEFINITIONS, COLUMNS)}"
    )
