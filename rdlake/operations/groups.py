"""Group experiments to compare: what a person adds to the groups that follow from the evidence.

The groups themselves are the view `group_members`. The table `experiment_groups` has only what
persons enter, one row each, which no ingest touches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import uuid4

import polars as pl

from rdlake.catalog.publish import unpublished
from rdlake.errors import BadInput
from rdlake.schema.frames import frame_of
from rdlake.schema.tables import table
from rdlake.store.lake import Lake
from rdlake.store.lookup import find_workspace

Role = Literal["control", "treatment", "baseline"]
ITSELF = "*"
"""Stands in the place of an experiment for the group itself."""
KINDS = ("run/", "factors/", "variants/", "lineage/", "own/")
"""The prefixes of group ids."""
SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Group:
    """Describe one group as it stands now."""

    group_id: str
    name: str
    kind: str
    members: int
    control_workspace_id: str | None
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """Hold who changes a group, and why."""

    name: str
    note: str | None = None

    def __post_init__(self) -> None:
        if not self.name or self.name == "derived":
            raise BadInput(
                "a group is changed by a person",
                where=f"--by {self.name!r}",
                fix="give a name other than 'derived'",
            )


def list_groups(lake: Lake) -> list[Group]:
    """Return every group of the newest rows, published or not."""
    query = """
        SELECT group_id, any_value(name), any_value(kind), count(*),
            any_value(control_workspace_id), list(DISTINCT origin ORDER BY origin)
        FROM group_members GROUP BY group_id ORDER BY group_id
    """
    with unpublished(lake) as connection:
        rows = connection.execute(query).fetchall()
    return [
        Group(
            group_id=group_id,
            name=name,
            kind=kind,
            members=members,
            control_workspace_id=control,
            origins=tuple(origins),
        )
        for group_id, name, kind, members, control, origins in rows
    ]


def compare_group(lake: Lake, text: str) -> list[dict[str, Any]]:
    """Return the experiments of one group beside its control: rows of `group_comparison`."""
    group = _find_group(lake, text)
    query = "SELECT * FROM group_comparison WHERE group_id = ? ORDER BY role, experiment_id"
    with unpublished(lake) as connection:
        found = connection.execute(query, [group.group_id])
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def add(
    lake: Lake, text: str, experiments: Sequence[str], by: Person, role: Role | None = None
) -> str:
    """Put experiments into a group, a new one when none has that name. Return the group's id."""
    if not experiments:
        raise BadInput("no experiment is named", where=text, fix="name at least one EXPERIMENT")
    ids = [find_workspace(lake, each) for each in experiments]
    found = _matching_groups(list_groups(lake), text)
    was_removed = _is_removed(lake, text)
    is_id = text.startswith(KINDS) and not was_removed
    if not text.strip() or len(found) > 1 or (not found and is_id):
        raise _unclear(found, text)
    made = f"own/{uuid4().hex[:12]}"
    group_id = found[0].group_id if found else text if was_removed else made
    entries = [_entry(group_id, each, by, role=role) for each in ids]
    if group_id == made:
        entries.append(_entry(group_id, ITSELF, by, name=text))
    elif not found:
        entries.append(_entry(group_id, ITSELF, by))
    _commit(lake, entries)
    return group_id


def rename(lake: Lake, text: str, name: str, by: Person) -> str:
    """Give a group another name. Return its id, which stays."""
    if not name.strip():
        raise BadInput("a group needs a name", where=text, fix="give one that is not empty")
    group = _find_group(lake, text)
    _commit(lake, [_entry(group.group_id, ITSELF, by, name=name)])
    return group.group_id


def mark(lake: Lake, text: str, experiment: str, role: Role, by: Person) -> str:
    """Set the role of an experiment in a group; the control that was marked last counts."""
    group, workspace_id = _find_group(lake, text), find_workspace(lake, experiment)
    if workspace_id not in _members(lake, group.group_id):
        raise BadInput(
            f"{workspace_id} is not in the group {group.name}",
            where=group.group_id,
            fix=f"rdlake groups add {group.group_id} {workspace_id}",
        )
    entry = _entry(group.group_id, workspace_id, by, role=role)
    if by.note is None:
        mine = pl.col("entry_id").is_in([entry["entry_id"]])
        before = lake.read("experiment_groups", ["note"], mine)
        entry |= before.to_dicts()[0] if before.height else {}
    _commit(lake, [entry])
    return group.group_id


def remove(lake: Lake, text: str, experiments: Sequence[str], by: Person) -> str:
    """Take experiments out of a group, or remove the group when none is named; adding brings them
    back."""
    group = _find_group(lake, text)
    ids = {find_workspace(lake, each) for each in experiments}
    if group.kind == "own":
        theirs: pl.Expr = pl.col("group_id").is_in([group.group_id])
        if ids and _members(lake, group.group_id) - ids:
            theirs &= pl.col("workspace_id").is_in(list(ids))
        gone = lake.read("experiment_groups", ["entry_id"], theirs)["entry_id"]
        _commit(lake, [], gone=gone.to_list())
    else:
        names = sorted(ids) or [ITSELF]
        _commit(lake, [_entry(group.group_id, each, by, removed=True) for each in names])
    return group.group_id


def _find_group(lake: Lake, text: str) -> Group:
    """Return the group with that id or name, or the only one whose id begins so."""
    found = _matching_groups(list_groups(lake), text)
    if len(found) != 1:
        raise _unclear(found, text)
    return found[0]


def _matching_groups(there: Sequence[Group], text: str) -> list[Group]:
    exact = [each for each in there if each.group_id == text]
    called = [each for each in there if each.name == text]
    begins = [each for each in there if each.group_id.startswith(text)]
    return exact or called or (begins if text.startswith(KINDS) else [])


def _unclear(found: Sequence[Group], text: str) -> BadInput:
    ids = ", ".join(each.group_id for each in found[:SHOWN])
    return BadInput(
        f"{len(found)} groups are called so: {ids}, …" if found else "no group is called so",
        where=text or "an empty name",
        fix="rdlake groups list shows names and ids; an id, or its beginning, names one",
    )


def _is_removed(lake: Lake, group_id: str) -> bool:
    said = lake.read("experiment_groups", where=pl.col("group_id").is_in([group_id]))
    return not said.filter("removed").is_empty()


def _members(lake: Lake, group_id: str) -> set[str]:
    query = "SELECT workspace_id FROM group_members WHERE group_id = ?"
    with unpublished(lake) as connection:
        return {row[0] for row in connection.execute(query, [group_id]).fetchall()}


def _entry(group_id: str, workspace_id: str, by: Person, **said: object) -> dict[str, object]:
    """Return one row; a field that is not given keeps what the evidence says."""
    return {
        "entry_id": sha256(f"{group_id}\0{workspace_id}".encode()).hexdigest(),
        "group_id": group_id,
        "workspace_id": workspace_id,
        "origin": by.name,
        "note": by.note,
        "said_at": datetime.now(UTC).replace(tzinfo=None),
        **said,
    }


def _commit(lake: Lake, entries: Sequence[dict[str, object]], gone: Sequence[str] = ()) -> None:
    """Replace the earlier entries about the same, and nothing else: two persons lose nothing."""
    ids = [str(each["entry_id"]) for each in entries]
    frame = frame_of(table("experiment_groups"), list(entries))
    lake.commit({"experiment_groups": frame}, {"entry_id": [*ids, *gone]})
