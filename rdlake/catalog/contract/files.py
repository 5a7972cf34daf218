"""Load the contract, the checks and the cookbook from the files of `sql/`."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import duckdb

from rdlake.catalog.contract.key_checks import key_check
from rdlake.catalog.contract.parser import SelectFault, parse_selects
from rdlake.catalog.contract.rules import order_views, refuse_wrong_checks, refuse_wrong_settings
from rdlake.catalog.contract.settings import ContractSettings, parse_settings
from rdlake.catalog.contract.sql_file import SqlFile, read_file, read_sql_files
from rdlake.catalog.contract.stored import state_contract, view_of
from rdlake.catalog.contract.values import TABLES_SCHEMA, Check, Contract, Query, View
from rdlake.schema.tables import TABLES

SETTINGS_FILE = "materialize.toml"
_LEADING = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_TRAILING = re.compile(r";(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*\Z", re.DOTALL)
_COMMENT = re.compile(
    r'COMMENT ON (?:VIEW (?P<view>\w+)|COLUMN (?P<owner>\w+)\."?(?P<column>\w+)"?) IS\b'
)
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)


@cache
def sql_folder() -> Path:
    """Return where `sql/` lies: beside the package in a checkout, inside it when installed."""
    inside = Path(__file__).parents[2] / "sql"
    return inside if inside.is_dir() else inside.parent.parent / "sql"


@cache
def current_contract() -> Contract:
    """Return the contract that `sql/` states today."""
    return load_contract(sql_folder())


@cache
def current_checks() -> tuple[Check, ...]:
    """Return the checks that `sql/` has today, by name."""
    return load_checks(sql_folder(), current_contract())


@cache
def checks_digest() -> str:
    """Return what all checks ask, as one digest."""
    return sha256("".join(each.sql for each in current_checks()).encode()).hexdigest()


@cache
def load_queries() -> tuple[Query, ...]:
    """Return the cookbook: every question with its query, by name."""
    files = read_sql_files(sql_folder() / "queries").values()
    return tuple(Query(file.name, file.first_sentence, file.text) for file in files)


def load_contract(folder: Path) -> Contract:
    """Return the contract that the files in a folder state. BadInput for the first mistake."""
    source, settings = _load_settings(folder)
    files = read_sql_files(folder / "views")
    refuse_wrong_settings(source, settings, files)
    with closing(duckdb.connect()) as connection:
        statements = {name: split_view(file, connection) for name, file in files.items()}
    parsed = parse_selects(select for select, _ in statements.values())
    views: dict[str, View] = {}
    for name, (select, comments) in statements.items():
        file, found = files[name], parsed[select]
        if isinstance(found, SelectFault):
            raise file.error(
                f"the view's query is not one that DuckDB can read: {found.reason}",
                "write one SELECT after CREATE VIEW … AS",
                file.line_of(file.text.find(select) + found.position),
            )
        refuse_wrong_comments(file, comments, found.columns)
        view = view_of(name, select, "\n".join(comments), settings, str(file.path))
        views[name] = replace(view, first_line=file.line_of(file.text.find("CREATE VIEW")))
    return state_contract(source.text, settings, order_views(source, settings, files, views))


def load_checks(folder: Path, contract: Contract) -> tuple[Check, ...]:
    """Return the checks of a folder, by name: its files, and those that count keys. BadInput for
    the first mistake."""
    source, settings = _load_settings(folder)
    files = read_sql_files(folder / "checks")
    found = []
    for name, file in files.items():
        by = settings.checks[name].by if name in settings.checks else None
        found.append(
            Check(
                name=name, promise=file.first_sentence, sql=file.text, by=by, origin=str(file.path)
            )
        )
    keys = {f"{TABLES_SCHEMA}.{entry.name}": entry.key for entry in TABLES} | dict(contract.keys)
    for name, each in settings.checks.items():
        counted = [known if known in keys else f"{TABLES_SCHEMA}.{known}" for known in each.keys_of]
        if each.promise:
            sql = key_check(each.promise, {known: keys.get(known, ()) for known in counted})
            found.append(
                Check(name=name, promise=each.promise, sql=sql, by=each.by, origin=str(source.path))
            )
    refuse_wrong_checks(source, settings, files, contract, found)
    return tuple(sorted(found, key=lambda check: check.name))


def _load_settings(folder: Path) -> tuple[SqlFile, ContractSettings]:
    source = read_file(folder / SETTINGS_FILE)
    return source, parse_settings(source.text, str(source.path))


def split_view(file: SqlFile, connection: duckdb.DuckDBPyConnection) -> tuple[str, list[str]]:
    """Return the SELECT of a view's file and its COMMENT ON statements. BadInput for anything else
    in it; whether the first part is a SELECT, the caller asks DuckDB."""
    start, end = f"CREATE VIEW {file.name} AS", f"COMMENT ON VIEW {file.name} IS"
    head, found, tail = file.text.partition(f";\n\n{end}")
    if found:  # the usual form: DuckDB need not parse the SELECT here, which takes most of the time
        others = _statements(file, end + tail, connection)
    else:
        head, *others = _statements(file, file.text, connection)
    head = _without_leading_comments(head)
    if not re.match(rf"{start}\s", head):
        raise file.error(
            f"the first statement is not the view of the file's name: {head.splitlines()[0]}",
            f"begin it with: {start}",
            head,
        )
    for statement in others:
        match = _COMMENT.match(statement)
        if not match or file.name not in (match["view"], match["owner"]):
            raise file.error(
                f"this is no comment on the view {file.name}: {statement.splitlines()[0]}",
                "a file holds one CREATE VIEW and COMMENT ON statements for it, nothing else",
                statement,
            )
    select = _TRAILING.sub("", head).removeprefix(start).strip()
    return select, [_TRAILING.sub("", statement) + ";" for statement in others]


def _statements(file: SqlFile, text: str, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the statements in the last part of a file, without comments before each."""
    try:
        found = [each.query for each in connection.extract_statements(text)]
    except duckdb.Error as error:
        line = _LINE.search(str(error))
        before = file.text.count("\n") - text.count("\n")
        raise file.error(
            f"DuckDB cannot read the file: {str(error).splitlines()[0]}",
            "correct the statement; duckdb -f FILE shows the same error",
            before + int(line[1]) if line else 1,
        ) from error
    if not found:
        raise file.error("the file holds no statement", "write the statement, or remove the file")
    return [_without_leading_comments(each) for each in found]


def _without_leading_comments(sql: str) -> str:
    found = _LEADING.match(sql)
    return sql[found.end() :] if found else sql


def refuse_wrong_comments(file: SqlFile, comments: list[str], columns: tuple[str, ...]) -> None:
    """Raise BadInput unless there is one comment for the view and for each of its columns."""
    found = [match for each in comments if (match := _COMMENT.match(each))]
    if not found or [match["view"] for match in found] != [file.name] + [None] * (len(found) - 1):
        raise file.error(
            "a view has one comment of its own, before those of its columns",
            f"write COMMENT ON VIEW {file.name} IS '…'; once, after the SELECT",
        )
    named = [match["column"] for match in found[1:]]
    for column in named:
        if column not in columns or named.count(column) > 1:
            what = "has two comments" if column in columns else "is not in the view"
            raise file.error(
                f"the column {column} {what}",
                f"give each column one comment; the columns are {', '.join(columns)}",
                f"COMMENT ON COLUMN {file.name}.{column}",
            )
    for column in columns:
        if column not in named:
            raise file.error(
                f"the column {column or 'without a name'} has no comment",
                f"write it as …::TYPE AS name, and add: COMMENT ON COLUMN {file.name}.name IS '…';",
                f"AS {column}" if column else 1,
            )
