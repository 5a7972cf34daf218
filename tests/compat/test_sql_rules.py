"""Which SQL a view may use: what every DuckDB answers alike, and what differs and is forbidden.

A view is written once, by the DuckDB that publishes, and read by all others.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rdlake.catalog.template import STORAGE_VERSION
from rdlake.schema.sql import literal
from tests.catalog.test_contract import TEXT_OR_COMMENT, code_of, forbidden_in, sql_files
from tests.compat.interpreters import BUILT, NOT_BUILT, ask

ALIKE = [
    "list_filter([1, 2, 3], lambda x: x > 1)",
    "list_transform(map_entries(MAP {'a': 1}), lambda e: {'k': e.key, 'v': e.value})",
    "list_sort(map_entries(MAP {'b': NULL, 'a': 1.5::DOUBLE}))",
    "(MAP {'a': 1.5, 'ß': NULL})['a']",
    "{'a': 1, 'b': {'c': [NULL, 'x']}}",
    "(SELECT arg_max(x, k) FROM (VALUES (NULL, 3), ('a', 1), ('b', 2)) AS t(x, k))",
    "(SELECT list(i ORDER BY i DESC) FILTER (WHERE i > 0) FROM range(3) AS t(i))",
    "(SELECT quantile_cont(i, 0.25) FROM range(4) AS t(i))",
    "(SELECT median(x) FROM (VALUES (0.1::DOUBLE), (0.3), (NULL)) AS t(x))",
    "(SELECT stddev_samp(x) FROM (VALUES (0.1::DOUBLE), (0.2), (0.4)) AS t(x))",
    "(SELECT sum(x) FROM (VALUES (0.1::DOUBLE), (0.2), ('nan')) AS t(x))",
    "(SELECT count(DISTINCT x) FROM (VALUES ('nan'::DOUBLE), ('nan'), (0.0), (-0.0)) AS t(x))",
    "(SELECT string_agg(i::VARCHAR, ',' ORDER BY i) FROM range(3) AS t(i))",
    "(SELECT max(s) FROM (SELECT sum(i) OVER (ORDER BY i) AS s FROM range(3) AS t(i)))",
    "(SELECT i FROM range(3) AS t(i) QUALIFY row_number() OVER (ORDER BY i DESC) = 1)",
    "(SELECT sum(b) FROM (SELECT a, count(*) AS b FROM (VALUES (1), (1)) AS t(a) GROUP BY ALL))",
    "(SELECT b FROM (SELECT * EXCLUDE (a) FROM (SELECT 1 AS a, 2 AS b)))",
    "(SELECT r.b FROM (SELECT 2 AS a) AS l ASOF JOIN (SELECT 1 AS a, 'x' AS b) AS r ON l.a >= r.a)",
    "(SELECT y FROM (PIVOT (SELECT 1 AS a, 'y' AS b) ON b IN ('x', 'y') USING sum(a)))",
    "(WITH u AS (SELECT unnest([3, 4]) AS x) SELECT list(x ORDER BY x) FROM u)",
    "date_trunc('month', DATE '2020-02-03')::DATE",
    "DATE '2020-01-31' + INTERVAL 1 MONTH",
    "date_diff('day', DATE '2020-01-31', DATE '2020-02-01')",
    "strftime(TIMESTAMP '2020-01-02 03:04:05.678901', '%Y-%m-%d %H:%M:%S.%f')",
    "regexp_extract('a1b2', '([a-z])([0-9])', 2)",
    "left('动量因子', 2) || upper('ß') || length('🎲')",
    "md5('动量') || sha256('动量')",
    'json_extract_string(\'{"a": {"b": "x"}}\', \'$.a.b\')',
    "to_json({'a': [1, NULL], 'b': 'x'})::VARCHAR",
    "1 / 0",
    "7 % nullif(0, 0)",
    "ln(CASE WHEN 0 > 0 THEN 0 END)",
    "0.1::DOUBLE::VARCHAR",
    "round(2.5::DOUBLE) + round(-0.5::DOUBLE)",
    "TRY_CAST('x' AS INTEGER)",
    "coalesce(getvariable('nothing'), 'x')",
]
UNLIKE = {
    "remainder by what may be zero": "7 % 0",
    "whole division by what may be zero": "7 // 0",
    "root": "sqrt(-1)",
    "logarithm": "ln(0)",
    "date_trunc without a cast": "date_trunc('month', DATE '2020-02-03')",
    "unnamed row": "row(1, 2)",
    "list_zip": "list_zip([1], ['a'])",
    "array_to_string": "array_to_string([], ',')",
    "approximation": "(SELECT approx_count_distinct(i) FROM range(100) AS t(i))",
    "skewness": "(SELECT skewness(i * i) FROM range(4) AS t(i))",
    "kurtosis": "(SELECT kurtosis(i) FROM range(5) AS t(i))",
    "entropy": "(SELECT entropy(i) FROM range(3) AS t(i))",
    "json_each": "(SELECT max(key) FROM json_each('{\"a\": 1}'))",
    "if as a function": "if(true, 1, 2)",
    "struct_insert": "struct_insert({'a': 1}, b := 2)",
    "struct_update": "struct_update({'a': 1}, a := 2)",
    "uuidv7": "uuidv7() IS NOT NULL",
    "hash": "hash('a')",
}
FORBIDDEN = {
    "remainder or whole division by what may be zero": r"(?:%|//)(?!\s*(?:[1-9]|nullif\b))",
    "root or logarithm without a guard": r"\b(?:sqrt|ln|log2?|log10)\s*\((?!\s*(?:[1-9]|case\b))",
    "date_trunc without a cast": r"\bdate_trunc\s*\([^()]*\)(?!\s*::)",
    "approximation": r"\bapprox_\w+\s*\(",
    "moments of different rounding": r"\b(?:skewness|kurtosis|entropy)\s*\(",
    "what 1.2 does not have": r"\b(?:json_each|json_tree|struct_update|struct_keys|uuidv7|if)\s*\(",
    "a type that 1.2 does not have": r"::\s*(?:variant|geometry|bignum|time_ns|tuple)\b",
    "columns as a list of which versions disagree": r"\*\s+FROM\s+duckdb_\w+\s*\(",
}
SPOILS_THE_FILE = {
    "TRY": "TRY(CAST('x' AS INTEGER))",
    "a type that 1.2 does not have": "1::VARIANT",
}
"""One such view and 1.2 can no longer attach the file, or no longer list its views."""

with_others = pytest.mark.skipif(not BUILT, reason=NOT_BUILT)


def views_in(path: Path, expressions: Sequence[str]) -> Path:
    """A catalog file of one view per expression, written as a publication is."""
    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute(
            f"ATTACH {literal(str(path))} AS rd (STORAGE_VERSION '{STORAGE_VERSION}')"
        )
        for number, expression in enumerate(expressions):
            connection.execute(f"CREATE VIEW rd.v{number} AS SELECT {expression} AS value")
    return path


def answers(python: Path | str, path: Path, count: int) -> list[Any]:
    """Type and value, or the error, of each view."""
    found = ask(python, "catalog", path)
    views = [found[f"main.v{number}"] for number in range(count)]
    return [view.get("error") or [view["described"], view["rows"]] for view in views]


def seen(code: str) -> list[str]:
    return [name for name, pattern in FORBIDDEN.items() if re.search(pattern, code, re.IGNORECASE)]


@pytest.mark.compat
@with_others
@pytest.mark.parametrize("version", BUILT)
def test_what_the_contract_may_use_is_answered_alike(tmp_path: Path, version: str) -> None:
    path = views_in(tmp_path / "alike.duckdb", ALIKE)
    found, expected = (
        answers(python, path, len(ALIKE)) for python in (BUILT[version], sys.executable)
    )
    unlike = [each for each in zip(ALIKE, found, expected, strict=True) if each[1] != each[2]]
    assert unlike == []


@pytest.mark.compat
@with_others
def test_what_is_forbidden_is_not_answered_alike(tmp_path: Path) -> None:
    path = views_in(tmp_path / "unlike.duckdb", list(UNLIKE.values()))
    expected = answers(sys.executable, path, len(UNLIKE))
    others = [answers(python, path, len(UNLIKE)) for python in BUILT.values()]
    alike = [
        name
        for number, name in enumerate(UNLIKE)
        if all(found[number] == expected[number] for found in others)
    ]
    assert alike == []


@pytest.mark.compat
@with_others
@pytest.mark.parametrize("name", SPOILS_THE_FILE)
def test_one_view_can_spoil_the_file_for_an_older_version(tmp_path: Path, name: str) -> None:
    path = views_in(tmp_path / "spoilt.duckdb", ["1", SPOILS_THE_FILE[name]])
    assert answers(sys.executable, path, 2)
    with pytest.raises(AssertionError):
        answers(BUILT[min(BUILT)], path, 2)


@pytest.mark.parametrize("expression", [*UNLIKE.values(), *SPOILS_THE_FILE.values()])
def test_what_differs_is_seen(expression: str) -> None:
    assert seen(expression) or forbidden_in(expression)


@pytest.mark.parametrize("expression", ALIKE)
def test_what_is_alike_is_not_forbidden(expression: str) -> None:
    assert not seen(TEXT_OR_COMMENT.sub(" ", expression))


@pytest.mark.parametrize("path", sql_files(), ids=lambda path: path.stem)
def test_no_sql_that_is_answered_differently(path: Path) -> None:
    assert seen(code_of(path)) == []


@pytest.mark.parametrize(
    "path",
    [path for path in sql_files() if path.parent.name != "views"],
    ids=lambda path: path.stem,
)
def test_what_is_pasted_has_no_lambda(path: Path) -> None:
    """1.2 reads a lambda in a stored view and does not understand one that is typed."""
    assert not re.search(r"\blambda\b", code_of(path), re.IGNORECASE)
