"""Select what to archive: the requested experiments and everything they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import polars as pl

from rdlake.errors import BadInput
from rdlake.evidence import Source
from rdlake.operations.archive.frozen_lake import FrozenLake
from rdlake.schema.tables import TABLES
from rdlake.store.lookup import find_workspace

OWN = tuple(each.name for each in TABLES if each.owner == "workspace_id" and not each.operation)
"""Tables whose rows belong to one workspace."""
Level = Literal[1, 2]
DIGEST = "source_digest"
FILES_TOO = ("charts", "equity_curves", "signals")
"""Tables that are copied together with the files, at level 2."""
SHARED = (
    "evidence",
    "strategies",
    "implementations",
    "factor_ic",
    "factor_pairs",
    "task_runs",
    "experiment_groups",
)
"""Tables whose rows several workspaces may rest on.

`pins` and `cleanups` concern the folders of one lake, `catalogs` and `file_lists` its files: every
lake has its own.
"""
COPIED = tuple(each.name for each in TABLES if each.name in {*OWN, *SHARED, "blobs", "ingests"})
"""The tables that are copied, in the order of a batch's commits."""


@dataclass(frozen=True, kw_only=True)
class ArchiveRequest:
    """Hold what the user requests: experiments, by default all; the level; and whether existing
    rows are read back too."""

    since: date | None = None
    task_run_ids: frozenset[str] = frozenset()
    experiments: tuple[str, ...] = ()
    level: Level = 2
    full: bool = False

    @property
    def everything(self) -> bool:
        return not (self.since or self.task_run_ids or self.experiments)


ALL = ArchiveRequest()


@dataclass(frozen=True, kw_only=True)
class ArchiveScope:
    """Hold the selected workspaces, the source_digest of each experiment or folder, and the owners
    to copy by table."""

    everything: bool
    workspace_ids: frozenset[str]
    digests: Mapping[str, str | None]
    owners: Mapping[str, frozenset[str]]
    ingests: frozenset[str] | None
    """The names in `ingests` whose rows are copied; None is all."""


def select_scope(frozen: FrozenLake, request: ArchiveRequest) -> ArchiveScope:
    """Return what is requested, with the folders and loops it rests on.

    Raise BadInput for an experiment or run that is not in the lake: an empty success would hide the
    slip.
    """
    loops, folders, told = _read_sources(frozen)
    if request.everything:
        owners = {name: frozenset(frozen.owners(name)) for name in (*OWN, *SHARED)}
        ids = frozenset(told).union(*(owners[name] for name in OWN))
        owners |= dict.fromkeys(OWN, ids)
        return ArchiveScope(
            everything=True, workspace_ids=ids, digests=told, owners=owners, ingests=None
        )
    return select_scope_of(frozen, _named_workspaces(frozen, loops, folders, request))


def select_scope_of(frozen: FrozenLake, workspace_ids: frozenset[str]) -> ArchiveScope:
    """Return these workspaces, with the folders and loops they rest on."""
    loops, folders, told = _read_sources(frozen)
    ids = _with_dependencies(frozen, loops, folders, workspace_ids)
    digests = {key: digest for key, digest in told.items() if key in ids}
    shared = find_shared_owners(frozen, ids)
    owners = {**dict.fromkeys(OWN, ids), **shared}
    return ArchiveScope(
        everything=False,
        workspace_ids=ids,
        digests=digests,
        owners=owners,
        ingests=ids | shared["task_runs"],
    )


def _read_sources(frozen: FrozenLake) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, str | None]]:
    """Return the loops, the folders, and the source_digest of each."""
    loops = frozen.read(
        "loops",
        ["workspace_id", "task_run_id", "created_at", "result_workspace_id", "model_id", DIGEST],
    )
    folders = frozen.read(
        "workspaces", ["workspace_id", "task_run_id", "parent_workspace_id", DIGEST]
    )
    told = dict(folders.select("workspace_id", DIGEST).rows())
    return loops, folders, told | dict(loops.select("workspace_id", DIGEST).rows())


def _named_workspaces(
    frozen: FrozenLake, loops: pl.DataFrame, folders: pl.DataFrame, request: ArchiveRequest
) -> frozenset[str]:
    """Return the workspaces that are named directly or by their run, and that are new enough."""
    runs = pl.concat([loops, folders], how="diagonal").select("workspace_id", "task_run_id")
    for run in sorted(request.task_run_ids - set(runs["task_run_id"])):
        raise BadInput(
            f"no run is called {run}",
            where=f"--task-run-id {run}",
            fix="rdlake ingests lists the runs that are in the lake",
        )
    found = {find_workspace(frozen.lake, each) for each in request.experiments}
    found |= set(
        runs.filter(pl.col("task_run_id").is_in(list(request.task_run_ids)))["workspace_id"]
    )
    if not (request.experiments or request.task_run_ids):
        found = set(loops["workspace_id"])
    if request.since:
        first = datetime(request.since.year, request.since.month, request.since.day)
        older = loops.filter(pl.col("created_at") < first)  # an unknown time counts as new
        found -= set(older["workspace_id"])
    return frozenset(found)


def _with_dependencies(
    frozen: FrozenLake, loops: pl.DataFrame, folders: pl.DataFrame, ids: frozenset[str]
) -> frozenset[str]:
    """Add the folders in which the factors were written, the loop that a cached one came from, and
    the folder of the model."""
    models = frozen.read("models", ["model_id", "workspace_id"])
    while True:
        chosen = loops.filter(pl.col("workspace_id").is_in(list(ids)))
        ran = models.filter(pl.col("model_id").is_in(chosen["model_id"].drop_nulls().to_list()))
        below = folders.filter(pl.col("parent_workspace_id").is_in(list(ids)))
        more = ids.union(
            chosen["result_workspace_id"].drop_nulls(), ran["workspace_id"], below["workspace_id"]
        )
        if more == ids:
            return ids
        ids = more


def _group_entries(frozen: FrozenLake, ids: frozenset[str]) -> set[str]:
    """Return what a person entered about these workspaces in groups, and about the groups
    themselves."""
    columns = ["entry_id", "group_id", "workspace_id"]
    of_ids = frozen.read("experiment_groups", columns, pl.col("workspace_id").is_in(list(ids)))
    groups = of_ids["group_id"].unique().to_list()
    named = pl.col("group_id").is_in(groups) & (pl.col("workspace_id") == "*")
    of_groups = frozen.read("experiment_groups", columns, named)
    return {*of_ids["entry_id"], *of_groups["entry_id"]}


def find_shared_owners(frozen: FrozenLake, ids: frozenset[str]) -> dict[str, frozenset[str]]:
    """Return by shared table the owners of the rows that these workspaces rest on.

    Evidence is taken by whole sources: what a log says of one workspace is read together with the
    rest.
    """
    mine = pl.col("workspace_id").is_in(list(ids))
    sources = set(frozen.read("evidence", ["source"], mine)["source"])
    runs = {each.name for each in map(Source.parse, sources) if each.kind in ("trace", "registry")}
    for name in ("loops", "workspaces"):
        runs |= set(frozen.read(name, ["task_run_id"], mine)["task_run_id"].drop_nulls())
    factors = frozen.read("factors", ["source", "factor_name", "values_sha256"], mine)
    written = frozen.read("implementations", ["implementation_id", "source", "factor_name"])
    values = factors["values_sha256"].drop_nulls().to_list()
    pair = pl.col("one_sha256").is_in(values) | pl.col("other_sha256").is_in(values)
    found = {
        "evidence": sources,
        "strategies": set(frozen.read("loops", ["strategy_id"], mine)["strategy_id"].drop_nulls()),
        "implementations": set(
            written.join(factors, on=["source", "factor_name"], how="semi")["implementation_id"]
        ),
        "factor_ic": set(frozen.read("factor_perf", ["series_id"], mine)["series_id"].drop_nulls()),
        "factor_pairs": set(frozen.read("factor_pairs", ["pair_id"], pair)["pair_id"]),
        "task_runs": runs,
        "experiment_groups": _group_entries(frozen, ids),
    }
    return {name: frozenset(each) for name, each in found.items()}
