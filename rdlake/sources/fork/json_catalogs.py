"""Read catalogs of protocol v1 that a fork of RD-Agent exported.

They describe workspaces whose files are gone. Their paths are not used. Their configurations are
not used either: those come from the first readable template, which need not have run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from rdlake.domain.experiment import Finding, ForkRecord
from rdlake.errors import BadInput
from rdlake.sources.fork.json_repair import (
    as_object,
    as_text,
    build_factor_row,
    build_feedback_row,
    list_objects,
    parse_action,
    parse_loop,
    parse_source,
    parse_status,
    parse_time,
    repair_metrics,
    repair_name,
)
from rdlake.sources.formats.json_text import read_json
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.formats.wording import explain, quote

MAX_BYTES = 64 << 20
CATALOG_FILES = (
    "factor_catalog.json",
    "loop_catalog.json",
    "model_catalog.json",
    "strategy_catalog.json",
)

_FOLDER = re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f]{1,200}")
_FIX = "export the catalogs again, or leave the file out"
_NOTHING = "nothing to do: listed for information only"


@dataclass(frozen=True, kw_only=True)
class CatalogExport:
    """Hold the catalogs of one export: a record for each workspace, and the time of the export."""

    name: str
    digest: str
    exported: datetime | None
    records: Mapping[str, ForkRecord] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def find_exports(paths: Sequence[str | Path]) -> list[tuple[Path, ...]]:
    """Return the catalog files among these paths; the files of one folder belong together.

    BadInput for a missing path, and for a folder without a catalog.
    """
    found: dict[Path, set[Path]] = {}
    for path in map(Path, paths):
        files = [path / name for name in CATALOG_FILES if (path / name).is_file()]
        if not path.is_dir():
            files = [path] if path.is_file() else []
        if not files:
            what = "there is no catalog" if path.is_dir() else "there is no such file or folder"
            fix = f"name a folder with {', '.join(CATALOG_FILES)}, or such a file"
            raise BadInput(what, where=path, fix=fix)
        for file in files:
            found.setdefault(file.resolve().parent, set()).add(file.resolve())
    return [tuple(sorted(files)) for _, files in sorted(found.items())]


def read_export(files: Sequence[Path]) -> CatalogExport:
    """Read the catalogs of one export. A file that cannot be read becomes a finding."""
    findings: list[Finding] = []
    digests: list[str] = []
    catalogs: list[tuple[str, Mapping[str, Any]]] = []
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            digests.append(f"unreadable {file.name}")
            findings.append(_error(file.name, f"the file cannot be read: {explain(error)}"))
            continue
        digests.append(sha256(data).hexdigest())
        if catalog := _parse_catalog(data, file.name, findings):
            catalogs.append((file.name, catalog))
    records = _read_loops(catalogs, findings)
    records = _add_strategies(records, catalogs, findings)
    records = _add_factors(records, catalogs, findings)
    times = [time for _, each in catalogs if (time := parse_time(each.get("generated_at_utc")))]
    digest = sha256("\n".join(sorted(digests)).encode()).hexdigest()
    return CatalogExport(
        name=f"catalogs-{digest[:12]}",
        digest=digest,
        exported=max(times, default=None),
        records=records,
        findings=tuple(findings),
    )


def _parse_catalog(data: bytes, file: str, findings: list[Finding]) -> Mapping[str, Any] | None:
    try:
        value = as_object(read_json(data, MAX_BYTES))
    except Unreadable as error:
        findings.append(_error(file, str(error)))
        return None
    if not any(isinstance(value.get(name), list) for name in ("factors", "loops", "strategies")):
        findings.append(_error(file, "no list of factors, loops or strategies is in it"))
        return None
    if value.get("version") not in (None, "v1"):
        findings.append(_error(file, f"a catalog of version {value['version']!r:.40}, not v1"))
        return None
    return value


def _read_loops(
    catalogs: Sequence[tuple[str, Mapping[str, Any]]], findings: list[Finding]
) -> dict[str, ForkRecord]:
    found: dict[str, ForkRecord] = {}
    for file, catalog in catalogs:
        for place, row in enumerate(list_objects(catalog.get("loops"))):
            workspace_id, loop = as_text(row.get("workspace_id")), parse_loop(row)
            if workspace_id is None or not _FOLDER.fullmatch(workspace_id) or loop is None:
                reason = f"loop {place} names no valid workspace, run and number; left out"
                findings.append(_error(file, reason))
                continue
            record = _read_loop(row, loop)
            if found.setdefault(workspace_id, record) != record:
                reason = f"the workspace {quote(workspace_id)} comes twice; the first row counts"
                findings.append(Finding("warning", file, reason, _FIX))
    return found


def _read_loop(row: Mapping[str, Any], loop: tuple[str, int]) -> ForkRecord:
    status, names = as_text(row.get("status")), row.get("factor_names")
    factors = map(repair_name, names) if isinstance(names, list) else ()
    return ForkRecord(
        loop=loop,
        action=parse_action(row.get("action")),
        scenario_raw=as_text(row.get("scenario")),
        step_name=as_text(row.get("step_name")),
        status=parse_status(status),
        status_raw=status,
        metrics=repair_metrics(as_object(row.get("metrics"))),
        factors=tuple({"factor_name": name} for name in dict.fromkeys(factors) if name),
        feedback=build_feedback_row(row, as_object(row.get("summary_texts"))),
        protocol_strategy_id=as_text(row.get("strategy_id")),
    )


def _add_strategies(
    records: Mapping[str, ForkRecord],
    catalogs: Sequence[tuple[str, Mapping[str, Any]]],
    findings: list[Finding],
) -> dict[str, ForkRecord]:
    """Return the records with the id of each strategy that names a workspace as its example."""
    found = dict(records)
    for file, catalog in catalogs:
        rows = list_objects(catalog.get("strategies"))
        for row in rows:
            example = as_text(as_object(row.get("workspace_example")).get("workspace_id"))
            if example in found and found[example].protocol_strategy_id is None:
                strategy = as_text(row.get("strategy_id"))
                found[example] = replace(found[example], protocol_strategy_id=strategy)
        if rows:
            reason = (
                f"the configurations of {len(rows)} strategies are not used: "
                "they come from the first readable template, which need not have run"
            )
            findings.append(Finding("warning", file, reason, _NOTHING))
    return found


def _add_factors(
    records: Mapping[str, ForkRecord],
    catalogs: Sequence[tuple[str, Mapping[str, Any]]],
    findings: list[Finding],
) -> dict[str, ForkRecord]:
    """Return the records with the factors of each workspace's loop."""
    found, left = dict(records), Counter[str]()
    of_loops: dict[str, list[str]] = {}
    for workspace_id, each in records.items():
        if each.loop and each.metrics:
            of_loops.setdefault(f"{each.loop[0]}/{each.loop[1]}", []).append(workspace_id)
    for file, catalog in catalogs:
        left.clear()
        for item in list_objects(catalog.get("factors")):
            experiment, row = as_text(item.get("experiment_id")), build_factor_row(item)
            owners = of_loops.get(experiment or "", [])
            if row is None:
                left["without a name"] += 1
            elif experiment is None:
                left[f"of the library {parse_source(item.get('source'))}"] += 1
            elif len(owners) != 1:
                left["of loops without a result in this export"] += 1
            else:
                old = {each["factor_name"]: each for each in found[owners[0]].factors}
                old[row["factor_name"]] = {**row, **old.get(row["factor_name"], {})}
                found[owners[0]] = replace(found[owners[0]], factors=tuple(old.values()))
        for whose, count in sorted(left.items()):
            reason = f"{count} factors {whose} belong to no experiment here; left out"
            findings.append(Finding("warning", file, reason, _NOTHING))
    return found


def _error(file: str, reason: str) -> Finding:
    return Finding("error", file, reason, _FIX)
