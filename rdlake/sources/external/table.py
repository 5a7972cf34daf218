"""Read a factor table from elsewhere, Parquet or CSV; it is used whole or refused."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from rdlake.domain.experiment import FactorColumn
from rdlake.errors import BadInput
from rdlake.sources.backtest.factor_table import find_key_columns, read_factor_columns
from rdlake.sources.backtest.factor_values import ORIGIN, FactorTable, open_factor_table
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain, quote
from rdlake.sources.workspace.hashing import open_file

MAX_BYTES = 16 << 30
MAX_COLUMNS = 1_000
MAX_HEADER = 1 << 20
PIECE = 1 << 22
KEYS = ("datetime", "instrument")
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
_SAVE = "write the table again: columns datetime and instrument, and a column of numbers per factor"
_DAYS = "write days as 2020-01-31, or as midnights of one time zone"


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """Hold a private copy of the table as Parquet, and the digest of the original file."""

    path: Path
    sha256: str
    factors: tuple[FactorColumn, ...]
    infinite: dict[str, int]
    """How many infinite values each factor has; they count as missing. Factors without one are
    absent."""


@contextmanager
def open_external_table(path: Path, named: str) -> Iterator[ExternalTable]:
    """Copy the table at `path` into a temporary folder as the file `named`.

    BadInput for a table that is not by day and instrument, has a row twice, or has a column that is
    no factor.
    """
    kind = path.suffix.lower()
    if kind not in (".parquet", ".csv"):
        raise BadInput("neither .parquet nor .csv", where=path, fix=_SAVE)
    with TemporaryDirectory(prefix="rdlake-") as passing:
        folder = Path(passing)
        copy = folder / ("table.csv" if kind == ".csv" else named)
        try:
            digest = _copy_file(path, copy)
            if kind == ".csv":
                _convert_csv(copy, folder / named)
                copy.unlink()
            factors = _read_factors(folder / named, path)
            with open_factor_table(folder / named) as table:
                _check_rows(table, path)
            infinite = _count_infinite(folder / named, factors)
        except Unreadable as error:
            fix = _DAYS if "day" in str(error) else _SAVE
            raise BadInput(f"the table cannot be used: {error}", where=path, fix=fix) from error
        except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
            what = f"the table cannot be read: {explain(error)}"
            raise BadInput(what, where=path, fix=_SAVE) from error
        yield ExternalTable(folder / named, digest, factors, infinite)


def _copy_file(path: Path, copy: Path) -> str:
    digest, size = sha256(), 0
    descriptor, _ = open_file(os.fspath(path.resolve()))
    with os.fdopen(descriptor, "rb") as opened, copy.open("wb") as kept:
        while piece := opened.read(PIECE):
            size += len(piece)
            if size > MAX_BYTES:
                raise Unreadable(f"it is larger than {MAX_BYTES >> 30} GiB")
            digest.update(piece)
            kept.write(piece)
    return digest.hexdigest()


def _convert_csv(source: Path, target: Path) -> None:
    """Write a CSV as Parquet: days and codes as text, everything else as numbers."""
    names = _read_header(source)
    _check_keys([name for name in names if name in KEYS])
    kinds = {name: pa.string() if name in KEYS else pa.float64() for name in names}
    with pa_csv.open_csv(
        source,
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=PIECE),
        convert_options=pa_csv.ConvertOptions(
            column_types=kinds, null_values=MISSING, strings_can_be_null=True
        ),
    ) as opened:
        try:
            with pq.ParquetWriter(target, opened.schema) as writer:
                for batch in opened:
                    writer.write_batch(batch)
        except pa.ArrowInvalid as error:
            raise Unreadable(f"not a number where one is expected: {explain(error)}") from error


def _read_header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as opened:
        names = next(csv.reader([opened.readline(MAX_HEADER)]), [])
    if not names:
        raise Unreadable("it is empty")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise Unreadable(f"a column comes twice: {quote(repeated[0])}")
    return names


def _check_keys(keys: Sequence[str]) -> None:
    for name, what in zip(KEYS, ("days", "instruments"), strict=True):
        if name not in keys:
            raise Unreadable(f"it has no column of {what}, {quote(name)}")


def _read_factors(copy: Path, path: Path) -> tuple[FactorColumn, ...]:
    """Return every column but the keys. Unreadable when one of them is no factor."""
    schema = pq.read_schema(copy)
    keys = find_key_columns(schema)
    if not any(pa.types.is_temporal(schema.field(name).type) for name in keys):
        _check_keys([*keys, "instrument"])  # days as text, in a column of that name
    if len(keys) < len(KEYS):
        _check_keys(list(keys))
    if len(schema.names) > MAX_COLUMNS:
        raise Unreadable(f"it has more than {MAX_COLUMNS:,} columns")
    found, findings = read_factor_columns(copy, path.name)
    for each in findings:
        raise Unreadable(each.reason)
    if strangers := set(schema.names) - keys - {factor.column for factor in found or ()}:
        raise Unreadable(f"the column {quote(min(strangers))} is no factor")
    return found or ()


def _check_rows(table: FactorTable, path: Path) -> None:
    rows = table.rows
    if not len(rows.days):
        raise Unreadable("not a single row is in it")
    if rows.firsts is not None:
        again = np.ones(len(rows.days), bool)
        again[rows.firsts] = False
        at = int(again.argmax())
        day, code = ORIGIN + timedelta(int(rows.days[at])), rows.names[rows.codes[at]]
        raise BadInput(
            f"{rows.repeated:,} rows have the day and instrument of another row, the first "
            f"of them {code} on {day} (SH600000, 600000.SH and sh600000 are one instrument)",
            where=path,
            fix="keep one row of each day and instrument",
        )


def _count_infinite(copy: Path, factors: Sequence[FactorColumn]) -> dict[str, int]:
    found: dict[str, int] = {}
    with pq.ParquetFile(copy) as table:
        for factor in factors:
            if not pa.types.is_floating(table.schema_arrow.field(factor.column).type):
                continue
            for batch in table.iter_batches(PIECE, columns=[factor.column], use_threads=False):
                numbers = batch.column(batch.num_columns - 1).cast(pa.float64())
                if count := pc.sum(pc.is_inf(numbers)).as_py():
                    found[factor.name] = found.get(factor.name, 0) + count
    return found
