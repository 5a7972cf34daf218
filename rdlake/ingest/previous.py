"""What the lake already has, read from its tables: what need not be read or must be made anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from rdlake.domain.experiment import SourceFile
from rdlake.domain.ids import EXTERNAL
from rdlake.domain.trace import TracedRun
from rdlake.evidence import NOBODY, digest_of_parts, name_of, nowhere, registered_names
from rdlake.store.delta_log import last_repair
from rdlake.store.lake import Lake

LYING_THERE = ("artifacts", "signals", "factor_perf")
HAS_LOG = pl.col("loops").is_not_null()
"""Rows of `task_runs` that a log gave; those of a registry count no loops."""
DERIVED = (
    "models",
    "feedback",
    "factors",
    "factor_combinations",
    "equity_curves",
    "workspaces",
    "loops",
)


@dataclass(frozen=True)
class KnownRun:
    """A run in the lake. `proven` is false when its signatures were not checked, or were wrong with
    the key at hand."""

    began: datetime | None
    workspace_ids: frozenset[str]
    proven: bool

    def may_be(self, run: TracedRun) -> bool:
        """False for another run of the same name: it began at another time, in other folders."""
        return self.began == run.created_at or not self.workspace_ids.isdisjoint(run.workspace_ids)


@dataclass(frozen=True)
class Known:
    """Digests by source, of content and of file times; the workspaces whose rows are not what the
    evidence gives, because a writer was stopped or two wrote at once; and the runs by name."""

    contents: Mapping[str, str]
    stats: Mapping[str, str]
    stale: tuple[str, ...]
    runs: Mapping[str, KnownRun]
    said: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """(workspace_id, digest) of all evidence of each registered run, by source."""
    folders: frozenset[str] = frozenset()
    """The workspaces whose folders were read."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The registry's id of runs that are known by their logs too."""
    removed: Mapping[str, tuple[SourceFile, ...]] = field(default_factory=dict)
    """By workspace the files that a clean-up took, which count as being there."""

    def without(self, workspace_ids: Collection[str]) -> Known:
        """The same, as if these folders had not been read yet."""
        sources = {f"workspace:{each}" for each in workspace_ids}
        contents = {key: each for key, each in self.contents.items() if key not in sources}
        stats = {key: each for key, each in self.stats.items() if key not in sources}
        return replace(self, contents=contents, stats=stats)


def what_is_known(lake: Lake, reader_version: int) -> Known:
    """The content each source was last read with. One whose rows are not all of that content
    counts as unknown; so does whatever was read before a repair, which may have taken rows away."""
    relied_upon = pl.col("reader_version") == reader_version
    relied_upon &= pl.col("role").ne_missing("external")  # those are no sources of an ingest
    if repaired := last_repair(lake.root):
        relied_upon &= pl.col("ingested_at") >= repaired
    for name in ("ingests", "evidence"):
        lake.settle(name)  # what is skipped rests on these rows
    last = (
        lake.read("ingests", where=relied_upon)
        .sort("ingested_at", "batch_id")
        .with_columns(
            source=pl.col("role").replace_strict(
                {"run": "trace:", "registry": "registry:", "catalog": "catalog:"},
                default="workspace:",
            )
            + pl.col("workspace_id")
        )
        .unique("source", keep="last", maintain_order=True)
    )
    told = dict(zip(last["source"], last["source_digest"], strict=True))
    taken = set(last.filter(pl.col("status").is_in(["ok", "partial"]))["source"])
    evidence = lake.read("evidence", ["source", "workspace_id", "source_digest", "stat_digest"])
    for source, digest in _read_before(lake, evidence):
        if source in taken and told.get(source) != digest:
            del told[source]
            taken.discard(source)
    there = set(evidence["source"])
    columns = ["task_run_id", "stat_digest", "signature", "created_at"]
    runs = lake.read("task_runs", columns, HAS_LOG)
    runs = runs.with_columns(source=pl.lit("trace:") + pl.col("task_run_id"))
    names = registered_names(evidence.select("source", "workspace_id").rows())
    stats = {**_stats(evidence), **_stats(runs)}
    return Known(
        {key: digest for key, digest in told.items() if digest and _backed(key, taken, there)},
        {key: digest for key, digest in stats.items() if key in told},
        tuple(_stale(lake, evidence, names)),
        _runs(runs, evidence),
        _said(evidence),
        frozenset(_of_kind(evidence, "workspace:")["workspace_id"]),
        names,
        _removed(lake),
    )


def last_digests(lake: Lake, workspace_id: str, reader_version: int) -> Known:
    """The same of one workspace alone: what was last read of its folder, and each source's word."""
    own = pl.col("workspace_id") == workspace_id
    evidence = lake.read("evidence", ["source", "source_digest", "stat_digest"], own)
    relied_upon = own & (pl.col("reader_version") == reader_version)
    columns = ["ingested_at", "status", "source_digest"]
    last = lake.read("ingests", columns, relied_upon).sort("ingested_at").tail(1)
    contents = dict(evidence.select("source", "source_digest").rows())
    source = f"workspace:{workspace_id}"
    there = contents.pop(source, None)
    for _, status, digest in last.rows():
        if digest and digest == (there if status in ("ok", "partial") else digest):
            contents[source] = digest
    stats = _stats(evidence) if source in contents else {}
    return Known(contents, stats, (), {}, removed=_removed(lake, own))


def _removed(lake: Lake, where: pl.Expr | None = None) -> dict[str, tuple[SourceFile, ...]]:
    gone = pl.col("state") == "removed"
    columns = ["workspace_id", "path", "artifact_type", "kind", "size", "sha256", "target"]
    removed: dict[str, list[SourceFile]] = {}
    rows = lake.read("artifacts", columns, gone if where is None else gone & where)
    for row in rows.iter_rows(named=True):
        removed.setdefault(row.pop("workspace_id"), []).append(SourceFile(**row))
    return {key: tuple(files) for key, files in removed.items()}


def _of_kind(evidence: pl.DataFrame, kind: str) -> pl.DataFrame:
    return evidence.filter(pl.col("source").str.starts_with(kind))


def _said(evidence: pl.DataFrame) -> dict[str, frozenset[tuple[str, str]]]:
    said: dict[str, set[tuple[str, str]]] = {}
    columns = ["source", "workspace_id", "source_digest"]
    for source, *part in _of_kind(evidence, "registry:").select(columns).rows():
        said.setdefault(source, set()).add((part[0], part[1]))
    return {source: frozenset(parts) for source, parts in said.items()}


def _runs(runs: pl.DataFrame, evidence: pl.DataFrame) -> dict[str, KnownRun]:
    named = dict(evidence.group_by("source").agg("workspace_id").rows())
    return {
        row["task_run_id"]: KnownRun(
            row["created_at"],
            frozenset(named.get(row["source"], ())),
            row["signature"] not in ("bad", "unchecked"),
        )
        for row in runs.iter_rows(named=True)
    }


def _read_before(lake: Lake, evidence: pl.DataFrame) -> set[tuple[str, str]]:
    """(source, digest) of every row that was read from one source alone."""
    of_folders = pl.lit("workspace:") + pl.col("workspace_id")
    frames = [_of_kind(evidence, "workspace:").select("source", "source_digest")]
    for name in LYING_THERE:
        rows = lake.read(name, ["workspace_id", "source_digest"]).unique()
        frames.append(rows.select(of_folders.alias("source"), "source_digest"))
    rows = lake.read("task_runs", ["task_run_id", "source_digest"], HAS_LOG)
    of_runs = pl.lit("trace:") + pl.col("task_run_id")
    frames.append(rows.select(of_runs.alias("source"), "source_digest"))
    return set(pl.concat(frames).rows())


def _backed(source: str, taken: set[str], there: set[str]) -> bool:
    """Whether what was taken of the source is there; of a skipped folder nothing was."""
    return source not in taken or source in there or not source.startswith("workspace:")


def _stats(rows: pl.DataFrame) -> dict[str, str]:
    return dict(rows.select("source", "stat_digest").drop_nulls().unique("source").rows())


def _stale(lake: Lake, evidence: pl.DataFrame, names: Mapping[str, str]) -> list[str]:
    """Workspaces with a row that was made of other evidence than there is."""
    parts: dict[str, list[tuple[str, str]]] = {}
    homes = _homes(lake, evidence, names)
    for workspace_id, *part in evidence.select("workspace_id", "source", "source_digest").rows():
        parts.setdefault(homes.get(workspace_id, workspace_id), []).append((part[0], part[1]))
    expected = {key: digest_of_parts(each) for key, each in parts.items()}
    made = {
        row
        for name in DERIVED
        for row in lake.read(name, ["workspace_id", "source_digest"]).unique().rows()
    }
    stale = {
        key for key, digest in made if expected.get(key) != digest and not key.startswith(EXTERNAL)
    }
    return sorted(stale | _misnamed(lake, evidence, names))


def _homes(lake: Lake, evidence: pl.DataFrame, names: Mapping[str, str]) -> dict[str, str]:
    """The folder of loops that a log or a registry has without one, as `housed` finds it."""
    told = {*_of_kind(evidence, "trace:")["workspace_id"]}
    told |= {*_of_kind(evidence, "registry:")["workspace_id"]}
    logs: dict[str, list[str]] = {}
    for log, name in names.items():
        logs.setdefault(name, []).append(log)
    told = {each for each in told if not each.startswith(NOBODY)}
    experiments = (pl.col("role") == "experiment") & pl.col("workspace_id").is_in(sorted(told))
    columns = ["task_run_id", "loop_id", "workspace_id"]
    homes: dict[str, set[str]] = {}
    for run, number, workspace_id in lake.read("loops", columns, experiments).rows():
        for name in (run, *logs.get(run, ())):
            homes.setdefault(nowhere(name, number, "experiment"), set()).add(workspace_id)
    return {key: found.pop() for key, found in homes.items() if len(found) == 1}


def _misnamed(lake: Lake, evidence: pl.DataFrame, names: Mapping[str, str]) -> set[str]:
    """Loops that stand under the name of a log though a registry names its run, or under a name
    that a registry gave no longer."""
    told: dict[str, set[str]] = {}
    for source, workspace_id in evidence.select("source", "workspace_id").rows():
        kind, name = source.partition(":")[0], name_of(source)
        if kind != "workspace":
            run = names.get(name, name) if kind == "trace" else name
            told.setdefault(workspace_id, set()).add(run)
    loops = lake.read("loops", ["workspace_id", "task_run_id"]).rows()
    return {key for key, run in loops if key in told and run not in told[key] | {_alone(key)}}


def _alone(workspace_id: str) -> str:
    return f"synthetic_{workspace_id}"
