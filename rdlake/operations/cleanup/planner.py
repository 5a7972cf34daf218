"""Decide what may go of each folder below the roots, and why or why not."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rdlake.operations.cleanup.classes import (
    class_of,
    find_proof,
    is_heavy,
    refuse_unknown,
)
from rdlake.operations.cleanup.disk import DiskEntry, Root, Tree, UnsafeEntry
from rdlake.operations.cleanup.experiment_facts import (
    open_named_archive,
    read_facts,
    read_known_ids,
)
from rdlake.operations.cleanup.logs import LogFolder, find_log_change, find_log_folders
from rdlake.operations.cleanup.plan import STAGES, Plan, PlanItem, PlannedFile, Stage
from rdlake.sources.workspace.roots import find_workspaces
from rdlake.store.lake import Lake

DAY, HOUR = 86_400.0, 3_600.0
SHOWN = 3
Wanted = Callable[[str, str, str], bool]
"""A function of stage, root and folder."""


@dataclass(frozen=True, kw_only=True)
class CleanupRequest:
    """Hold what the operator names and allows; it is named again when a plan is carried out."""

    workspaces: Sequence[Path] = ()
    logs: Sequence[Path] = ()
    stages: Collection[Stage] = ("intermediates", "junk")
    allowed: frozenset[str] = frozenset()
    idle_days: float = 30.0
    signing_key: bytes | None = None


def make_plan(lake: Lake, archive: str | None, request: CleanupRequest) -> Plan:
    """Return what may go of all folders below the roots now."""
    there = open_named_archive(lake, archive)
    planner = Planner(lake=lake, archive=there, request=request)
    now = datetime.now(UTC).replace(tzinfo=None)
    return Plan(
        lake_id=lake.lake_id,
        archive_lake_id=there.lake_id if there else None,
        made_at=now.isoformat(timespec="seconds"),
        idle_days=request.idle_days,
        allowed=tuple(sorted(request.allowed)),
        items=tuple(planner.items()),
    )


def _everything(*_: str) -> bool:
    return True


@dataclass(kw_only=True)
class Planner:
    """Compare lake, archive and disk once; `wanted` says which folders are looked at."""

    lake: Lake
    archive: Lake | None
    request: CleanupRequest
    wanted: Wanted = _everything
    now: float = field(default_factory=time.time)

    def items(self) -> Iterator[PlanItem]:
        """Yield an item for each requested stage and folder that the lake knows."""
        refuse_unknown(self.request.allowed)
        request, stages = self.request, set(self.request.stages)
        names = self._folders() if stages - {"logs"} else {}
        logs = find_log_folders(self.lake, request.logs) if request.logs else []
        of_runs = {key for log in logs for key in log.workspace_ids} if "logs" in stages else set()
        known = read_known_ids(self.lake)
        there = {name for found in names.values() for name in found}
        self.facts = read_facts(self.lake, self.archive, (there & known) | of_runs)
        self.fresh = _fresh_runs(logs)
        for path, folders in names.items():
            with Root(path) as root:
                for name in folders:
                    yield from self._of_workspace(root, name, known)
        if "logs" in stages:
            for log in logs:
                with Root(log.root) as root:
                    if self.wanted("logs", root.root_id, log.folder):
                        yield self._of_log(root, log)

    # --- workspaces -----------------------------------------------------------------------

    def _folders(self) -> dict[Path, list[str]]:
        """Return the folders to look at, by root."""
        names: dict[Path, list[str]] = {}
        for each in self.request.workspaces:
            listing = find_workspaces(each)
            with Root(listing.path) as root:
                names[listing.path] = [
                    folder.name
                    for folder in listing.folders
                    if any(self.wanted(stage, root.root_id, folder.name) for stage in STAGES)
                ]
        return names

    def _of_workspace(self, root: Root, name: str, known: Collection[str]) -> Iterator[PlanItem]:
        role = self.facts.roles.get(name)
        whole: Stage = "junk" if role == "junk" else "workspace"
        stages = [each for each in (whole, "intermediates") if each in self.request.stages]
        if role == "junk":
            stages = [each for each in stages if each == "junk"]
        for stage in stages:
            if not self.wanted(stage, root.root_id, name):
                continue
            item = self._judged(root, name, stage, is_known=name in known)
            yield item
            if item.may_go:
                return

    def _judged(self, root: Root, name: str, stage: Stage, *, is_known: bool) -> PlanItem:
        reasons = [] if is_known else ["the lake knows no such folder: rdlake ingest reads it"]
        reasons += self.facts.refused(name, 2) if is_known else []
        tree, files = Tree((), 0.0, 0.0), tuple[PlannedFile, ...]()
        try:
            tree = root.tree(name, hashed=not reasons)
        except UnsafeEntry as unsafe:
            reasons.append(str(unsafe))
        else:
            reasons += self._in_use(name, tree)
            if not reasons:
                files, reasons = self._files(name, stage, tree)
        size = sum(each.size for each in files) if files else tree.size
        return PlanItem(
            stage=stage,
            root=root.root_id,
            folder=name,
            name=name,
            size=size,
            files=files,
            level=self.facts.level(name),
            archive_id=self.facts.archive_id(name),
            may_go=not reasons,
            reasons=tuple(reasons),
        )

    def _files(
        self, name: str, stage: Stage, tree: Tree
    ) -> tuple[tuple[PlannedFile, ...], list[str]]:
        """Return the files that would go, and the reasons against it."""
        known = self.facts.files.get(name, {})
        reasons = list(_unlike(known, tree.entries))
        files = [self._proven(each) for each in tree.entries]
        if stage == "intermediates":
            files = [each for each in files if each.proof not in (None, "link", "empty")]
            files = [each for each in files if is_heavy(each.path, each.size)]
            if not files:
                reasons.append("nothing of it is heavy and archived, or of a class that is allowed")
        else:
            unproven = [each.path for each in files if each.proof is None]
            if unproven:
                reasons.append(_unproven(unproven))
        return tuple(files), reasons

    def _proven(self, each: DiskEntry) -> PlannedFile:
        proof: str | None = "link"
        if each.kind == "file":
            allowed = self.request.allowed
            proof = find_proof(each.path, each.sha256, self.facts.proven, allowed)
        return PlannedFile(
            path=each.path,
            kind=each.kind,
            size=each.size,
            sha256=each.sha256,
            target=each.target,
            proof=proof,
        )

    # --- logs -----------------------------------------------------------------------------

    def _of_log(self, root: Root, log: LogFolder) -> PlanItem:
        reasons = list(log.reasons)
        if not log.workspace_ids and not reasons:
            reasons.append("the lake knows no loop of this run")
        for each in sorted(log.workspace_ids):
            reasons += self.facts.refused(each, 1)
        tree, files = Tree((), 0.0, 0.0), tuple[PlannedFile, ...]()
        try:
            tree = root.tree(log.folder, hashed=not reasons)
        except UnsafeEntry as unsafe:
            reasons.append(str(unsafe))
        else:
            reasons += self._in_use(log.name, tree, what="log")
            if not reasons and (other := find_log_change(log, self.request.signing_key)):
                reasons.append(other)
            if not reasons:
                files = tuple(log.file(each) for each in tree.entries)
        levels = [self.facts.level(each) for each in log.workspace_ids]
        return PlanItem(
            stage="logs",
            root=root.root_id,
            folder=log.folder,
            name=log.name,
            size=tree.size,
            files=files,
            level=min(levels, default=0),
            archive_id=None,
            may_go=not reasons,
            reasons=tuple(reasons),
        )

    # --- use ------------------------------------------------------------------------------

    def _in_use(self, name: str, tree: Tree, what: str = "folder") -> Iterator[str]:
        if tree.used > self.now - self.request.idle_days * DAY:
            used = datetime.fromtimestamp(tree.used, UTC)
            yield f"the {what} was used at {used:%Y-%m-%d %H:%M} UTC, within --idle-days"
        runs = self.facts.traces.get(name, frozenset())
        moments = [tree.written, self.facts.ended.get(name, 0.0)]
        moments += [self.fresh.get(each, 0.0) for each in runs]
        if max(moments) > self.now - HOUR:
            yield "its run is active: a message, lock or session was written within the hour"


def _fresh_runs(logs: Sequence[LogFolder]) -> dict[str, float]:
    """Return when something was last written to the folder of each run."""
    fresh: dict[str, float] = {}
    for log in logs:
        with Root(log.root) as root:
            try:
                written = root.tree(log.folder, hashed=False).written
            except UnsafeEntry:
                continue  # the item of the log itself gives the reason
        fresh[log.name] = max(written, fresh.get(log.name, 0.0))
    return fresh


def _unlike(known: Mapping[str, Mapping[str, object]], found: Sequence[DiskEntry]) -> Iterator[str]:
    """Yield how a folder is not what was ingested."""
    there = {each.path: each for each in found}
    kept = {path: row for path, row in known.items() if row["state"] != "removed"}
    gone, new = sorted(kept.keys() - there.keys()), sorted(there.keys() - known.keys())
    other = [
        path
        for path in sorted(there.keys() & known.keys())
        if not _is_same(known[path], there[path])
    ]
    again = "it is not what was ingested: rdlake ingest, then rdlake archive run"
    for word, paths in (("is gone", gone), ("is new", new), ("is another", other)):
        if paths:
            yield f"{_some(paths)} {word}; {again}"


def _unproven(paths: Sequence[str]) -> str:
    words = sorted({word for path in paths if (word := class_of(path))})
    allowed = f"; or {' '.join(f'--allow {word}' for word in words)}" if words else ""
    return (
        f"the content of {_some(paths)} is not in the archive: rdlake ingest --keep all, then "
        f"rdlake archive run{allowed}"
    )


def _is_same(row: Mapping[str, object], each: DiskEntry) -> bool:
    if each.kind == "link":
        return row["kind"] == "link" and row["target"] == each.target
    return row["kind"] == "file" and row["sha256"] == each.sha256


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more
