"""Collect what lake and archive say of experiments now; the archive is read back for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from rdlake.errors import BadInput, CheckFailed, NoLake
from rdlake.evidence import Source, is_of_kind
from rdlake.operations.archive.content import kept_content
from rdlake.operations.archive.frozen_lake import FrozenLake
from rdlake.operations.archive.location import find_archive
from rdlake.operations.archive.proof import Proof, prove
from rdlake.operations.archive.receipts import last_receipts
from rdlake.operations.archive.selection import select_scope_of
from rdlake.store.lake import Lake

ARCHIVE = "rdlake archive run brings the archive up to date"
NO_ARCHIVE = "name the archive with --archive; nothing was deleted"


@dataclass(frozen=True, kw_only=True)
class ExperimentFacts:
    """Hold for some workspaces their files as ingested, roles, pins, runs, and what the archive
    was just read to have."""

    archive_lake_id: str | None
    files: Mapping[str, Mapping[str, Mapping[str, Any]]]
    roles: Mapping[str, str]
    pins: Mapping[str, str]
    traces: Mapping[str, frozenset[str]]
    ended: Mapping[str, float]
    receipts: Mapping[str, Mapping[str, Any]]
    proven: frozenset[str]
    """Digests of content that was just read back whole."""
    wrong: Mapping[str, str] = field(default_factory=dict)

    def level(self, workspace_id: str) -> int:
        row = self.receipts.get(workspace_id)
        return int(row["level"]) if row else 0

    def archive_id(self, workspace_id: str) -> str | None:
        row = self.receipts.get(workspace_id)
        return str(row["archive_id"]) if row else None

    def refused(self, workspace_id: str, level: int) -> list[str]:
        """Return why nothing of a workspace may go, whatever is on disk."""
        reasons = []
        if workspace_id in self.pins:
            reasons.append(f"{workspace_id} is pinned: {self.pins[workspace_id]}")
        if self.archive_lake_id is None:
            reasons.append("no archive is named")
        elif self.level(workspace_id) < level:
            reasons.append(
                f"{workspace_id} is at archiving level {self.level(workspace_id)}, "
                f"level {level} is needed: {ARCHIVE}"
            )
        elif workspace_id in self.wrong:
            reasons.append(f"{workspace_id}: {self.wrong[workspace_id]}")
        return reasons


def open_named_archive(lake: Lake, archive: str | None) -> Lake | None:
    """Open the archive that is named. Raise CheckFailed when it is none, or the lake itself."""
    if archive is None:
        return None
    try:
        found = find_archive(lake, archive)
    except (BadInput, NoLake) as error:
        raise CheckFailed(error.what, where=error.where, fix=NO_ARCHIVE) from error
    if found is None:
        raise CheckFailed("there is no archive there", where=archive, fix=NO_ARCHIVE)
    return found


def read_known_ids(lake: Lake) -> frozenset[str]:
    """Return the workspaces that the lake has read."""
    return frozenset(lake.read("workspaces", ["workspace_id"])["workspace_id"])


def read_facts(lake: Lake, archive: Lake | None, workspace_ids: Collection[str]) -> ExperimentFacts:
    """Collect the facts of these workspaces, and read the archive back."""
    frozen = FrozenLake(lake)
    mine = pl.col("workspace_id").is_in(list(workspace_ids))
    files: dict[str, dict[str, dict[str, Any]]] = {}
    for row in frozen.read("artifacts", None, mine).iter_rows(named=True):
        files.setdefault(row["workspace_id"], {})[row["path"]] = row
    traces, ended = _runs(frozen, mine)
    receipts = _receipts(frozen, archive, lake, workspace_ids)
    proven, wrong = _proof(frozen, archive, receipts)
    return ExperimentFacts(
        archive_lake_id=archive.lake_id if archive else None,
        files=files,
        roles=dict(frozen.read("workspaces", ["workspace_id", "role"], mine).rows()),
        pins=dict(frozen.read("pins", ["workspace_id", "reason"]).rows()),
        traces=traces,
        ended=ended,
        receipts=receipts,
        proven=proven,
        wrong=wrong,
    )


def _runs(frozen: FrozenLake, mine: pl.Expr) -> tuple[dict[str, frozenset[str]], dict[str, float]]:
    """Return the log folders that mention each workspace, and the time of the last message of its
    run."""
    told: dict[str, set[str]] = {}
    logged = mine & is_of_kind("trace")
    for source, workspace_id in frozen.read("evidence", ["source", "workspace_id"], logged).rows():
        told.setdefault(workspace_id, set()).add(Source.parse(source).name)
    runs = dict(frozen.read("task_runs", ["task_run_id", "ended_at"]).drop_nulls().rows())
    ended = {
        workspace_id: max((_seconds(runs[each]) for each in names if each in runs), default=0.0)
        for workspace_id, names in told.items()
    }
    return {key: frozenset(names) for key, names in told.items()}, ended


def _seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()


def _receipts(
    frozen: FrozenLake, archive: Lake | None, lake: Lake, workspace_ids: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Return the last receipts of this archive that concern the source as it is now."""
    if archive is None:
        return {}
    now = dict(frozen.read("workspaces", ["workspace_id", "source_digest"]).rows())
    now |= dict(frozen.read("loops", ["workspace_id", "source_digest"]).rows())
    return {
        name: row
        for name, row in last_receipts(archive, lake).items()
        if name in workspace_ids and name in now and row["source_digest"] == now[name]
        if row["level"]
    }


def _proof(
    frozen: FrozenLake, archive: Lake | None, receipts: Mapping[str, Mapping[str, Any]]
) -> tuple[frozenset[str], dict[str, str]]:
    """Return the digests that were just read back, and by workspace what did not come back."""
    if archive is None or not receipts:
        return frozenset(), {}
    scope = select_scope_of(frozen, frozenset(receipts))
    whole = frozenset(name for name, row in receipts.items() if row["level"] == 2)
    proof = prove(frozen, archive, scope.owners, whole, scope.ingests)
    _forgive_states(frozen, archive, proof)
    wrong = {
        name: f"the archive's rows are not the lake's: {ARCHIVE}"
        for name in receipts
        if proof.is_wrong(name)
    }
    wrong |= dict.fromkeys(
        proof.rotten,
        "content of it is gone from the archive, or not what its digest says: "
        "archive into a new folder",
    )
    rotten = {digest for digests in proof.rotten.values() for digest in digests}
    return frozenset(kept_content(frozen, whole)["sha256"]) - rotten, wrong


def _forgive_states(frozen: FrozenLake, archive: Lake, proof: Proof) -> None:
    """Ignore file rows that differ only in `state`: an earlier clean-up removed some of them."""
    asked = proof.differing.pop("artifacts", [])
    mine = pl.col("workspace_id").is_in(asked)
    here, there = (
        each.read("artifacts", None, mine).drop("state").sort("workspace_id", "path")
        for each in (frozen, archive)
    )
    parts, others = (frame.partition_by("workspace_id", as_dict=True) for frame in (here, there))
    wrong = [
        name
        for name in asked
        if not ((name,) in parts and (name,) in others and parts[name,].equals(others[name,]))
    ]
    if wrong:
        proof.differing["artifacts"] = wrong
