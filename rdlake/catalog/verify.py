"""Prove that the versions are what was published: the chain, the rows, and every byte if asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rdlake.catalog.contract import VIEW_FILES
from rdlake.catalog.file_faults import catalog_faults
from rdlake.catalog.pinning import file_lists, folder_of
from rdlake.catalog.template import TEMPLATES, is_template_of, states_contract
from rdlake.catalog.version import Version, read_versions
from rdlake.errors import DamagedLake, restore
from rdlake.store.data_files import DataFile, list_digest
from rdlake.store.lake import Lake


@dataclass(frozen=True)
class Fault:
    """Name a file that is not as it was published, and the versions that it touches."""

    file: str
    reason: str
    versions: tuple[int, ...]
    fix: str = restore()


@dataclass(frozen=True)
class VerifyReport:
    """Report how much was checked, and what was wrong."""

    versions: int
    files: int
    bytes_hashed: int
    faults: tuple[Fault, ...]

    @property
    def whole(self) -> bool:
        return not self.faults


def verify(
    lake: Lake, *, deep: bool = False, on_file: Callable[[int, int], None] | None = None
) -> VerifyReport:
    """Check the digest chain, the catalog files, and presence, size and rows of every pinned file.
    With `deep` also hash every file, and read each view and comment of the templates."""
    versions = read_versions(lake)
    faults = list(_chain_faults(lake, versions))
    pinned, list_faults = _pinned_files(lake, versions)
    faults.extend(list_faults)
    faults.extend(
        Fault(str(each.path), each.reason, (each.version,), each.fix)
        for each in catalog_faults(lake, versions)
    )
    if deep:
        faults.extend(_contract_faults(lake, versions))
    hashed = 0
    for done, ((name, file), numbers) in enumerate(sorted(pinned.items()), start=1):
        path = folder_of(lake, name) / file.path
        reason = _file_fault(path, file)
        if reason is None and deep:
            hashed += file.size
            with path.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != file.sha256:
                    reason = "its content is not what was written (sha256 differs)"
        if reason:
            faults.append(_fault_of_file(path, reason, name, tuple(numbers)))
        if on_file:
            on_file(done, len(pinned))
    return VerifyReport(len(versions), len(pinned), hashed, tuple(faults))


def _chain_faults(lake: Lake, versions: list[Version]) -> Iterator[Fault]:
    where = str(lake.folder("catalogs"))
    before: Version | None = None
    for expected, version in enumerate(versions, start=1):
        number = version.catalog_version
        if number != expected:
            yield Fault(where, f"version {expected} is missing or doubled", (number,))
            return
        if version.digest != version.computed_digest():
            yield Fault(where, f"the row of version {number} was changed", (number,))
        if version.previous_digest != (before.digest if before else None):
            yield Fault(where, f"version {number} does not follow the one before it", (number,))
        before = version


def _contract_faults(lake: Lake, versions: list[Version]) -> Iterator[Fault]:
    """Yield templates that do not state the contract of their name; versions' files are copies."""
    fix = "remove it and these versions' files; rdlake catalogs attach makes each again"
    for path in sorted((lake.root / TEMPLATES).glob("*.duckdb")):
        users = [each for each in versions if is_template_of(path, each.sql)]
        if users and not states_contract(path, users[-1].sql):
            numbers = tuple(each.catalog_version for each in users)
            yield Fault(
                str(path), "it does not state the contract that its name says", numbers, fix
            )


def _pinned_files(
    lake: Lake, versions: list[Version]
) -> tuple[dict[tuple[str, DataFile], list[int]], list[Fault]]:
    """Return each pinned file of each table with the versions that pin it."""
    pinned: dict[tuple[str, DataFile], list[int]] = {}
    faults = []
    for version in versions:
        try:
            lists = file_lists(lake, version.pinned)
        except DamagedLake as error:
            faults.append(Fault(error.where, error.what, (version.catalog_version,)))
            continue
        for pin in version.pinned:
            name, files = pin.name, lists[pin.name]
            if list_digest(name, files) != pin.file_list:
                reason = f"the list of files of {name} was changed"
                faults.append(
                    Fault(str(lake.folder("file_lists")), reason, (version.catalog_version,))
                )
            if sum(file.rows for file in files) != pin.rows:
                reason = f"{name} does not have the {pin.rows} rows it was published with"
                faults.append(Fault(str(folder_of(lake, name)), reason, (version.catalog_version,)))
            for file in files:
                pinned.setdefault((name, file), []).append(version.catalog_version)
    return pinned, faults


def _fault_of_file(path: Path, reason: str, name: str, versions: tuple[int, ...]) -> Fault:
    if path.parent.name != Path(VIEW_FILES).name:
        return Fault(str(path), reason, versions)
    fix = f"remove it; rdlake catalogs attach {versions[-1]} makes the rows of {name} again"
    return Fault(str(path), reason, versions, fix)


def _file_fault(path: Path, file: DataFile) -> str | None:
    try:
        size = path.stat().st_size
        if size != file.size:
            return f"it has {size} bytes instead of {file.size}"
        rows = pq.read_metadata(path).num_rows
    except FileNotFoundError:
        return "it is gone"
    except (OSError, pa.ArrowException) as error:
        return f"it cannot be read: {error}"
    return None if rows == file.rows else f"it has {rows} rows instead of {file.rows}"
