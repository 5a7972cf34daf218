"""The experiment that all evidence of one workspace gives, and its folder's row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from rdlake.domain.experiment import Action, Experiment
from rdlake.domain.ids import protocol_strategy_id
from rdlake.evidence.model import model_of
from rdlake.evidence.value import Evidence, Row

RANKS = ("trace", "workspace", "registry", "json", "catalog")
"""Whose word counts first. Of a curve the workspace's comes first: it is the file of the run."""
DESCRIBED = frozenset(
    {
        "factor_name", "accepted", "formula_hint", "description_cn", "code_sha256", "expression",
        "variables", "tags", "region", "freq", "align", "nan_policy", "impl_module", "impl_func",
        "impl_version", "interface_info",
    }
)  # fmt: skip
"""The columns of a factor whose provenance is kept."""
EPOCH = datetime(1970, 1, 1)
COPIES = ("json", "catalog")
"""Those that copy what they say from elsewhere, now and then from elsewhere than they should."""


_ASIDE = ("task_run_id", "loop_id", "role", "action", "metrics")
"""Columns of a loop that an experiment has by name."""

PLACEHOLDERS = ("legacy_", "synthetic_", "unknown")
"""How ids begin that tools gave to folders of which they knew no run."""


def names_a_run(task_run_id: str) -> bool:
    """False for an id that stands where a run was not known."""
    return not task_run_id.startswith(PLACEHOLDERS)


def claims(parts: Sequence[Evidence], kind: str = "trace") -> list[Evidence]:
    """The runs that name this workspace, the one it belongs to first: one that is known by an id of
    its own, whose loop got its result there; else the one whose loop began earlier, else the first
    by name."""
    return sorted(
        (part for part in parts if part.kind == kind),
        key=lambda part: (
            kind == "registry" and not names_a_run(part.named),
            part.loop is None,
            not part.ran,
            part.begun or datetime.max,
            part.source,
        ),
    )


def by_rank(parts: Sequence[Evidence]) -> list[Evidence]:
    """Those whose word counts, the first first; of several runs only the one it belongs to."""
    others = [part for part in parts if part.kind not in ("trace", "registry")]
    heard = [*claims(parts)[:1], *claims(parts, "registry")[:1], *others]
    return sorted(heard, key=_rank)


def _rank(part: Evidence) -> tuple[int, float, str]:
    """Of several catalogs the one that was exported last comes first."""
    exported = part.begun if part.kind == "catalog" else None
    return (
        RANKS.index(part.kind),
        -(exported - EPOCH).total_seconds() if exported else 0.0,
        part.source,
    )


def combined_digest(parts: Sequence[Evidence]) -> str:
    """The digest of all that was said; that of the only source where there is one."""
    return digest_of_parts([(part.source, part.digest) for part in parts])


def digest_of_parts(parts: Sequence[tuple[str, str]]) -> str:
    """The same, of each part's source and digest."""
    if len(parts) == 1:
        return parts[0][1]
    return sha256("".join(sorted(f"{s}\0{d}\0" for s, d in parts)).encode()).hexdigest()


def merged(parts: Sequence[Evidence]) -> Experiment | None:
    """The experiment of one workspace; None when nobody says that it is one."""
    heard = by_rank(parts)
    told = of_its_loop([part for part in heard if part.loop is not None])
    loop, provenance = _first_words(told)
    if "role" not in loop:
        return None
    workspace_id, role = parts[0].workspace_id, loop["role"]
    action = _action(told, provenance)
    model = model_of(told)
    if model:
        loop["model_id"] = model["model_id"]
    templates = next((part.templates for part in parts if part.templates is not None), None)
    if templates is not None and "protocol_strategy_id" not in loop:
        loop["protocol_strategy_id"] = _protocol_id(loop | {"action": action}, told, templates)
    curves = [part for part in reversed(told) if part.curve is not None]
    if curves:
        provenance["curve"] = curves[0].provenance.get("curve", curves[0].kind)
    place, metrics = _place(heard), loop.get("metrics")
    loop = {name: value for name, value in loop.items() if name not in _ASIDE}
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
        factors=_factors(told),
        feedback=_feedback(told),
        model=model,
        provenance=provenance,
    )


def of_its_loop(told: Sequence[Evidence]) -> list[Evidence]:
    """Those that speak of the loop which the first of them names. A log calls its run by another
    name than JSON does, so against it only the loop's number tells."""
    named = [part for part in told if _names(part)]
    if not named:
        return list(told)
    first = named[0]
    run, number = _names(first) or (None, None)
    return [
        part
        for part in told
        if (other := _names(part)) is None
        or part.kind not in COPIES
        or (other[1] == number and (first.kind == "trace" or other[0] == run))
    ]


def _feedback(told: Sequence[Evidence]) -> Row | None:
    """What the first that concluded anything concluded."""
    part = next((part for part in told if part.feedback), None)
    if part is None or part.feedback is None:
        return None
    if part.kind not in COPIES:
        return part.feedback
    found = [name for name, value in part.feedback.items() if value is not None]
    return {**part.feedback, "provenance": dict.fromkeys(found, part.kind)}


def _names(part: Evidence) -> tuple[str, int] | None:
    """The run, and the number of the loop in it, that a source names."""
    loop = part.loop or {}
    run, number = loop.get("task_run_id"), loop.get("loop_id")
    if run is None or number is None or not names_a_run(run):
        return None
    return run, number


def _place(heard: Sequence[Evidence]) -> tuple[str | None, int | None]:
    """The run and loop that the workspace is of. A registry's id of the run is the one that others
    know it by, so it goes before the name of a log's folder, and that before a placeholder."""
    places = [
        (part.kind == "registry" and names_a_run(part.named), row["task_run_id"], row["loop_id"])
        for part in heard
        for row in (part.folder, part.loop or {})
        if row.get("task_run_id") is not None and row.get("loop_id") is not None
    ]
    found = sorted(places, key=lambda place: not place[0])
    return found[0][1:] if found else (None, None)


def _action(told: Sequence[Evidence], provenance: dict[str, str]) -> Action | None:
    """The action as a log has it, else as the registry, else as the folder's templates."""
    for part in sorted(told, key=_tells_the_action):
        if part.loop and part.loop.get("action"):
            provenance["action"] = part.provenance.get("action", part.kind)
            word: Action = part.loop["action"]
            return word
    return None


def _protocol_id(loop: Row, told: Sequence[Evidence], templates: Sequence[str]) -> str | None:
    """The older recipe's id of a loop whose scenario is known, in the registry's words where it has
    the workspace; to the recipe a word that no source has, as a log has no name of the step, is an
    empty one."""
    words = next((part.loop for part in told if part.kind == "registry"), None)
    if words is None and "scenario_raw" not in loop:
        return None
    scenario = loop["scenario_raw"] if words is None else words["scenario_raw"]
    return protocol_strategy_id(scenario, loop.get("step_name"), loop.get("action"), templates)


def _tells_the_action(part: Evidence) -> bool:
    """False, which comes first, for those that know it; the others infer or copy it."""
    return part.kind not in ("trace", "registry")


def folder_of(parts: Sequence[Evidence]) -> dict[str, Any] | None:
    """The columns of the folder's row in `workspaces`; None for a folder that was not read and is
    in no registry or catalog."""
    heard = by_rank(parts)
    if not any(map(_is_of_a_folder, heard)) or parts[0].workspace_id.startswith("none_"):
        return None
    row: dict[str, Any] = {"workspace_id": parts[0].workspace_id}
    for part in heard:
        row |= {name: value for name, value in part.folder.items() if row.get(name) is None}
        row["stat_digest"] = row.get("stat_digest") or part.stat_digest
    for part in sorted(heard, key=_tells_the_action):
        if part.folder.get("action"):
            row["action"] = part.folder["action"]
            row["action_source"] = "templates" if part.kind == "workspace" else part.kind
            break
    run, loop_id = _place(heard)
    if run is not None:
        row |= {"task_run_id": run, "loop_id": loop_id}
    return row | {"source_digest": combined_digest(parts)}


def _is_of_a_folder(part: Evidence) -> bool:
    """Whether it is a word on a folder: that was read, or that a registry has, or a catalog."""
    history = part.kind == "registry" or (part.kind == "catalog" and bool(part.folder))
    return history or "folder_digest" in part.folder


def _first_words(told: Sequence[Evidence]) -> tuple[dict[str, Any], dict[str, str]]:
    """Each column as the first source has it that says something, and where that found it."""
    loop: dict[str, Any] = {}
    provenance: dict[str, str] = {}
    for part in told:
        for name, value in (part.loop or {}).items():
            if value is not None and loop.get(name) is None:
                loop[name] = value
                if name in part.provenance:
                    provenance[name] = part.provenance[name]
    return loop, provenance


def _factors(told: Sequence[Evidence]) -> tuple[Row, ...]:
    """Every factor that was proposed or is in the parquet. What the parquet has was accepted; what
    it has not was dropped, whatever the coder said; without one the coder's word stands."""
    columns = next(
        (
            {row["factor_name"] for row in part.factors}
            for part in told
            if part.kind == "workspace" and part.factors is not None
        ),
        None,
    )
    rows: dict[str, dict[str, Any]] = {}
    found: dict[str, dict[str, str]] = {}
    for part in told:
        for each in part.factors or ():
            name = each["factor_name"]
            row, where = rows.setdefault(name, {}), found.setdefault(name, {})
            source = "parquet" if part.kind == "workspace" else part.kind
            for column, value in each.items():
                if value is not None and row.get(column) is None:
                    row[column], where[column] = value, source
            if columns is not None and (name in columns or row.get("accepted")):
                row["accepted"], where["accepted"] = name in columns, "parquet"
    return tuple(
        {
            **row,
            "provenance": {
                name: source for name, source in found[key].items() if name in DESCRIBED
            },
        }
        for key, row in rows.items()
    )
