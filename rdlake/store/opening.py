"""Create and open lakes; refuse a torn lake and a lake of another format, with the fix."""

from __future__ import annotations

import json
from pathlib import Path

from rdlake.errors import BadInput, DamagedLake, NoLake, UnsupportedLake
from rdlake.schema.tables import LAKE_FORMAT, TABLES, table
from rdlake.store.delta import create_table
from rdlake.store.delta_log import has_log, torn_files
from rdlake.store.durable import sync_folder
from rdlake.store.lake import Lake
from rdlake.store.translate import storage_door

FORBIDDEN_IN_ROOT = "[]%*?"


def init_store(root: str | Path) -> Lake:
    """Create a lake at `root`, or open the lake that is there."""
    path = usable_root(root)
    catalogs = table("catalogs")
    if not is_lake(path):
        if path.exists() and not path.is_dir():
            raise BadInput("a lake is a folder", where=path, fix="give a folder or a new path")
        note = json.dumps({"rdlake_format": LAKE_FORMAT})
        create_table(catalogs, path / "tables" / catalogs.name, note)
        with storage_door(path):
            (path / "catalogs").mkdir(exist_ok=True)
            sync_folder(path)
            sync_folder(path.parent)
    return open_store(path)


def open_store(root: str | Path) -> Lake:
    """Open the lake at `root`.

    Raise NoLake when there is none, UnsupportedLake when this rdlake cannot read its format,
    DamagedLake when the end of a table's log is torn.
    """
    path = usable_root(root)
    if not is_lake(path):
        raise NoLake.at(path)
    lake = Lake(path)
    for entry in TABLES:
        if has_log(lake.folder(entry.name)):
            _refuse_torn(lake.folder(entry.name))
    _refuse_other_format(lake)
    return lake


def is_lake(path: Path) -> bool:
    """Return whether a lake was created there."""
    return has_log(path / "tables" / "catalogs")


def usable_root(root: str | Path) -> Path:
    """Return the absolute path of a lake's root. Raise UnsupportedLake for a path that the engines
    cannot use."""
    path = Path(root).expanduser().absolute()
    text = str(path)
    for character in FORBIDDEN_IN_ROOT:
        if character in text:
            raise UnsupportedLake(
                f"a lake's path cannot hold the character {character!r}",
                where=text,
                fix="give the lake a path without [ ] % * ?",
            )
    return path


def _refuse_torn(folder: Path) -> None:
    with storage_door(folder):
        torn = torn_files(folder)
    if torn:
        raise DamagedLake(
            torn[0].reason,
            where=torn[0].path,
            fix="rdlake doctor --repair moves it aside and returns to the version before; "
            "then run the ingest again",
        )


def _refuse_other_format(lake: Lake) -> None:
    description = lake.existing(table("catalogs")).metadata().description
    try:
        found = int(json.loads(description or "")["rdlake_format"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnsupportedLake(
            "this lake does not say which format it has",
            where=lake.folder("catalogs"),
            fix="it was not made by rdlake init; give another path",
        ) from error
    if found > LAKE_FORMAT:
        raise UnsupportedLake(
            f"the lake has format {found}, this rdlake reads {LAKE_FORMAT}",
            where=lake.root,
            fix="upgrade rdlake: a newer one made this lake",
        )
    if found < LAKE_FORMAT:
        raise UnsupportedLake(
            f"the lake has format {found}, this rdlake writes {LAKE_FORMAT}",
            where=lake.root,
            fix="ingest the same folders into a new lake; the old one stays readable as it is",
        )
