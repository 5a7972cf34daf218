"""Merge all evidence on one workspace into an experiment, and into the row of its folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from rdlake.domain.experiment import Action, Experiment
from rdlake.domain.ids import has_folder, protocol_strategy_id
from rdlake.evidence.model import merge_models
from rdlake.evidence.source import KINDS, SourceKind
from rdlake.evidence.value import Evidence, Row

WITH_PROVENANCE = frozenset(
    {
        "factor_name", "accepted", "formula_hint", "description_cn", "code_sha256", "expression",
        "variables", "tags", "region", "freq", "align", "nan_policy", "impl_module", "impl_func",
        "impl_version", "interface_info",
    }
)  # fmt: skip
"""The columns of a factor of which the lake keeps where they were found."""
EPOCH = datetime(1970, 1, 1)
COPIES: tuple[SourceKind, ...] = ("json", "catalog")
"""The kinds of sources that only copy what they say, now and then from the wrong experiment."""

_FIELDS = ("task_run_id", "loop_id", "role", "action", "metrics")
"""The columns of a loop that are fields of an experiment."""

PLACEHOLDERS = ("legacy_", "synthetic_", "unknown")
"""How the ids begin that tools gave to folders whose run they did not know."""


def names_a_run(task_run_id: str) -> bool:
    """Return False for an id that only stands in for a run that was not known."""
    return not task_run_id.startswith(PLACEHOLDERS)


def sort_claims(parts: Sequence[Evidence], kind: SourceKind = "trace") -> list[Evidence]:
    """Return the evidence of each run that claims this workspace, its owner first.

    The owner has an id of its own, and its loop got its result there. Of several such runs it is
    the one whose loop began earlier, else the first by name.
    """
    return sorted(
        (part for part in parts if part.kind == kind),
        key=lambda part: (
            kind == "registry" and not names_a_run(part.source.name),
            part.loop is None,
            not part.ran,
            part.begun or datetime.max,
            str(part.source),
        ),
    )


def sort_by_rank(parts: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence that counts, by its rank. Of several runs only the owner's counts."""
    others = [part for part in parts if part.kind not in ("trace", "registry")]
    return sorted(
        [*sort_claims(parts)[:1], *sort_claims(parts, "registry")[:1], *others], key=_rank
    )


def _rank(part: Evidence) -> tuple[int, float, str]:
    """Return the key to sort by. Of several catalogs the one that was exported last comes first."""
    exported = part.begun if part.kind == "catalog" else None
    return (
        KINDS.index(part.kind),
        -(exported - EPOCH).total_seconds() if exported else 0.0,
        str(part.source),
    )


def combined_digest(parts: Sequence[Evidence]) -> str:
    """Return the digest of all evidence; with a single source, that source's digest."""
    return digest_of_parts([(str(part.source), part.digest) for part in parts])


def digest_of_parts(parts: Sequence[tuple[str, str]]) -> str:
    """Return the digest of all evidence, from each part's source and digest."""
    if len(parts) == 1:
        return parts[0][1]
    return sha256("".join(sorted(f"{s}\0{d}\0" for s, d in parts)).encode()).hexdigest()


def merge(parts: Sequence[Evidence]) -> Experiment | None:
    """Return the experiment of one workspace; None when no source says that it is one."""
    ranked = sort_by_rank(parts)
    used = keep_same_loop([part for part in ranked if part.loop is not None])
    loop, provenance = _first_values(used)
    if "role" not in loop:
        return None
    workspace_id, role = parts[0].workspace_id, loop["role"]
    action = _action(used, provenance)
    model = merge_models(used)
    if model:
        loop["model_id"] = model["model_id"]
    templates = next((part.templates for part in parts if part.templates is not None), None)
    if templates is not None and "protocol_strategy_id" not in loop:
        loop["protocol_strategy_id"] = _protocol_id(loop | {"action": action}, used, templates)
    # The folder comes after the log: of a curve its file counts before the log's chart.
    curves = [part for part in reversed(used) if part.curve is not None]
    if curves:
        provenance["curve"] = curves[0].provenance.get("curve", curves[0].kind)
    place, metrics = _place(ranked), loop.get("metrics")
    loop = {name: value for name, value in loop.items() if name not in _FIELDS}
    return Experiment(
        workspace_id=workspace_id,
        task_run_id=place[0] or f"synthetic_{workspace_id}",
        loop_id=place[1] or 0,
        role=role,
        action=action,
        source_digest=combined_digest(parts),
        metrics=metrics,
        curve=curves[0].curve if curves else None,
        columns=loop,
        factors=_merge_factors(used),
        feedback=_feedback(used),
        model=model,
        provenance=provenance,
    )


def keep_same_loop(parts: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence without copies that speak of another loop than the first source.

    A log calls its run by another name than JSON does, so against a log only the loop's number
    counts.
    """
    naming = [part for part in parts if _loop_named(part)]
    if not naming:
        return list(parts)
    first = naming[0]
    run, number = _loop_named(first) or (None, None)
    return [
        part
        for part in parts
        if (other := _loop_named(part)) is None
        or part.kind not in COPIES
        or (other[1] == number and (first.kind == "trace" or other[0] == run))
    ]


def _feedback(parts: Sequence[Evidence]) -> Row | None:
    """Return the feedback of the first source that has one."""
    part = next((part for part in parts if part.feedback), None)
    if part is None or part.feedback is None:
        return None
    if part.kind not in COPIES:
        return part.feedback
    known = [name for name, value in part.feedback.items() if value is not None]
    return {**part.feedback, "provenance": dict.fromkeys(known, part.kind)}


def _loop_named(part: Evidence) -> tuple[str, int] | None:
    """Return the run and the number of the loop that a source names."""
    loop = part.loop or {}
    run, number = loop.get("task_run_id"), loop.get("loop_id")
    if run is None or number is None or not names_a_run(run):
        return None
    return run, number


def _place(ranked: Sequence[Evidence]) -> tuple[str | None, int | None]:
    """Return the run and the loop to which the workspace belongs.

    Others know a run by the registry's id, so that goes before the name of a log's folder, and the
    name before a placeholder.
    """
    places = [
        (
            part.kind == "registry" and names_a_run(part.source.name),
            row["task_run_id"],
            row["loop_id"],
        )
        for part in ranked
        for row in (part.folder, part.loop or {})
        if row.get("task_run_id") is not None and row.get("loop_id") is not None
    ]
    best = min(places, key=lambda place: not place[0], default=None)
    return best[1:] if best else (None, None)


def _action(parts: Sequence[Evidence], provenance: dict[str, str]) -> Action | None:
    """Return the action by the log, else by the registry, else by the folder's templates."""
    for part in sorted(parts, key=_infers_action):
        if part.loop and part.loop.get("action"):
            provenance["action"] = part.provenance.get("action", part.kind)
            word: Action = part.loop["action"]
            return word
    return None


def _protocol_id(loop: Row, parts: Sequence[Evidence], templates: Sequence[str]) -> str | None:
    """Return the protocol's older id of a loop whose scenario is known.

    It is made of the registry's words where that has the workspace. A word that no source has
    counts as empty: a log, for example, has no name of the step.
    """
    words = next((part.loop for part in parts if part.kind == "registry"), None)
    if words is None and "scenario_raw" not in loop:
        return None
    scenario = loop["scenario_raw"] if words is None else words["scenario_raw"]
    return protocol_strategy_id(scenario, loop.get("step_name"), loop.get("action"), templates)


def _infers_action(part: Evidence) -> bool:
    """Return False, which sorts first, for sources that know the action."""
    return part.kind not in ("trace", "registry")


def folder_row(parts: Sequence[Evidence]) -> dict[str, Any] | None:
    """Return the folder's row in `workspaces`.

    None for a folder that was not read and is in no registry or catalog.
    """
    ranked = sort_by_rank(parts)
    if not any(map(_is_of_a_folder, ranked)) or not has_folder(parts[0].workspace_id):
        return None
    row: dict[str, Any] = {"workspace_id": parts[0].workspace_id}
    for part in ranked:
        row |= {name: value for name, value in part.folder.items() if row.get(name) is None}
        row["stat_digest"] = row.get("stat_digest") or part.stat_digest
    for part in sorted(ranked, key=_infers_action):
        if part.folder.get("action"):
            row["action"] = part.folder["action"]
            row["action_source"] = "templates" if part.kind == "workspace" else part.kind
            break
    run, loop_id = _place(ranked)
    if run is not None:
        row |= {"task_run_id": run, "loop_id": loop_id}
    return row | {"source_digest": combined_digest(parts)}


def _is_of_a_folder(part: Evidence) -> bool:
    """Return whether the evidence tells of a folder: one that was read, registered or exported."""
    recorded = part.kind == "registry" or (part.kind == "catalog" and bool(part.folder))
    return recorded or "folder_digest" in part.folder


def _first_values(parts: Sequence[Evidence]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return each column by the first source that knows it, and where that source found it."""
    loop: dict[str, Any] = {}
    provenance: dict[str, str] = {}
    for part in parts:
        for name, value in (part.loop or {}).items():
            if value is not None and loop.get(name) is None:
                loop[name] = value
                if name in part.provenance:
                    provenance[name] = part.provenance[name]
    return loop, provenance


def _merge_factors(parts: Sequence[Evidence]) -> tuple[Row, ...]:
    """Return every factor that was proposed or is in the parquet.

    A factor in the parquet was accepted and any other one was dropped, whatever the coder said.
    Without a parquet the coder's verdict counts.
    """
    columns = next(
        (
            {row["factor_name"] for row in part.factors}
            for part in parts
            if part.kind == "workspace" and part.factors is not None
        ),
        None,
    )
    rows: dict[str, dict[str, Any]] = {}
    origins: dict[str, dict[str, str]] = {}
    for part in parts:
        for each in part.factors or ():
            name = each["factor_name"]
            row, origin = rows.setdefault(name, {}), origins.setdefault(name, {})
            source = "parquet" if part.kind == "workspace" else part.kind
            for column, value in each.items():
                if value is not None and row.get(column) is None:
                    row[column], origin[column] = value, source
            if columns is not None and (name in columns or row.get("accepted")):
                row["accepted"], origin["accepted"] = name in columns, "parquet"
    return tuple(
        {
            **row,
            "provenance": {
                name: source for name, source in origins[key].items() if name in WITH_PROVENANCE
            },
        }
        for key, row in rows.items()
    )
