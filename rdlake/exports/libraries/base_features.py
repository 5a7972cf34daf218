"""Write factors for RD-Agent to begin with: `base_factors.json` and a file of code for each."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from rdlake.errors import BadInput, StorageFailed
from rdlake.exports.factor_filter import CatalogFactor, choose_factors
from rdlake.exports.libraries.generated_folder import open_generated_folder
from rdlake.exports.libraries.implementations import (
    Implementation,
    OmittedFactor,
    find_implementations,
)
from rdlake.exports.libraries.names import python_name
from rdlake.exports.libraries.scan import scan_code
from rdlake.factors.formulas.qlib import is_qlib_expression
from rdlake.store.lake import Lake

EXPRESSIONS = "base_factors.json"


@dataclass(frozen=True, kw_only=True)
class BaseFeatures:
    """Report what the folder has now.

    It has the names of factors as expressions, the file of each factor with code, what was left
    out, and the files that changed.
    """

    root: str
    expressions: tuple[str, ...]
    files: Mapping[str, str]
    left: tuple[OmittedFactor, ...]
    changed: tuple[str, ...]


def export_base_features(
    lake: Lake,
    root: Path,
    *,
    where: str | None = None,
    names: Collection[str] = (),
    allow_unsafe: bool = False,
) -> BaseFeatures:
    """Write the chosen factors into the folder, and remove what was written there before for
    others.

    A factor with code is written as its code; one without code as its expression in Qlib's syntax.
    Raise BadInput when no factor is chosen, and when a file that rdlake did not write is in the
    way.
    """
    if where is None and not names:
        raise BadInput(
            "nothing says which factors",
            where="rdlake export base-features",
            fix="name them, or choose with --where \"source = 'rdagent_generated'\"",
        )
    chosen = choose_factors(lake, where=where, names=names)
    if not chosen:
        raise BadInput(
            "no factor is so",
            where=f"factor_catalog WHERE {where}",
            fix='rdlake sql "SELECT name, source FROM factor_catalog" lists them',
        )
    codes = _codes(lake, chosen)
    expressions: dict[str, str] = {}
    files: dict[str, bytes] = {}
    file_of: dict[str, str] = {}
    left: list[OmittedFactor] = []
    for each in chosen:
        code = codes.get((each.source, each.name))
        if each.name in expressions or each.name in file_of:
            left.append(
                OmittedFactor(each.name, each.source, "another source has a factor of that name")
            )
        elif code is None and is_qlib_expression(each.expression):
            expressions[each.name] = str(each.expression)
        elif code is None:
            left.append(OmittedFactor(each.name, each.source, _why_not(each)))
        elif not allow_unsafe and (reaches := scan_code(code.code)):
            reasons = "; ".join(map(str, reaches))
            left.append(OmittedFactor(each.name, each.source, f"its code reaches out: {reasons}"))
        else:
            file_of[each.name] = _file_name(each.name, files)
            files[file_of[each.name]] = code.code
    if expressions:
        text = json.dumps(expressions, ensure_ascii=False, indent=2)
        files[EXPRESSIONS] = f"{text}\n".encode()
    changed = _write(root, files)
    return BaseFeatures(
        root=str(root),
        expressions=tuple(expressions),
        files=file_of,
        left=tuple(left),
        changed=changed,
    )


def _codes(lake: Lake, chosen: Collection[CatalogFactor]) -> dict[tuple[str, str], Implementation]:
    """Return the code that the lake keeps: the latest that was accepted, else the latest."""
    wanted = {(each.source, each.name) for each in chosen}
    found = {(each.source, each.name): each for each in find_implementations(lake, wanted).taken}
    accepted = {(each.source, each.name): each for each in find_implementations(lake).taken}
    return found | {key: each for key, each in accepted.items() if key in wanted}


def _why_not(chosen: CatalogFactor) -> str:
    if chosen.expression:
        return "its expression is not Qlib's, and the lake does not keep its code"
    return "it has no expression, and the lake does not keep its code"


def _file_name(name: str, taken: Collection[str]) -> str:
    """Return a factor's Python name as a file name.

    Some systems take names in other letter case for one name; then the later one gets a digest.
    """
    called = python_name(name)
    if f"{called}.py".casefold() in {each.casefold() for each in taken}:
        called = f"{called}_{sha256(name.encode()).hexdigest()[:8]}"
    return f"{called}.py"


def _write(root: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed.cannot_write(root, error, "the folder") from error
    before = open_generated_folder(root)
    return before.replace(files, {}, gone=before.files.keys() - files.keys())
