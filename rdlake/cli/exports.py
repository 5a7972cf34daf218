"""Ways out of a published version: `rdlake catalogs export-json`, `export-parquet`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rdlake.cli.output import json_option, lake_option, show

__all__ = ["export_json", "export_parquet"]

version_option = click.option(
    "--version", type=int, metavar="N", help="Of version N.  [default: the newest]"
)
folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.command("export-json")
@folder_argument
@version_option
@lake_option
@json_option
def export_json(folder: Path, version: int | None, lake_root: str, as_json: bool) -> None:
    """Write the JSON catalogs of protocol v1 into DIR, in place of older ones.

    Two exports of one version are equal to the byte.

    \b
    rdlake catalogs export-json RDagentDB/aistock
    """
    from rdlake.catalog import json_export

    _tell(json_export.export_json, lake_root, folder, version, as_json)


@click.command("export-parquet")
@folder_argument
@version_option
@lake_option
@json_option
def export_parquet(folder: Path, version: int | None, lake_root: str, as_json: bool) -> None:
    """Write every view as one Parquet file into DIR, in place of older ones.

    What views and columns mean is in the files' metadata.

    \b
    rdlake catalogs export-parquet catalog-of-today
    """
    from rdlake.catalog import parquet_export

    _tell(parquet_export.export_parquet, lake_root, folder, version, as_json)


def _tell(
    export: Callable[..., Any], lake_root: str, folder: Path, version: int | None, as_json: bool
) -> None:
    import rdlake

    written = export(rdlake.open_lake(lake_root), folder, version)
    rows = [{"file": str(each.path), "rows": each.rows} for each in written]
    show(rows, ["file", "rows"], as_json=as_json)
