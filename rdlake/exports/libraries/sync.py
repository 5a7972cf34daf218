"""Bring the libraries up to date with the lake's accepted factors and strategies: `rdlake libs
sync`."""

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


@dataclass(frozen=True, kw_only=True)
class LibraryReport:
    """Report what became of one library.

    It has the folder, version and number of entries, the files that changed and what was left out.
    `skipped` says why nothing was done.
    """

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
    """Bring both libraries up to date.

    What was written before stays. A library is skipped if its folder is not given or does not
    exist. Nothing is written if nothing is new.
    """
    return (
        _sync_factors(lake, factors_root, allow_unsafe=allow_unsafe, dry_run=dry_run),
        _sync_strategies(lake, strategies_root, dry_run=dry_run),
    )


def _skip(library: Literal["factors", "strategies"], root: Path | None) -> LibraryReport:
    if root is None:
        reason = "no folder is given"
        return LibraryReport(library=library, root=None, status="skipped", skipped=reason)
    reason = "there is no such folder"
    return LibraryReport(library=library, root=str(root), status="skipped", skipped=reason)


def _sync_factors(
    lake: Lake, root: Path | None, *, allow_unsafe: bool, dry_run: bool
) -> LibraryReport:
    if root is None or not root.is_dir():
        return _skip("factors", root)
    before, found = open_generated_folder(root), find_implementations(lake)
    known = factors.read_entries(before)
    taken, refused = _split_by_reach(found.taken, {each.code_sha256 for each in known.values()})
    if allow_unsafe:
        taken, refused = list(found.taken), []
    merged = factors.merge_implementations(known, taken)
    codes = {each.code_sha256: each.code for each in taken}
    version, files, entries = factors.library_files(before, merged, codes)
    changed = before.replace(files, factors.notes_of(entries, version), dry_run=dry_run)
    if not dry_run:
        _record(lake, entries.values())
    return LibraryReport(
        library="factors",
        root=str(root),
        status=_status(changed, dry_run=dry_run),
        version=version,
        entries=len(entries),
        changed=changed,
        left=(*found.left, *refused),
    )


def _split_by_reach(
    found: Iterable[Implementation], known: set[str]
) -> tuple[list[Implementation], list[OmittedFactor]]:
    """Split implementations into those that may be written and those whose code reaches out."""
    taken, refused = [], []
    for each in found:
        reaches = scan_code(each.code)
        if not reaches or each.code_sha256 in known:
            taken.append(each)
            continue
        reason = f"its code reaches out: {'; '.join(map(str, reaches))}; --allow-unsafe writes it"
        refused.append(OmittedFactor(each.name, each.workspace_id, reason))
    return taken, refused


def _sync_strategies(lake: Lake, root: Path | None, *, dry_run: bool) -> LibraryReport:
    if root is None or not root.is_dir():
        return _skip("strategies", root)
    before = open_generated_folder(root)
    found, left = strategies.read_configurations(lake)
    version, files = strategies.library_files(before, found)
    notes = strategies.notes_of(before, found, version)
    changed = before.replace(files, notes, dry_run=dry_run)
    return LibraryReport(
        library="strategies",
        root=str(root),
        status=_status(changed, dry_run=dry_run),
        version=version,
        entries=len(found),
        changed=changed,
        left=left,
    )


def _status(
    changed: tuple[str, ...], *, dry_run: bool
) -> Literal["written", "unchanged", "dry run"]:
    if not changed:
        return "unchanged"
    return "dry run" if dry_run else "written"


def _record(lake: Lake, entries: Iterable[factors.FactorEntry]) -> None:
    """Commit where each implementation is, in rows that no ingest touches."""
    entries = list(entries)
    latest = {each.module for each in factors.latest_entries(entries).values()}
    rows = [
        {
            "implementation_id": _implementation_id(each),
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
    recorded = set(lake.read(name, ["implementation_id"])["implementation_id"])
    ids = {str(row["implementation_id"]) for row in rows} | recorded
    lake.commit({name: frame_of(table(name), rows)}, {"implementation_id": sorted(ids)})


def _implementation_id(entry: factors.FactorEntry) -> str:
    return sha256(f"{entry.source}\0{entry.name}\0{entry.code_sha256}".encode()).hexdigest()
