"""`rdlake libs sync`: what the lake has of accepted factors and strategies, into the libraries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from rdlake.exports.libraries import factors, strategies
from rdlake.exports.libraries.generated_folder import open_generated_folder
from rdlake.exports.libraries.implementations import (
    Implementation,
    OmittedFactor,
    find_implementations,
)
from rdlake.exports.libraries.scan import scan_code
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.lake import Lake


@dataclass(frozen=True)
class LibraryReport:
    """What became of one library: its folder, version and number of entries, the files that
    changed, what was left out; `skipped` says why nothing was done."""

    library: Literal["factors", "strategies"]
    root: str | None
    status: Literal["written", "unchanged", "skipped", "dry run"]
    version: int | None = None
    entries: int = 0
    changed: tuple[str, ...] = ()
    left: tuple[OmittedFactor, ...] = ()
    skipped: str | None = None


def sync(
    lake: Lake,
    factors_root: Path | None,
    strategies_root: Path | None,
    *,
    allow_unsafe: bool = False,
    dry_run: bool = False,
) -> tuple[LibraryReport, LibraryReport]:
    """Bring both libraries up to date. What was written before stays; a library whose folder is not
    given or not there is skipped. Nothing is written where nothing is new."""
    of_factors, of_strategies = _absent(factors_root), _absent(strategies_root)
    return (
        LibraryReport("factors", _told(factors_root), "skipped", skipped=of_factors)
        if factors_root is None or of_factors
        else _factors(lake, factors_root, allow_unsafe=allow_unsafe, dry_run=dry_run),
        LibraryReport("strategies", _told(strategies_root), "skipped", skipped=of_strategies)
        if strategies_root is None or of_strategies
        else _strategies(lake, strategies_root, dry_run=dry_run),
    )


def _absent(root: Path | None) -> str | None:
    if root is None:
        return "no folder is given"
    return None if root.is_dir() else "there is no such folder"


def _told(root: Path | None) -> str | None:
    return None if root is None else str(root)


def _factors(lake: Lake, root: Path, *, allow_unsafe: bool, dry_run: bool) -> LibraryReport:
    before, found = open_generated_folder(root), find_implementations(lake)
    known = factors.read_entries(before)
    taken, refused = _sorted_out(found.taken, {each.code_sha256 for each in known.values()})
    if allow_unsafe:
        taken, refused = list(found.taken), []
    merged = factors.merge_implementations(known, taken)
    codes = {each.code_sha256: each.code for each in taken}
    version, files, entries = factors.library_files(before, merged, codes)
    changed = before.replace(files, factors.said(entries, version), dry_run=dry_run)
    if not dry_run:
        _record(lake, entries.values())
    left = (*found.left, *refused)
    status = _status(changed, dry_run=dry_run)
    return LibraryReport("factors", str(root), status, version, len(entries), changed, left)


def _sorted_out(
    found: Iterable[Implementation], known: set[str]
) -> tuple[list[Implementation], list[OmittedFactor]]:
    """Those that reach for nothing, or were allowed before; and the others, with what they reach
    for."""
    taken, refused = [], []
    for each in found:
        reaches = scan_code(each.code)
        if not reaches or each.code_sha256 in known:
            taken.append(each)
            continue
        reason = f"its code reaches out: {'; '.join(map(str, reaches))}; --allow-unsafe writes it"
        refused.append(OmittedFactor(each.name, each.workspace_id, reason))
    return taken, refused


def _strategies(lake: Lake, root: Path, *, dry_run: bool) -> LibraryReport:
    before = open_generated_folder(root)
    found, left = strategies.read_configurations(lake)
    version, files = strategies.library_files(before, found)
    said = strategies.said(before, found, version)
    changed = before.replace(files, said, dry_run=dry_run)
    status = _status(changed, dry_run=dry_run)
    return LibraryReport("strategies", str(root), status, version, len(found), changed, left)


def _status(
    changed: tuple[str, ...], *, dry_run: bool
) -> Literal["written", "unchanged", "skipped", "dry run"]:
    if not changed:
        return "unchanged"
    return "dry run" if dry_run else "written"


def _record(lake: Lake, entries: Iterable[factors.FactorEntry]) -> None:
    """Where each implementation stands, in rows that no ingest touches."""
    entries = list(entries)
    latest = {each.module for each in factors.latest_entries(entries).values()}
    rows = [
        {
            "implementation_id": _id(each),
            "source": each.source,
            "factor_name": each.name,
            "code_sha256": each.code_sha256,
            "impl_module": f"{factors.PACKAGE}.{each.module}",
            "impl_func": each.func,
            "impl_version": str(each.version),
            "interface_info": json.dumps(
                {"type": "function", "standard_wrapper": each.func}, ensure_ascii=False
            ),
            "latest": each.module in latest,
            "reaches": list(each.reaches),
        }
        for each in entries
    ]
    name = "implementations"
    there = set(lake.read(name, ["implementation_id"])["implementation_id"])
    ids = {str(row["implementation_id"]) for row in rows} | there
    lake.commit({name: frame_of(table(name), rows)}, {"implementation_id": sorted(ids)})


def _id(entry: factors.FactorEntry) -> str:
    return sha256(f"{entry.source}\0{entry.name}\0{entry.code_sha256}".encode()).hexdigest()
