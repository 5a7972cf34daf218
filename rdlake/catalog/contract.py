"""The contract as it lies in `sql/`: views with their keys, and the checks that guard them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from graphlib import TopologicalSorter
from hashlib import sha256
from pathlib import Path

from rdlake.schema.sql import duckdb_type, identifier, literal
from rdlake.schema.tables import TABLES, Column, Table, table
from rdlake.store.data_files import DataFile

CONTRACT_VERSION = "1.0"
"""Views and columns are only added within a version; anything else raises it."""

TABLES_SCHEMA = "rdlake_tables"
ROWS_SCHEMA = "rdlake_rows"
"""A table macro of each table, and of each view that is made when published: its rows."""
MADE = "catalogs/data"
"""Where the rows lie of views that are made when published, below the lake's root."""
_KEY = re.compile(r"^-- key: (?P<key>.+)\nCREATE VIEW (?P<view>\w+)", re.MULTILINE)
_TABLE = re.compile(rf"\b{TABLES_SCHEMA}\.(\w+)")
_VIEW = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)\b(?!\.)")
_BY = re.compile(r"^-- by (\w+)$", re.MULTILINE)
_FILES = re.compile(
    r"SELECT (?P<casts>.*)\n"
    r"FROM /\* files of (?P<name>\w+) \*/ \((?P<nulls>SELECT .*? WHERE false)\) /\* or none \*/"
)
_ROWS = re.compile(
    r"/\* rows of (?P<name>\w+)"
    r"(?: by (?P<by>\w+)(?: as (?P<shown>\w+))?(?: in (?P<parts>\d+) parts)?)?"
    r"(?: in groups of (?P<size>\d+))? \*/ \("
    r"(?P<query>.*?)\n *\) /\* made when published \*/",
    re.DOTALL,
)


@dataclass(frozen=True)
class Check:
    """A promise and the query that returns the rows that break it. With `by`, a row that it returns
    follows only from rows of tables that have the same value in this column."""

    name: str
    promise: str
    sql: str
    by: str | None


@dataclass(frozen=True)
class By:
    """A column of tables, what a view calls it, and in how many parts by it a large lake has the
    view's rows."""

    column: str
    shown: str
    parts: int


@dataclass(frozen=True)
class Query:
    """A question of an analyst and the query that answers it."""

    name: str
    question: str
    sql: str


@cache
def sql_folder() -> Path:
    """Where `sql/` lies: beside the package in a checkout, inside it when installed."""
    inside = Path(__file__).parent.parent / "sql"
    return inside if inside.is_dir() else inside.parent.parent / "sql"


@cache
def checks() -> tuple[Check, ...]:
    """Every check, by name."""
    found = []
    for path in sorted((sql_folder() / "checks").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        by = _BY.search(text)
        promise = text.splitlines()[0].removeprefix("-- ")
        found.append(Check(path.stem, promise, text, by[1] if by else None))
    return tuple(found)


@cache
def checks_digest() -> str:
    """What all checks ask, as one digest."""
    return sha256("".join(each.sql for each in checks()).encode()).hexdigest()


@cache
def queries() -> tuple[Query, ...]:
    """The cookbook: every question with its query, by name."""
    found = []
    for path in sorted((sql_folder() / "queries").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        found.append(Query(path.stem, text.splitlines()[0].removeprefix("-- "), text))
    return tuple(found)


@cache
def script() -> str:
    """The SQL of a whole catalog: a view per table, then the contract.

    Each table's view has no rows yet: `row_queries` tells those of a version.
    """
    tables = [_table_view(entry) for entry in TABLES if entry.pinned]
    views = {
        path.stem: path.read_text(encoding="utf-8")
        for path in (sql_folder() / "views").glob("*.sql")
    }
    return "\n\n".join([*tables, *(views[name] for name in _in_order(views))])


@lru_cache(maxsize=4)
def keys(sql: str) -> Mapping[str, tuple[str, ...]]:
    """view -> its key columns, as the SQL of a version states them."""
    return {
        found["view"]: tuple(part.strip() for part in found["key"].split(","))
        for found in _KEY.finditer(sql)
    }


@lru_cache(maxsize=4)
def definitions(sql: str) -> Mapping[str, str]:
    """view -> the query that makes its rows, of each view that is made when published."""
    return {found["name"]: found["query"] for found in _ROWS.finditer(sql)}


@lru_cache(maxsize=4)
def sources(sql: str) -> Mapping[str, tuple[str, ...]]:
    """view -> the tables and the other views made before it that its own query reads, of each view
    that is made when published; these stand in the order in which they can be made."""
    made = definitions(sql)
    return {
        view: tuple(sorted({*_TABLE.findall(query), *(made.keys() & set(_VIEW.findall(query)))}))
        for view, query in made.items()
    }


def telling(sql: str, source: str) -> tuple[str, ...]:
    """The columns by whose values rows of a table, or of a view that another reads, are told."""
    return keys(sql).get(source) or table(source).column_names


@lru_cache(maxsize=4)
def parted(sql: str) -> Mapping[str, By]:
    """view -> the column by whose value its rows can be made apart: a row follows only from rows of
    its sources that have the same value in it, that belong to a workspace that has, or that are
    the configuration of one."""
    return {
        found["name"]: By(found["by"], found["shown"] or found["by"], int(found["parts"] or 1))
        for found in _ROWS.finditer(sql)
        if found["by"]
    }


@lru_cache(maxsize=4)
def group_sizes(sql: str) -> Mapping[str, int]:
    """view -> how many of its rows lie together in a file, where these are longer than most."""
    return {found["name"]: int(found["size"]) for found in _ROWS.finditer(sql) if found["size"]}


def shown(sql: str) -> str:
    """The SQL of a version in which each table's view, and each view that is made when published,
    shows the rows that its macro gives: the same for every version of a contract."""
    rows = rf"{ROWS_SCHEMA}.\g<name>()"
    return _ROWS.sub(rows, _FILES.sub(f"SELECT * FROM {rows}", sql))


def row_queries(sql: str, lists: Mapping[str, Sequence[DataFile]], root: str) -> dict[str, str]:
    """name -> the query of the rows of each table, and each view that is made when published, in
    its files below `root`, an SQL expression. A table without files has no rows, such a view those
    of its own query.

    Where every file has every column the files are read as they are, with the types they were
    written with. Else columns are matched by name and cast, and one that no file has is a typed
    null.
    """

    def read(files: Sequence[DataFile], folder: str, option: str = "") -> str:
        paths = _listed(root, [f"/{folder}/{file.path}" for file in files])
        return f"SELECT * FROM read_parquet({paths}, hive_partitioning=false{option})"

    def of_table(name: str, casts: str, nulls: str) -> str:
        files = lists.get(name, ())
        if not files:
            return f"SELECT {casts}\nFROM ({nulls})"
        if all(file.columns == nulls.count("NULL::") for file in files):
            return read(files, f"tables/{name}")
        by_name = read(files, f"tables/{name}", ", union_by_name=true")
        return f"SELECT {casts}\nFROM ({nulls} UNION ALL BY NAME {by_name})"

    tables = {found["name"]: of_table(**found.groupdict()) for found in _FILES.finditer(sql)}
    views = {
        name: read(files, MADE) if (files := lists.get(name)) else query
        for name, query in definitions(sql).items()
    }
    return tables | views


def _listed(root: str, paths: Sequence[str]) -> str:
    """SQL for a list of these paths below the root. A reader binds each expression of a query: so
    there is one, however many the paths are."""
    parted = literal("|".join(paths))
    return f"string_split({root} || replace({parted}, '|', chr(0) || {root}), chr(0))"


def column_comments(name: str, columns: Iterable[Column]) -> str:
    """The statements that give each column of a view or table its meaning."""
    return "\n".join(
        f"COMMENT ON COLUMN {name}.{identifier(each.name)} IS {literal(each.meaning)};"
        for each in columns
    )


def _in_order(views: dict[str, str]) -> Iterator[str]:
    """Views after the views they read, always in the same order."""
    needs = {
        name: [
            other
            for other in sorted(views)
            if other != name and re.search(rf"(FROM|JOIN)\s+{other}\b", text)
        ]
        for name, text in sorted(views.items())
    }
    return iter(TopologicalSorter(needs).static_order())


def _table_view(entry: Table) -> str:
    """One table; its files come with the version."""
    typed = [(identifier(each.name), duckdb_type(each.type)) for each in entry.columns]
    name = f"{TABLES_SCHEMA}.{entry.name}"
    nulls = ", ".join(f"NULL::{kind} AS {column}" for column, kind in typed)
    return (
        f"CREATE VIEW {name} AS\n"
        f"SELECT {', '.join(f'{column}::{kind} AS {column}' for column, kind in typed)}\n"
        f"FROM /* files of {entry.name} */ (SELECT {nulls} WHERE false) /* or none */;\n"
        f"COMMENT ON VIEW {name} IS {literal(entry.meaning)};\n"
        f"{column_comments(name, entry.columns)}"
    )
