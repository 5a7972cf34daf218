"""Write parts of the lake for other programs: `rdlake export base-features`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from rdlake.cli.output import json_option, lake_option, say, show, show_json


@click.group()
def export() -> None:
    """Write parts of the lake in the form that other programs read."""


@export.command("base-features")
@click.argument("folder", metavar="DIR")
@click.argument("names", metavar="[FACTOR]...", nargs=-1)
@click.option("--where", metavar="SQL", help="A condition over the columns of factor_catalog.")
@click.option("--allow-unsafe", is_flag=True, help="Also write code that the scan reports.")
@lake_option
@json_option
def base_features(
    folder: str,
    names: tuple[str, ...],
    where: str | None,
    allow_unsafe: bool,
    lake_root: str,
    as_json: bool,
) -> int:
    """Write factors for RD-Agent to begin with: base_factors.json and a file of code for each.

    \b
    rdlake export base-features base --where "latest_performance.rank_ic_mean > 0.01"
    python -m rdagent.app.qlib_rd_loop.factor --base_features_path base
    """
    import rdlake
    from rdlake.errors import ExitCode
    from rdlake.exports.libraries import export_base_features

    lake, root = rdlake.open_lake(lake_root).lake, Path(folder).expanduser()
    done = export_base_features(lake, root, where=where, names=names, allow_unsafe=allow_unsafe)
    if as_json:
        show_json(asdict(done))
    else:
        rows = [{"name": each, "as": "base_factors.json"} for each in done.expressions]
        rows += [{"name": name, "as": file} for name, file in done.files.items()]
        show(rows, ["name", "as"], as_json=False)
        say(f"{len(done.changed)} files changed in {done.root}")
        for left in done.left:
            say(f"  left out: {left.name} of {left.workspace_id}: {left.reason}")
    return ExitCode.PARTIAL if done.left else ExitCode.OK
