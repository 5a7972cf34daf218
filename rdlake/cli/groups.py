"""Run `rdlake groups …`: compare groups of experiments."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import click

from rdlake.cli.output import json_option, lake_option, say, show, show_json

LISTED = ("group_id", "name", "kind", "members", "control_workspace_id", "origins")
COMPARED = (
    "role",
    "experiment_id",
    "workspace_id",
    "annual_return",
    "annual_return_difference",
    "information_ratio_difference",
    "rank_ic_difference",
    "net_return_correlation",
    "factors_only_here",
    "factors_only_in_control",
    "origin",
)
ROLES = click.Choice(["control", "treatment", "baseline"])


def said_by(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options --by and --note."""
    note = click.option("--note", help="The reason; kept with the change.")
    return click.option("--by", default=_login, help="Who says so.  [default: the login name]")(
        note(command)
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user's name
        return "somebody"


@click.group()
def groups() -> None:
    """Compare groups of experiments. rdlake derives groups; people may change them.

    GROUP is an id, its beginning, or a name; EXPERIMENT a workspace_id, its beginning, or
    <task_run_id>/<loop_id>. The catalog shows a change after the next publication.
    """


@groups.command("list")
@lake_option
@json_option
def list_(lake_root: str, as_json: bool) -> None:
    """List the groups."""
    import rdlake
    from rdlake.operations import groups as grouping

    found = grouping.list_groups(rdlake.open_lake(lake_root).lake)
    show([asdict(each) for each in found], LISTED, as_json=as_json)


@groups.command("show")
@click.argument("group")
@lake_option
@json_option
def show_(group: str, lake_root: str, as_json: bool) -> None:
    """Show the experiments of GROUP beside its control.

    \b
    rdlake groups show run/2026-01-05_09-30-00-000000
    """
    import rdlake
    from rdlake.operations import groups as grouping

    rows = grouping.compare_group(rdlake.open_lake(lake_root).lake, group)
    if as_json:
        show_json(rows)
    else:
        show(rows, COMPARED, as_json=False)


@groups.command()
@click.argument("group")
@click.argument("experiments", nargs=-1, required=True)
@click.option("--role", type=ROLES, help="What they are in it.  [default: treatment]")
@said_by
@lake_option
def add(
    group: str,
    experiments: Sequence[str],
    role: Any,
    by: str,
    note: str | None,
    lake_root: str,
) -> None:
    """Put EXPERIMENTS into GROUP; make the group when no group has that name.

    \b
    rdlake groups add "momentum" 35b410e4 bf3c5107 --note "which window"
    """
    import rdlake
    from rdlake.operations import groups as grouping

    person = grouping.Person(by, note)
    say(grouping.add(rdlake.open_lake(lake_root).lake, group, experiments, person, role))


@groups.command()
@click.argument("group")
@click.argument("name")
@said_by
@lake_option
def rename(group: str, name: str, by: str, note: str | None, lake_root: str) -> None:
    """Call GROUP NAME; its id stays."""
    import rdlake
    from rdlake.operations import groups as grouping

    say(grouping.rename(rdlake.open_lake(lake_root).lake, group, name, grouping.Person(by, note)))


@groups.command()
@click.argument("group")
@click.argument("experiment")
@click.argument("role", type=ROLES)
@said_by
@lake_option
def mark(group: str, experiment: str, role: Any, by: str, note: str | None, lake_root: str) -> None:
    """Say that EXPERIMENT is the control, a treatment or a baseline of GROUP.

    \b
    rdlake groups mark momentum 35b410e4 control
    """
    import rdlake
    from rdlake.operations import groups as grouping

    person = grouping.Person(by, note)
    say(grouping.mark(rdlake.open_lake(lake_root).lake, group, experiment, role, person))


@groups.command()
@click.argument("group")
@click.argument("experiments", nargs=-1)
@said_by
@lake_option
def remove(
    group: str, experiments: Sequence[str], by: str, note: str | None, lake_root: str
) -> None:
    """Take EXPERIMENTS out of GROUP, or remove GROUP; no experiment is deleted."""
    import rdlake
    from rdlake.operations import groups as grouping

    person = grouping.Person(by, note)
    say(grouping.remove(rdlake.open_lake(lake_root).lake, group, experiments, person))
