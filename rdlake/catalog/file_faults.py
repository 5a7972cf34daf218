"""Compare the catalog files on disk with the versions that were published."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from rdlake.catalog.version import Version
from rdlake.errors import restore
from rdlake.schema.sql import literal
from rdlake.store.lake import Lake

CURRENT = "catalog.duckdb"
_NAME = re.compile(r"^v(\d{6,})\.duckdb$")
AGAIN = "rdlake catalogs publish puts the newest version there again"
ASIDE = f"{restore('tables/catalogs')}, or rdlake doctor --repair moves it aside"
_STATED = """
SELECT lake_id, catalog_version, digest FROM file.rdlake_tables.catalogs
QUALIFY row_number() OVER (ORDER BY catalog_version DESC) = 1
"""


@dataclass(frozen=True)
class CatalogFault:
    """Name a catalog file that is not the version it should be, and the command that renders it."""

    path: Path
    reason: str
    fix: str
    version: int


def find_fault(path: Path, version: Version) -> str | None:
    """Return what is wrong with the file of a version; None when it is that version. This reads the
    views too, which finds blocks that DuckDB cannot read."""
    try:
        with contextlib.closing(duckdb.connect()) as connection:
            connection.execute(f"ATTACH {literal(str(path))} AS file (READ_ONLY)")
            stated = connection.execute(_STATED).fetchone()
            connection.execute("SELECT count(sql) FROM duckdb_views() WHERE database_name = 'file'")
    except (duckdb.Error, OSError) as error:
        if not path.exists():
            return "it is gone"
        reason = str(error).splitlines()[0].replace(str(path), path.name)
        return f"it is not a catalog that DuckDB can read: {reason}"
    return _difference(stated, version) if stated else "it states no version"


def _difference(stated: tuple[str, int, str], version: Version) -> str | None:
    lake_id, number, digest = stated
    if lake_id != version.lake_id:
        return f"it is of another lake, {lake_id}"
    if number != version.catalog_version:
        return f"it is version {number} instead of {version.catalog_version}"
    if digest != version.digest:
        return f"it is another version {number} than the row in `catalogs`"
    return None


def catalog_faults(
    lake: Lake, versions: Sequence[Version], *, quick: bool = False
) -> Iterator[CatalogFault]:
    """Yield catalog files that are not the version they should be. catalog.duckdb should be the
    newest, each file of `catalogs/` its own; a pruned file is no fault. `quick` opens only
    catalog.duckdb."""
    by_number = {version.catalog_version: version for version in versions}
    if versions:
        newest, current = versions[-1], lake.root / CURRENT
        if reason := find_fault(current, newest):
            yield CatalogFault(current, reason, AGAIN, newest.catalog_version)
    folder = lake.catalogs_folder
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not (name := _NAME.match(path.name)):
            continue
        number = int(name[1])
        if number not in by_number:
            yield CatalogFault(path, f"the row of version {number} is gone", ASIDE, number)
        elif not quick and (reason := find_fault(path, by_number[number])):
            fix = f"rdlake catalogs attach {number} renders it again"
            yield CatalogFault(path, reason, fix, number)
