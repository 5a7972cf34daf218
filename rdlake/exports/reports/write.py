"""Write the report of an experiment or a factor to a file."""

from __future__ import annotations

from pathlib import Path

from rdlake.errors import BadInput
from rdlake.store.durable import replacing
from rdlake.store.lake import Lake
from rdlake.store.lookup import find_workspace
from rdlake.store.translate import storage_door


def write_report(lake: Lake, name: str, target: Path, version: int | None = None) -> Path:
    """Write the report of an experiment or a factor in place of an earlier report.

    Raise BadInput when the version, by default the newest, has nothing of that name, and when the
    target is something else than a report.
    """
    _refuse_other_files(target)
    text = _compose(lake, name, version)
    with storage_door(target), replacing(target) as temporary:
        temporary.write_bytes(text.encode("utf-8", errors="replace"))
    return target


def _compose(lake: Lake, name: str, version: int | None) -> str:
    from rdlake.exports.reports.experiment import experiment_page
    from rdlake.exports.reports.factor import factor_page
    from rdlake.exports.reports.version_reader import open_version

    with open_version(lake, version) as reader:
        text = factor_page(reader, name) or experiment_page(reader, find_workspace(lake, name))
        if text is None:
            raise BadInput(
                f"catalog version {reader.version.catalog_version} has no such experiment",
                where=name,
                fix="rdlake catalogs publish, or another --version",
            )
        return text


def _refuse_other_files(target: Path) -> None:
    if target.suffix.lower() not in (".html", ".htm"):
        raise BadInput(
            "a report is an .html file", where=target, fix="name one: -o experiment.html"
        )
    with storage_door(target):
        if target.is_symlink() or (target.exists() and not _is_report(target)):
            raise BadInput(
                "what is there is no report", where=target, fix="move it aside, or give another -o"
            )


def _is_report(target: Path) -> bool:
    from rdlake.exports.reports.page import GENERATOR

    if not target.is_file():
        return False
    with target.open("rb") as file:
        return GENERATOR.encode() in file.read(1000)
