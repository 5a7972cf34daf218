"""Read from the lake's tables what previous ingests took: what need not be read again.

Nothing else records it. A source counts as taken when its last row of `ingests` and all its other
rows carry the same digest. So an ingest that was killed or overtaken needs no repair: the next one
completes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from rdlake.domain.experiment import SourceFile
from rdlake.domain.ids import EXTERNAL, has_folder, id_without_folder
from rdlake.domain.trace import TracedRun
from rdlake.evidence import (
    Source,
    digest_of_parts,
    is_of_kind,
    match_registered_names,
    source_texts,
)
from rdlake.ingest.outcome import READER_VERSION
from rdlake.store.delta_log import last_repair
from rdlake.store.lake import Lake

FOLDER_TABLES = ("artifacts", "signals", "factor_perf")
"""The tables whose rows are made of a folder alone."""
HAS_LOG = pl.col("loops").is_not_null()
"""Choose rows of `task_runs` that a log gave; those of a registry count no loops."""
DERIVED_TABLES = (
    "models",
    "feedback",
    "factors",
    "factor_combinations",
    "equity_curves",
    "workspaces",
    "loops",
)


@dataclass(frozen=True)
class PreviousRun:
    """Describe a run in the lake.

    `proven` is false when its signatures were not checked, or were wrong with the key at hand.
    """

    began: datetime | None
    workspace_ids: frozenset[str]
    proven: bool

    def may_be(self, run: TracedRun) -> bool:
        """Return False for another run of the same name.

        That one began at another time and names other folders.
        """
        return self.began == run.created_at or not self.workspace_ids.isdisjoint(run.workspace_ids)


@dataclass(frozen=True, kw_only=True)
class PreviousIngest:
    """Hold what the lake has of each source.

    `contents` and `stats` are digests by the source's text: of its content and of its file times.
    `stale` are workspaces whose rows do not follow from the evidence, because a writer was stopped
    or two wrote at once. `registry_parts` are workspace_id and digest of all evidence of each
    registered run. `folders` are the workspaces whose folders were read, `names` the registry's ids
    of runs that have a log, too. `removed` are, by workspace, the files that a clean-up took; these
    count as present.
    """

    contents: Mapping[str, str]
    stats: Mapping[str, str]
    stale: tuple[str, ...] = ()
    runs: Mapping[str, PreviousRun] = field(default_factory=dict)
    registry_parts: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    removed: Mapping[str, tuple[SourceFile, ...]] = field(default_factory=dict)

    def content_digest(self, source: Source) -> str | None:
        """Return the digest of the content with which the source was last read."""
        return self.contents.get(str(source))

    def stat_digest(self, source: Source) -> str | None:
        """Return the digest of names, sizes and times with which the source was last read."""
        return self.stats.get(str(source))

    def without_folders(self, workspace_ids: Collection[str]) -> PreviousIngest:
        """Return what is left when these folders count as never read."""
        texts = {str(Source("workspace", each)) for each in workspace_ids}
        contents = {key: each for key, each in self.contents.items() if key not in texts}
        stats = {key: each for key, each in self.stats.items() if key not in texts}
        return replace(self, contents=contents, stats=stats)


def read_previous(lake: Lake) -> PreviousIngest:
    """Return what the lake has of every source.

    A source whose rows are not all of the content that was read last counts as unknown. So does
    whatever was read before a repair, which may have taken rows away.
    """
    for name in ("ingests", "evidence"):
        lake.settle(name)  # what is not read again rests on these rows
    last = _last_ingests(lake)
    contents = dict(zip(last["source"], last["source_digest"], strict=True))
    taken = set(last.filter(pl.col("status").is_in(["ok", "partial"]))["source"])
    evidence = lake.read("evidence", ["source", "workspace_id", "source_digest", "stat_digest"])
    for source, digest in _digests_in_rows(lake, evidence):
        if source in taken and contents.get(source) != digest:
            del contents[source]
            taken.discard(source)
    # of a folder that was skipped nothing was taken, so it needs no evidence
    folders = set(evidence.filter(is_of_kind("workspace"))["source"])
    lost = set(last.filter(is_of_kind("workspace"))["source"]) & taken - folders
    columns = ["task_run_id", "stat_digest", "signature", "created_at"]
    runs = lake.read("task_runs", columns, HAS_LOG)
    runs = runs.with_columns(source=source_texts("trace", pl.col("task_run_id")))
    claims = evidence.filter(is_of_kind("trace", "registry"))
    names = match_registered_names(claims.select("source", "workspace_id").rows())
    stats = {**_stat_digests(evidence), **_stat_digests(runs)}
    return PreviousIngest(
        contents={key: each for key, each in contents.items() if each and key not in lost},
        stats={key: each for key, each in stats.items() if key in contents},
        stale=tuple(_stale_workspaces(lake, evidence, names)),
        runs=_runs(runs, evidence),
        registry_parts=_registry_parts(evidence),
        folders=frozenset(evidence.filter(is_of_kind("workspace"))["workspace_id"]),
        names=names,
        removed=_removed_files(lake),
    )


def read_previous_of(lake: Lake, workspace_id: str) -> PreviousIngest:
    """Return what the lake has of one workspace: its folder's digests, and other sources' of it."""
    own = pl.col("workspace_id") == workspace_id
    evidence = lake.read("evidence", ["source", "source_digest", "stat_digest"], own)
    relied_upon = own & (pl.col("reader_version") == READER_VERSION)
    columns = ["ingested_at", "status", "source_digest"]
    last = lake.read("ingests", columns, relied_upon).sort("ingested_at").tail(1)
    contents = dict(evidence.select("source", "source_digest").rows())
    source = str(Source("workspace", workspace_id))
    stored = contents.pop(source, None)
    for _, status, digest in last.rows():
        if digest and digest == (stored if status in ("ok", "partial") else digest):
            contents[source] = digest
    stats = _stat_digests(evidence) if source in contents else {}
    return PreviousIngest(contents=contents, stats=stats, removed=_removed_files(lake, own))


def _last_ingests(lake: Lake) -> pl.DataFrame:
    """Return the last row of `ingests` of each source that today's readers read."""
    relied_upon = pl.col("reader_version") == READER_VERSION
    relied_upon &= pl.col("role").ne_missing("external")  # those are no sources of an ingest
    if repaired := last_repair(lake.root):
        relied_upon &= pl.col("ingested_at") >= repaired
    role, name = pl.col("role"), pl.col("workspace_id")
    source = (
        pl.when(role == "run")
        .then(source_texts("trace", name))
        .when(role == "registry")
        .then(source_texts("registry", name))
        .when(role == "catalog")
        .then(source_texts("catalog", name))
        .otherwise(source_texts("workspace", name))
    )
    return (
        lake.read("ingests", where=relied_upon)
        .sort("ingested_at", "batch_id")
        .with_columns(source=source)
        .unique("source", keep="last", maintain_order=True)
    )


def _digests_in_rows(lake: Lake, evidence: pl.DataFrame) -> set[tuple[str, str]]:
    """Return source and digest of every row that was made of one source alone."""
    folder = source_texts("workspace", pl.col("workspace_id")).alias("source")
    run = source_texts("trace", pl.col("task_run_id")).alias("source")
    frames = [evidence.filter(is_of_kind("workspace")).select("source", "source_digest")]
    for name in FOLDER_TABLES:
        rows = lake.read(name, ["workspace_id", "source_digest"]).unique()
        frames.append(rows.select(folder, "source_digest"))
    rows = lake.read("task_runs", ["task_run_id", "source_digest"], HAS_LOG)
    frames.append(rows.select(run, "source_digest"))
    return set(pl.concat(frames).rows())


def _stat_digests(rows: pl.DataFrame) -> dict[str, str]:
    return dict(rows.select("source", "stat_digest").drop_nulls().unique("source").rows())


def _runs(runs: pl.DataFrame, evidence: pl.DataFrame) -> dict[str, PreviousRun]:
    workspaces = dict(evidence.group_by("source").agg("workspace_id").rows())
    return {
        row["task_run_id"]: PreviousRun(
            row["created_at"],
            frozenset(workspaces.get(row["source"], ())),
            row["signature"] not in ("bad", "unchecked"),
        )
        for row in runs.iter_rows(named=True)
    }


def _registry_parts(evidence: pl.DataFrame) -> dict[str, frozenset[tuple[str, str]]]:
    parts: dict[str, set[tuple[str, str]]] = {}
    registered = evidence.filter(is_of_kind("registry"))
    for source, workspace_id, digest in registered.select(
        "source", "workspace_id", "source_digest"
    ).rows():
        parts.setdefault(source, set()).add((workspace_id, digest))
    return {source: frozenset(each) for source, each in parts.items()}


def _removed_files(lake: Lake, where: pl.Expr | None = None) -> dict[str, tuple[SourceFile, ...]]:
    gone = pl.col("state") == "removed"
    columns = ["workspace_id", "path", "artifact_type", "kind", "size", "sha256", "target"]
    removed: dict[str, list[SourceFile]] = {}
    rows = lake.read("artifacts", columns, gone if where is None else gone & where)
    for row in rows.iter_rows(named=True):
        removed.setdefault(row.pop("workspace_id"), []).append(SourceFile(**row))
    return {key: tuple(files) for key, files in removed.items()}


def _stale_workspaces(lake: Lake, evidence: pl.DataFrame, names: Mapping[str, str]) -> list[str]:
    """Return the workspaces with a row that was made of other evidence than there is."""
    parts: dict[str, list[tuple[str, str]]] = {}
    folders = _folders_of_loops(lake, evidence, names)
    for workspace_id, *part in evidence.select("workspace_id", "source", "source_digest").rows():
        parts.setdefault(folders.get(workspace_id, workspace_id), []).append((part[0], part[1]))
    expected = {key: digest_of_parts(each) for key, each in parts.items()}
    digests = {
        row
        for name in DERIVED_TABLES
        for row in lake.read(name, ["workspace_id", "source_digest"]).unique().rows()
    }
    stale = {
        key
        for key, digest in digests
        if expected.get(key) != digest and not key.startswith(EXTERNAL)
    }
    return sorted(stale | _misnamed_loops(lake, evidence, names))


def _folders_of_loops(
    lake: Lake, evidence: pl.DataFrame, names: Mapping[str, str]
) -> dict[str, str]:
    """Return the folder of each loop that a log or a registry has without one.

    `move_to_folders` found it when the rows were derived.
    """
    claimed = set(evidence.filter(is_of_kind("trace", "registry"))["workspace_id"])
    logs: dict[str, list[str]] = {}
    for log, name in names.items():
        logs.setdefault(name, []).append(log)
    in_folders = pl.col("workspace_id").is_in(sorted(filter(has_folder, claimed)))
    columns = ["task_run_id", "loop_id", "workspace_id"]
    folders: dict[str, set[str]] = {}
    experiments = lake.read("loops", columns, (pl.col("role") == "experiment") & in_folders)
    for run, number, workspace_id in experiments.rows():
        for name in (run, *logs.get(run, ())):
            key = id_without_folder(name, number, "experiment")
            folders.setdefault(key, set()).add(workspace_id)
    return {key: ids.pop() for key, ids in folders.items() if len(ids) == 1}


def _misnamed_loops(lake: Lake, evidence: pl.DataFrame, names: Mapping[str, str]) -> set[str]:
    """Return the loops that stand under a name which their sources no longer give their run."""
    runs: dict[str, set[str]] = {}
    others = evidence.filter(~is_of_kind("workspace"))
    for text, workspace_id in others.select("source", "workspace_id").rows():
        source = Source.parse(text)
        name = source.name
        run = names.get(name, name) if source.kind == "trace" else name
        runs.setdefault(workspace_id, set()).add(run)
    loops = lake.read("loops", ["workspace_id", "task_run_id"]).rows()
    return {
        key for key, run in loops if key in runs and run not in runs[key] | {f"synthetic_{key}"}
    }
