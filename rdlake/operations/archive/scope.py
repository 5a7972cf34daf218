"""What of a lake is to be archived: the experiments asked for, and everything they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import polars as pl

from rdlake.errors import BadInput
from rdlake.evidence import Source
from rdlake.operations.archive.held import Held
from rdlake.schema.tables import TABLES
from rdlake.store.lookup import workspace_named

OWN = tuple(each.name for each in TABLES if each.owner == "workspace_id" and not each.operation)
"""Tables whose rows belong to one workspace."""
Level = Literal[1, 2]
DIGEST = "source_digest"
FILES_TOO = ("charts", "equity_curves", "signals")
"""Those that come with the files, at level 2."""
SHARED = (
    "evidence",
    "strategies",
    "implementations",
    "factor_ic",
    "factor_pairs",
    "task_runs",
    "experiment_groups",
)
"""Tables whose rows several workspaces may rest on. `pins` and `cleanups` speak of the folders of
one lake, `catalogs` and `file_lists` of its files: every lake has its own."""
COPIED = tuple(each.name for each in TABLES if each.name in {*OWN, *SHARED, "blobs", "ingests"})
"""In the order of a batch's commits."""


@dataclass(frozen=True)
class Asked:
    """What the user asks for: experiments, else every one; the level; and whether what is there
    already is read back too."""

    since: date | None = None
    task_run_ids: frozenset[str] = frozenset()
    experiments: tuple[str, ...] = ()
    level: Level = 2
    full: bool = False

    @property
    def everything(self) -> bool:
        return not (self.since or self.task_run_ids or self.experiments)


ALL = Asked()


@dataclass(frozen=True)
class Scope:
    """The workspaces, the source_digest of each that is an experiment or folder, and of every
    table whose rows are copied."""

    everything: bool
    workspace_ids: frozenset[str]
    digests: Mapping[str, str | None]
    owners: Mapping[str, frozenset[str]]
    ingests: frozenset[str] | None
    """The names in `ingests` whose rows are copied; None is all."""


def scope_of(held: Held, asked: Asked) -> Scope:
    """What is asked for, with the folders and loops it rests on. BadInput for an experiment or run
    that is not in the lake: an empty success would hide the slip."""
    loops, folders, told = _known(held)
    if asked.everything:
        owners = {name: frozenset(held.owners(name)) for name in (*OWN, *SHARED)}
        ids = frozenset(told).union(*(owners[name] for name in OWN))
        owners |= dict.fromkeys(OWN, ids)
        return Scope(True, ids, told, owners, None)
    return scope_around(held, _named(held, loops, folders, asked))


def scope_around(held: Held, workspace_ids: frozenset[str]) -> Scope:
    """These workspaces, with the folders and loops they rest on."""
    loops, folders, told = _known(held)
    ids = _with_what_they_rest_on(held, loops, folders, workspace_ids)
    digests = {key: digest for key, digest in told.items() if key in ids}
    shared = shared_by(held, ids)
    owners = {**dict.fromkeys(OWN, ids), **shared}
    return Scope(False, ids, digests, owners, ids | shared["task_runs"])


def _known(held: Held) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, str | None]]:
    """The loops, the folders, and the source_digest of each."""
    loops = held.read(
        "loops",
        ["workspace_id", "task_run_id", "created_at", "result_workspace_id", "model_id", DIGEST],
    )
    folders = held.read(
        "workspaces", ["workspace_id", "task_run_id", "parent_workspace_id", DIGEST]
    )
    told = dict(folders.select("workspace_id", DIGEST).rows())
    return loops, folders, told | dict(loops.select("workspace_id", DIGEST).rows())


def _named(held: Held, loops: pl.DataFrame, folders: pl.DataFrame, asked: Asked) -> frozenset[str]:
    """The workspaces that are named by themselves or by their run, and not older than asked."""
    runs = pl.concat([loops, folders], how="diagonal").select("workspace_id", "task_run_id")
    for run in sorted(asked.task_run_ids - set(runs["task_run_id"])):
        raise BadInput(
            f"no run is called {run}",
            where=f"--task-run-id {run}",
            fix="rdlake ingests lists the runs that are in the lake",
        )
    found = {workspace_named(held.lake, each) for each in asked.experiments}
    found |= set(runs.filter(pl.col("task_run_id").is_in(list(asked.task_run_ids)))["workspace_id"])
    if not (asked.experiments or asked.task_run_ids):
        found = set(loops["workspace_id"])
    if asked.since:
        first = datetime(asked.since.year, asked.since.month, asked.since.day)
        older = loops.filter(pl.col("created_at") < first)  # of an unknown time it is taken
        found -= set(older["workspace_id"])
    return frozenset(found)


def _with_what_they_rest_on(
    held: Held, loops: pl.DataFrame, folders: pl.DataFrame, ids: frozenset[str]
) -> frozenset[str]:
    """Also the folders in which their factors were written, the loop that a cached one was taken
    from, and the folder whose model they ran."""
    models = held.read("models", ["model_id", "workspace_id"])
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


def _entries(held: Held, ids: frozenset[str]) -> set[str]:
    """What a person said of these workspaces in groups, and of the groups themselves."""
    columns = ["entry_id", "group_id", "workspace_id"]
    of_ids = held.read("experiment_groups", columns, pl.col("workspace_id").is_in(list(ids)))
    groups = of_ids["group_id"].unique().to_list()
    named = pl.col("group_id").is_in(groups) & (pl.col("workspace_id") == "*")
    of_groups = held.read("experiment_groups", columns, named)
    return {*of_ids["entry_id"], *of_groups["entry_id"]}


def shared_by(held: Held, ids: frozenset[str]) -> dict[str, frozenset[str]]:
    """Owners of the rows in shared tables that these workspaces rest on. Evidence is taken by whole
    sources: what a log says of one workspace is read beside what it says of the others."""
    mine = pl.col("workspace_id").is_in(list(ids))
    sources = set(held.read("evidence", ["source"], mine)["source"])
    runs = {each.name for each in map(Source.parse, sources) if each.kind in ("trace", "registry")}
    for name in ("loops", "workspaces"):
        runs |= set(held.read(name, ["task_run_id"], mine)["task_run_id"].drop_nulls())
    factors = held.read("factors", ["source", "factor_name", "values_sha256"], mine)
    written = held.read("implementations", ["implementation_id", "source", "factor_name"])
    values = factors["values_sha256"].drop_nulls().to_list()
    pair = pl.col("one_sha256").is_in(values) | pl.col("other_sha256").is_in(values)
    found = {
        "evidence": sources,
        "strategies": set(held.read("loops", ["strategy_id"], mine)["strategy_id"].drop_nulls()),
        "implementations": set(
            written.join(factors, on=["source", "factor_name"], how="semi")["implementation_id"]
        ),
        "factor_ic": set(held.read("factor_perf", ["series_id"], mine)["series_id"].drop_nulls()),
        "factor_pairs": set(held.read("factor_pairs", ["pair_id"], pair)["pair_id"]),
        "task_runs": runs,
        "experiment_groups": _entries(held, ids),
    }
    return {name: frozenset(each) for name, each in found.items()}
