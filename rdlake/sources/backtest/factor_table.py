"""Read which factors combined_factors_df.parquet holds. Only the file's footer is read."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rdlake.domain.experiment import FactorColumn, Finding
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain, quote
from rdlake.sources.workspace.hashing import open_file

MAX_FOOTER = 16 << 20

_MAGIC = b"PAR1"
_USUAL_FOOTER = 8 << 10
_LONGEST_NAME = 500
_KEYS = frozenset({"datetime", "instrument"})
_PREFIX = "feature_"
_NUMBERS = (
    pa.types.is_floating,
    pa.types.is_integer,
    pa.types.is_boolean,
    pa.types.is_decimal,
    pa.types.is_null,
)


@dataclass(frozen=True, slots=True)
class _TableColumn:
    """Describe a column: its name in the file, its type, and the levels when the name is a tuple's
    text."""

    text: str
    kind: pa.DataType
    levels: tuple[object, ...] | None

    def is_key(self, keys: Collection[str]) -> bool:
        if self.levels is None or self.text in keys:
            return self.text in keys or self.text.startswith("__index_level_")
        return len(self.levels) == 2 and "" in self.levels and not _KEYS.isdisjoint(self.levels)

    @property
    def is_label(self) -> bool:
        return self.levels is not None and "label" in self.levels and "feature" not in self.levels

    @property
    def is_prefixed(self) -> bool:
        return self.levels is None and self.text.startswith(_PREFIX) and self.text != _PREFIX

    @property
    def is_number(self) -> bool:
        return any(test(self.kind) for test in _NUMBERS)

    @property
    def factor_name(self) -> str | None:
        """Return the factor's name, from a plain column or a ('feature', name) pair in either
        order."""
        match self.levels:
            case None if 0 < len(self.text) <= _LONGEST_NAME:
                return None if self.text.startswith(("('", '("')) else self.text
            case ("feature", str(name)) | (str(name), "feature") if name:
                return name
            case _:
                return None


def read_factor_columns(
    path: Path, file: str
) -> tuple[tuple[FactorColumn, ...] | None, list[Finding]]:
    """Return the factor columns in the file's order.

    None and an error for a file that is no Parquet file or has no factor column.
    """
    try:
        schema = pq.read_schema(pa.BufferReader(_read_footer(path)))
        columns = [
            _TableColumn(field.name, field.type, _parse_levels(field.name)) for field in schema
        ]
    except Unreadable as error:
        return None, [_error(file, str(error))]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        return None, [_error(file, f"not a readable Parquet file: {explain(error)}")]
    findings: list[Finding] = []
    keys = find_key_columns(schema)
    named = _name_factors([column for column in columns if column.text not in keys], file, findings)
    if not named:
        return None, [*findings, _error(file, "no factor column in it")]
    factors = (
        FactorColumn(name=name, column=named[name], position=place)
        for place, name in enumerate(named)
    )
    return tuple(factors), findings


def find_key_columns(schema: pa.Schema) -> frozenset[str]:
    """Return the columns with a row's day and instrument, by their names in the file."""
    keys = _KEYS | _find_pandas_index(schema)
    columns = (_TableColumn(field.name, field.type, _parse_levels(field.name)) for field in schema)
    return frozenset(column.text for column in columns if column.is_key(keys))


def _read_footer(path: Path) -> bytes:
    """Return the end of a Parquet file, which holds its schema and none of its data."""
    descriptor, status = open_file(os.fspath(path))
    try:
        tail = _read_tail(descriptor, status.st_size, _USUAL_FOOTER)
        if tail[-4:] != _MAGIC or len(tail) < 12:
            raise Unreadable("not a Parquet file, or cut short: its end is missing")
        length = int.from_bytes(tail[-8:-4], "little") + 8
        if length > min(status.st_size, MAX_FOOTER):
            raise Unreadable("not a readable Parquet file: its footer is longer than possible")
        return (
            tail[-length:]
            if length <= len(tail)
            else _read_tail(descriptor, status.st_size, length)
        )
    finally:
        os.close(descriptor)


def _read_tail(descriptor: int, size: int, length: int) -> bytes:
    os.lseek(descriptor, max(0, size - length), os.SEEK_SET)
    return os.read(descriptor, length)


def _find_pandas_index(schema: pa.Schema) -> frozenset[str]:
    """Return the columns that pandas wrote as its index; none when another program wrote the
    file."""
    try:
        note = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        index = note.get("index_columns", [])
        return frozenset(name for name in index if isinstance(name, str))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return frozenset()


def _name_factors(
    values: Sequence[_TableColumn], file: str, findings: list[Finding]
) -> dict[str, str]:
    """Return the column name of each factor. Of two columns with one name the last counts, as in
    RD-Agent."""
    cut = len(_PREFIX) if all(column.is_prefixed for column in values) else 0
    named: dict[str, str] = {}
    for column in values:
        if column.is_label:
            continue
        name = column.factor_name
        if name is None or not column.is_number:
            kind = "no factor's name" if name is None else f"of type {quote(str(column.kind))}"
            reason = f"the column {quote(column.text)} is {kind}; it was left out"
            findings.append(_warning(file, reason))
            continue
        name = name[cut:]
        if named.pop(name, None) is not None:
            findings.append(_warning(file, f"{quote(name)} comes twice; the last column counts"))
        named[name] = column.text
    return named


@lru_cache(maxsize=1024)
def _parse_levels(column: str) -> tuple[object, ...] | None:
    """Return the levels of a column name that pandas wrote as a tuple's text; None for a plain
    name."""
    if not (column.startswith("(") and column.endswith(")") and len(column) <= _LONGEST_NAME):
        return None
    try:
        value = ast.literal_eval(column)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, tuple) else None


def _error(file: str, reason: str) -> Finding:
    return Finding("error", file, reason, "run the back-test again, or remove the file")


def _warning(file: str, reason: str) -> Finding:
    return Finding("warning", file, reason, "look at the code that made the factor table")
