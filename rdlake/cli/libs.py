"""Write and verify shared libraries: `rdlake libs sync`, `rdlake libs verify`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from rdlake.cli.output import json_option, lake_option, say, show, show_json


@click.group()
def libs() -> None:
    """Write accepted factors' code and strategies as Python packages, and verify the factors."""


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
    help="Also write code that reaches for the network, processes or files elsewhere.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
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
    from rdlake.exports.libraries import sync as write

    done = write(
        rdlake.open_lake(lake_root).lake,
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


@libs.command()
@click.argument("names", metavar="[FACTOR]...", nargs=-1)
@lake_option
@factors_root_option
@click.option(
    "--workspaces",
    metavar="DIR",
    multiple=True,
    help="A folder of workspaces with stored values; may be repeated.  "
    "[default: RDLAKE_WORKSPACES]",
)
@click.option(
    "--prices",
    metavar="FILE",
    help="The daily_pv.h5 to run on.  [default: RDLAKE_PRICES, else the one beside the workspaces]",
)
@click.option(
    "--python",
    metavar="FILE",
    default=sys.executable,
    help="The Python that runs the code; it needs pandas and tables.  [default: rdlake's own]",
)
@click.option("--seconds", default=600, show_default=True, help="How long one factor may run.")
@click.option(
    "--memory", default=16, show_default=True, help="How many GiB of memory one factor may use."
)
@click.option(
    "--unprotected", is_flag=True, help="Run the code even if this system cannot close it in."
)
@json_option
def verify(
    names: tuple[str, ...],
    lake_root: str,
    factors_root: str | None,
    workspaces: tuple[str, ...],
    prices: str | None,
    as_json: bool,
    **others: Any,
) -> int:
    """Run the factors of the library, or those named, and compare them with their stored values.

    \b
    rdlake libs verify --workspaces git_ignore_folder/RD-Agent_workspace
    """
    import rdlake
    from rdlake.errors import ExitCode
    from rdlake.exports.libraries import StoredInputs
    from rdlake.exports.libraries import verify as run
    from rdlake.exports.libraries.runtime.runner import RunLimits
    from rdlake.settings import Settings

    library = _root(factors_root, "factors_lib_root")
    if library is None:
        raise click.UsageError("name the library with --factors-root or RD_FACTORS_LIB_ROOT")
    roots = tuple(Path(each).expanduser() for each in workspaces) or Settings().workspace_roots
    chosen = prices or Settings().prices
    seconds, memory, unprotected = (others[each] for each in ("seconds", "memory", "unprotected"))
    done = list(
        run(
            rdlake.open_lake(lake_root).lake,
            library,
            StoredInputs(roots, Path(chosen) if chosen else None),
            names=names,
            python=others["python"],
            limits=RunLimits(seconds, memory << 30, unprotected=unprotected),
        )
    )
    columns = ["name", "verdict", "rows", "otherwise", "largest", "beyond", "seconds", "against"]
    show([asdict(each) for each in done], [*columns, "module", "reason"], as_json=as_json)
    if any(each.verdict == "differs" for each in done):
        return ExitCode.VERIFICATION_FAILED
    return ExitCode.OK if all(each.verdict == "equal" for each in done) else ExitCode.PARTIAL


def _root(given: str | None, name: str) -> Path | None:
    from rdlake.settings import Settings

    chosen = given or getattr(Settings(), name)
    return Path(chosen).expanduser() if chosen else None
