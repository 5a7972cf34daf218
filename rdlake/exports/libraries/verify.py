"""`rdlake libs verify`: each factor of the library against the values that were back-tested.

The only command that runs foreign code, and it runs it closed in.
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
from rdlake.exports.libraries.comparison import difference, read_result_values, read_table_values
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
    """Where the values and prices lie: folders of workspaces, and prices else than beside these."""

    workspaces: tuple[Path, ...]
    prices: Path | None = None


@dataclass(frozen=True)
class Verification:
    """What became of one implementation. `against` is the stored file; of its `rows`, `otherwise`
    are not what the code makes, which differ by `largest` at most."""

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
class _Stored:
    path: Path
    said: str
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
    """Run each implementation of the library, or of these factors, on the prices, and hold it
    against the table of the experiment that accepted it, else against its own result.h5. A file
    counts as stored when its digest is the lake's. BadInput when the library has no such factor."""
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
        yield _verified(lake, library, against, each, python, limits)


def _verified(
    lake: Lake,
    library: Path,
    against: StoredInputs,
    entry: factors.FactorEntry,
    python: str,
    limits: RunLimits,
) -> Verification:
    told = partial(Verification, entry.name, entry.module)
    stored, why = _stored(lake, against.workspaces, entry)
    if stored is None:
        return told("values gone", reason=why)
    told = partial(told, against=stored.said)
    try:
        is_table = stored.path.name == TABLE
        values = (
            read_table_values(stored.path, entry.column)
            if is_table
            else read_result_values(stored.path)
        )
    except Unreadable as error:
        return told("values gone", reason=str(error))
    prices = (against.prices or stored.root.parent / PRICES).expanduser().resolve()
    if not prices.is_file():
        return told("cannot be run", reason=f"no prices: {prices.name} is not there; --prices")
    code = (library / factors.code_path(entry)).read_bytes()
    if sha256(code).hexdigest() != entry.code_sha256:
        return told("cannot be run", reason="its code in the library is not what was written")
    begun = time.monotonic()
    try:
        made = run(code, partial(_linked, prices), limits=limits, python=python, readable=(prices,))
        found = difference(values, made)
    except (FactorFailed, Unreadable, OSError) as error:
        return told("cannot be run", reason=str(error))
    return told(
        "differs" if found.otherwise else "equal",
        rows=found.rows,
        otherwise=found.otherwise,
        largest=found.largest,
        beyond=found.beyond,
        seconds=round(time.monotonic() - begun, 3),
    )


def _linked(prices: Path, folder: Path) -> None:
    (folder / "daily_pv.h5").symlink_to(prices)


def _stored(
    lake: Lake, roots: Sequence[Path], entry: factors.FactorEntry
) -> tuple[_Stored | None, str | None]:
    """The first file that holds its values as the lake knows them, else why there is none."""
    places = [(entry.workspace_id, TABLE)]
    if entry.sub_workspace_id:
        places.append((entry.sub_workspace_id, RESULT))
    ids = [workspace_id for workspace_id, _ in places]
    columns = ["workspace_id", "path", "sha256"]
    rows = lake.read("artifacts", columns, pl.col("workspace_id").is_in(ids)).rows()
    known = {(workspace_id, path): digest for workspace_id, path, digest in rows}
    reasons = []
    for workspace_id, name in places:
        said = f"{workspace_id}/{name}"
        digest = known.get((workspace_id, name))
        if digest is None:
            reasons.append(f"{said} is not in the lake")
            continue
        found = [root for root in roots if (root / workspace_id / name).is_file()]
        same = [root for root in found if _digest(root / workspace_id / name) == digest]
        if same:
            return _Stored(same[0] / workspace_id / name, said, same[0]), None
        reasons.append(f"{said} is {'another file by now' if found else 'not there'}")
    return None, "; ".join(reasons)


def _digest(path: Path) -> str | None:
    found = sha256()
    try:
        descriptor, _ = open_file(str(path))
        with os.fdopen(descriptor, "rb") as file:
            while piece := file.read(PIECE):
                found.update(piece)
    except OSError as error:
        return explain(error)
    return found.hexdigest()
