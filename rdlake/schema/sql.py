"""SQL text from a value: the one place, for where an engine takes no parameters."""

from __future__ import annotations

from collections.abc import Iterable


def literal(value: str) -> str:
    """A text literal; DuckDB and DataFusion read everything but the quote as it is."""
    return "'" + value.replace("'", "''") + "'"


def literals(values: Iterable[str]) -> str:
    """Text literals, separated by commas."""
    return ", ".join(literal(value) for value in values)


def identifier(name: str) -> str:
    """A quoted name."""
    return '"' + name.replace('"', '""') + '"'
