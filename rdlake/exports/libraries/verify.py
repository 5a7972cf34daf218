"""Compare each factor of the library with the values that were back-tested: `rdlake libs verify`.

This is the only command that runs foreign code. The code runs in a closed process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal

import polars as pl

from rdlake.errors import BadInput
from rdlake.exports.libraries import factors
from rdlake.exports.libraries.comparison import (
    compare_values,
    read_result_values,
    read_table_values,
)
from rdlake.exports.libraries.generated_folder import open_generated_folder
from rdlake.exports.libraries.runtime.runner import FactorFailed, RunLimits, run
from rdlake.sources.backtest.prices import PRICES
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain
from rdlake.sources.workspace.hashing import open_file
from rdlake.store.lake import Lake

TABLE, RESULT = "combined_factors_df.parquet", "result.h5"
PIECE = 1 << 20
Verdict = Literal["equal", "differs", "cannot be run", "values gone"]


@dataclass(frozen=True)
class StoredInputs:
    """Name the folders of workspaces that hold stored values, and prices if they lie elsewhere."""

    workspaces: tuple[Path, ...]
    prices: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Report on one implementation.

    `against` is the stored file. Of its `rows`, `otherwise` rows differ from what the code makes,
    by `largest` at most. `beyond` counts values that are not stored.
    """

    name: str
    module: str
    verdict: Verdict
    against: str | None = None
    rows: int | None = None
    otherwise: int | None = None
    largest: float | None = None
    beyond: int | None = None
    seconds: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class _StoredFile:
    path: Path
    name: str
    root: Path


def verify(
    lake: Lake,
    library: Path,
    against: StoredInputs,
    *,
    names: Collection[str] = (),
    python: str,
    limits: RunLimits,
) -> Iterator[Verification]:
    """Run each implementation of the library, or of the named factors, and compare its values.

    They are compared with the table of the experiment that accepted the factor, else with its own
    result.h5. A file counts as stored when it has the digest that the lake knows. Raise BadInput
    when the library has no such factor.
    """
    entries = factors.read_entries(open_generated_folder(library))
    chosen = [each for _, each in sorted(entries.items()) if not names or each.name in names]
    missing = sorted(set(names) - {each.name for each in chosen})
    if missing or not entries:
        raise BadInput(
            f"the library has no factor {', '.join(missing)}" if missing else "it has no factors",
            where=library,
            fix="rdlake libs sync writes those that were accepted",
        )
    for each in chosen:
        yield _verify_entry(lake, library, against, each, python, limits)


def _verify_entry(
    lake: Lake,
    library: Path,
    against: StoredInputs,
    entry: factors.FactorEntry,
    python: str,
    limits: RunLimits,
) -> Verification:
    report = partial(Verification, name=entry.name, module=entry.module)
    stored, why = _find_stored(lake, against.workspaces, entry)
    if stored is None:
        return report(verdict="values gone", reason=why)
    report = partial(report, against=stored.name)
    try:
        is_table = stored.path.name == TABLE
        values = (
            read_table_values(stored.path, entry.column)
            if is_table
            else read_result_values(stored.path)
        )
    except Unreadable as error:
        return report(verdict="values gone", reason=str(error))
    prices = (against.prices or stored.root.parent / PRICES).expanduser().resolve()
    if not prices.is_file():
        return report(
            verdict="cannot be run", reason=f"no prices: {prices.name} is not there; --prices"
        )
    code = (library / factors.code_path(entry)).read_bytes()
    if sha256(code).hexdigest() != entry.code_sha256:
        return report(
            verdict="cannot be run", reason="its code in the library is not what was written"
        )
    begun = time.monotonic()
    try:
        made = run(
            code, partial(_link_prices, prices), limits=limits, python=python, readable=(prices,)
        )
        found = compare_values(values, made)
    except (FactorFailed, Unreadable, OSError) as error:
        return report(verdict="cannot be run", reason=str(error))
    return report(
        verdict="differs" if found.otherwise else "equal",
        rows=found.rows,
        otherwise=found.otherwise,
        largest=found.largest,
        beyond=found.beyond,
        seconds=round(time.monotonic() - begun, 3),
    )


def _link_prices(prices: Path, folder: Path) -> None:
    (folder / "daily_pv.h5").symlink_to(prices)


def _find_stored(
    lake: Lake, roots: Sequence[Path], entry: factors.FactorEntry
) -> tuple[_StoredFile | None, str | None]:
    """Return the first file that holds the values as the lake knows them, else the reason why
    there is none."""
    places = [(entry.workspace_id, TABLE)]
    if entry.sub_workspace_id:
        places.append((entry.sub_workspace_id, RESULT))
    ids = [workspace_id for workspace_id, _ in places]
    columns = ["workspace_id", "path", "sha256"]
    rows = lake.read("artifacts", columns, pl.col("workspace_id").is_in(ids)).rows()
    known = {(workspace_id, path): digest for workspace_id, path, digest in rows}
    reasons = []
    for workspace_id, name in places:
        file = f"{workspace_id}/{name}"
        digest = known.get((workspace_id, name))
        if digest is None:
            reasons.append(f"{file} is not in the lake")
            continue
        found = [root for root in roots if (root / workspace_id / name).is_file()]
        same = [root for root in found if _digest(root / workspace_id / name) == digest]
        if same:
            return _StoredFile(same[0] / workspace_id / name, file, same[0]), None
        reasons.append(f"{file} is {'another file by now' if found else 'not there'}")
    return None, "; ".join(reasons)


def _digest(path: Path) -> str | None:
    """Return the digest of a file; the reason if it cannot be read, which equals no digest."""
    found = sha256()
    try:
        descriptor, _ = open_file(str(path))
        with os.fdopen(descriptor, "rb") as file:
            while piece := file.read(PIECE):
                found.update(piece)
    except OSError as error:
        return explain(error)
    return found.hexdigest()
