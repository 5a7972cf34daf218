"""Shared libraries: `rdlake libs sync`, `rdlake libs verify`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from rdlake.cli.output import json_option, lake_option, say, show, show_json


@click.group()
def libs() -> None:
    """Shared libraries of accepted factors' real code and of strategies, as Python packages."""


factors_root_option = click.option(
    "--factors-root",
    metavar="DIR",
    help="The library of factors.  [default: RD_FACTORS_LIB_ROOT]",
)


@libs.command()
@lake_option
@factors_root_option
@click.option(
    "--strategies-root",
    metavar="DIR",
    help="The library of strategies.  [default: RD_STRATEGIES_LIB_ROOT]",
)
@click.option(
    "--allow-unsafe",
    is_flag=True,
    help="Also code that reaches for the network, processes or files elsewhere.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@json_option
def sync(
    lake_root: str,
    factors_root: str | None,
    strategies_root: str | None,
    allow_unsafe: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write accepted factors' code and strategies' configurations into the libraries.

    \b
    rdlake libs sync --factors-root rd-factors-lib --strategies-root rd-strategies-lib
    """
    import rdlake
    from rdlake.libs import sync as write

    done = write(
        rdlake.open_lake(lake_root),
        _root(factors_root, "factors_lib_root"),
        _root(strategies_root, "strategies_lib_root"),
        allow_unsafe=allow_unsafe,
        dry_run=dry_run,
    )
    if as_json:
        show_json([asdict(each) for each in done])
        return
    rows = [{**asdict(each), "changed": len(each.changed)} for each in done]
    show(rows, ["library", "status", "version", "entries", "changed", "root"], as_json=False)
    for each in done:
        if each.skipped:
            say(f"{each.library}: skipped, {each.skipped}")
        for left in each.left:
            say(f"  left out: {left.name} of {left.workspace_id}: {left.reason}")
    if any(each.library == "factors" and each.status == "written" for each in done):
        say("next: rdlake catalogs publish")


def _root(given: str | None, name: str) -> Path | None:
    from rdlake.settings import Settings

    chosen = given or getattr(Settings(), name)
    return Path(chosen).expanduser() if chosen else None
