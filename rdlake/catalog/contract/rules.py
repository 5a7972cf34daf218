"""Refuse a contract whose files and settings do not fit together, with file, line and fix."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from rdlake.catalog.contract.parser import Select, SelectFault, parse_selects, sources_of
from rdlake.catalog.contract.settings import ContractSettings, ViewSettings, line_of
from rdlake.catalog.contract.sql_file import SqlFile
from rdlake.catalog.contract.values import TABLES_SCHEMA, Check, Contract, View
from rdlake.schema.tables import TABLES

WITHOUT_CHECK = frozenset({"catalog_info", "catalog_versions", "group_comparison"})
"""Views whose keys need no check. Two are about the version itself; group_members shows every row
of group_comparison."""
COLUMNS = {
    entry.name: entry.column_names for entry in TABLES if entry.pinned or entry.name == "catalogs"
}
"""The columns of every table that a view can read."""


def refuse_wrong_settings(
    source: SqlFile, settings: ContractSettings, files: Mapping[str, SqlFile]
) -> None:
    """Raise BadInput unless every view's file has its settings, and settings their file."""
    for name in settings.views.keys() - files.keys():
        raise source.error(
            f"there is no view {name}",
            f"write views/{name}.sql, or remove the section",
            line_of(source.text, "views", name),
        )
    for name in sorted(files.keys() - settings.views.keys()):
        raise files[name].error(
            f"the view {name} has no key",
            f"add to {source.path}: [views.{name}] with key = […]",
        )
    tables = settings.relations.tables
    for name, relation in tables.items():
        _refuse_unknown(source, settings, [name, *relation.used_in], "relations", "tables", name)
    for column, names in settings.relations.columns.items():
        _refuse_unknown(source, settings, names, "relations", "columns", column)


def _refuse_unknown(
    source: SqlFile, settings: ContractSettings, names: Collection[str], *place: str
) -> None:
    for name in names:
        if name not in COLUMNS and name not in settings.views:
            raise source.error(
                f"there is no table or view {name}",
                "name a table of rdlake_tables or a view of views/",
                line_of(source.text, *place),
            )


def order_views(
    source: SqlFile,
    settings: ContractSettings,
    files: Mapping[str, SqlFile],
    views: Mapping[str, View],
) -> list[View]:
    """Return the views after those that they read, always in the same order. BadInput for a source
    that is not there, a circle, or settings that the queries do not allow."""
    needs: dict[str, list[str]] = {}
    for name, view in views.items():
        needs[name] = []
        for schema, read in sorted(sources_of(view.select)):
            if schema == TABLES_SCHEMA and read in COLUMNS:
                continue
            if schema or read not in views:
                raise files[name].error(
                    f"the view reads {read}, which is no table and no view",
                    f"read {TABLES_SCHEMA}.<table> or a view of views/",
                    f"{schema}.{read}" if schema else read,
                )
            needs[name].append(read)
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = error.args[1]
        raise files[circle[0]].error(
            f"these views read each other in a circle: {' → '.join(circle)}",
            "let one of them read tables instead",
            circle[1],
        ) from error
    for name in order:
        _refuse_unfit(source, settings, views[name], needs[name])
    return [views[name] for name in order]


def _refuse_unfit(
    source: SqlFile, settings: ContractSettings, view: View, views_read: Sequence[str]
) -> None:
    """Raise BadInput when a view's settings name what its query does not have."""
    entry, columns = view.settings, _columns_of(view)
    place = ("views", view.name)
    for column in entry.key:
        if column not in columns:
            raise source.error(
                f"the key names {column}, which the view {view.name} does not have",
                f"its columns are {', '.join(columns)}",
                line_of(source.text, *place, "key"),
            )
    if not entry.materialized:
        return
    for read in views_read:
        if not settings.views[read].materialized:
            raise source.error(
                f"{view.name} is materialized and reads {read}, which is not",
                "let it read tables and materialized views only",
                line_of(source.text, *place),
            )
    if entry.by is None:
        return
    if entry.shown_by not in columns:
        raise source.error(
            f"the view {view.name} has no column {entry.shown_by}",
            "name the view's own column with shown_as",
            line_of(source.text, *place, "by"),
        )
    for _, read in sorted(sources_of(view.select)):
        if not _leads_to(entry.by, read, settings):
            raise source.error(
                f"by = {entry.by!r}: {read} has no such column, and [relations] has no way to it",
                "name a column that every source of the view has, or add the relation",
                line_of(source.text, *place, "by"),
            )


def _leads_to(column: str, source: str, settings: ContractSettings) -> bool:
    """Say whether rows of a source have the column, or workspaces that lead to it."""
    entry: ViewSettings | None = settings.views.get(source)
    columns = entry.key if entry else COLUMNS[source]
    if column in columns:
        return True
    has_workspaces = "workspace_id" in columns or source in settings.relations.tables
    return has_workspaces and column in {"workspace_id", *settings.relations.columns}


def _columns_of(view: View) -> tuple[str, ...]:
    found = parse_selects([view.select])[view.select]
    return found.columns if isinstance(found, Select) else ()


def refuse_wrong_checks(
    source: SqlFile,
    settings: ContractSettings,
    files: Mapping[str, SqlFile],
    contract: Contract,
    checks: Sequence[Check],
) -> None:
    """Raise BadInput when a check is not a SELECT, or its settings do not fit its query."""
    for name, entry in settings.checks.items():
        place = ("checks", name)
        if (name in files) == bool(entry.keys_of):
            what = "is a file and generated too" if name in files else "has no file"
            raise source.error(
                f"the check {name} {what}",
                f"write checks/{name}.sql, or give the keys to count with keys_of, not both",
                line_of(source.text, *place),
            )
        _refuse_unknown(source, settings, entry.keys_of, *place, "keys_of")
    counted = {name for entry in settings.checks.values() for name in entry.keys_of}
    for name in sorted(contract.views.keys() - counted - WITHOUT_CHECK):
        raise source.error(
            f"no check counts the keys of the view {name}",
            "add it to keys_of of a check, such as unique_keys",
            line_of(source.text, "views", name),
        )
    parsed = parse_selects(check.sql for check in checks)
    for check in checks:
        found = parsed[check.sql]
        if isinstance(found, SelectFault):
            file = files[check.name]
            raise file.error(
                f"the check is not a query that DuckDB can read: {found.reason}",
                "write one SELECT that returns the rows which break the promise",
                file.text.count("\n", 0, found.position) + 1,
            )
        for name in _unknown(found, contract):
            raise files[check.name].error(
                f"the check {check.name} reads {name}, which is no table and no view",
                f"read {TABLES_SCHEMA}.<table> or a view of views/",
                name,
            )
        _refuse_unfit_by(source, check, found, contract)


def _unknown(found: Select, contract: Contract) -> Iterator[str]:
    for schema, name in sorted(found.sources):
        if name not in (COLUMNS if schema == TABLES_SCHEMA else contract.views):
            yield f"{schema}.{name}" if schema else name


def _refuse_unfit_by(source: SqlFile, check: Check, found: Select, contract: Contract) -> None:
    for schema, name in sorted(found.sources):
        columns = COLUMNS[name] if schema == TABLES_SCHEMA else _columns_of(contract.views[name])
        if check.by is not None and check.by not in columns:
            raise source.error(
                f"by = {check.by!r}: the check {check.name} reads {name}, which has no such column",
                "name a column that every table and view has which the check reads, or none",
                line_of(source.text, "checks", check.name, "by"),
            )
