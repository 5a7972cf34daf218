"""Ask DuckDB's own parser which tables and views a SELECT reads, and which columns it returns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb


@dataclass(frozen=True)
class Select:
    """Hold what the parser found in a SELECT: the names of its columns, and of tables and views
    with their schema where one is written."""

    columns: tuple[str, ...]
    sources: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class SelectFault:
    """Say why a text is not a single SELECT, and at which of its characters."""

    reason: str
    position: int


_PARSED: dict[str, Select | SelectFault] = {}
"""Every text that was parsed in this process."""


def parse_selects(texts: Iterable[str]) -> dict[str, Select | SelectFault]:
    """Return what the parser finds in each text. One call for all texts is faster than many."""
    wanted = list(texts)
    if new := sorted({text for text in wanted if text not in _PARSED}):
        query = "SELECT json_serialize_sql(text) FROM (SELECT unnest(?::VARCHAR[]) AS text)"
        with closing(duckdb.connect()) as connection:
            trees = connection.execute(query, [new]).fetchall()
        _PARSED.update((text, _read_tree(tree)) for text, (tree,) in zip(new, trees, strict=True))
    return {text: _PARSED[text] for text in wanted}


def sources_of(text: str) -> frozenset[tuple[str, str]]:
    """Return the tables and views that a SELECT reads; none for what is not a SELECT."""
    parsed = parse_selects([text])[text]
    return parsed.sources if isinstance(parsed, Select) else frozenset()


def _read_tree(serialized: str) -> Select | SelectFault:
    sources, named_queries = set[tuple[str, str]](), set[tuple[str, str]]()

    def note(node: dict[str, Any]) -> dict[str, Any]:
        """Note what a node of the tree names. The decoder calls this for each one."""
        if node.get("type") == "BASE_TABLE":
            sources.add((node["schema_name"], node["table_name"]))
        elif "cte_map" in node:
            named_queries.update(("", entry["key"]) for entry in node["cte_map"]["map"])
        return node

    tree = json.loads(serialized, object_hook=note)
    if tree["error"]:
        return SelectFault(tree["error_message"], int(tree.get("position") or 0))
    if len(tree["statements"]) != 1:
        return SelectFault("it is not a single SELECT", 0)
    node = tree["statements"][0]["node"]
    while "select_list" not in node:
        node = node.get("left") or node["children"][0]
    columns = tuple(each["alias"] for each in node["select_list"])
    return Select(columns, frozenset(sources - named_queries))
