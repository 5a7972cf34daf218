"""Find where the sources of one workspace contradict each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rdlake.domain.experiment import Finding
from rdlake.evidence.merge import keep_same_loop, names_a_run, sort_by_rank, sort_claims
from rdlake.evidence.value import Evidence

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""The largest difference that is none: log and qlib_res.csv are written from the same numbers."""


def find_contradictions(parts: Sequence[Evidence]) -> list[Finding]:
    """Return a warning for each contradiction in the evidence on one workspace.

    These are: several runs that claim it, JSON of another loop, and each metric that differs
    between the log and qlib_res.csv.
    """
    ranked = sort_by_rank(parts)
    return [*_several_claims(parts), *_other_loops(ranked), *_different_metrics(ranked)]


def _several_claims(parts: Sequence[Evidence]) -> Iterator[Finding]:
    registered = [part.source.name for part in sort_claims(parts, "registry")]
    logged = [part.source.name for part in sort_claims(parts)]
    for runs in (logged, [name for name in registered if names_a_run(name)]):
        if len(runs) < 2:
            continue
        reason = (
            f"the workspace {parts[0].workspace_id} is claimed by the runs "
            f"{' and '.join(sorted(runs))}; it is taken as that of {runs[0]}"
        )
        fix = "nothing to do if one run continues or copies the other; else look which ran in it"
        yield Finding("warning", None, reason, fix)


def _other_loops(ranked: Sequence[Evidence]) -> Iterator[Finding]:
    with_loop = [part for part in ranked if part.loop is not None]
    same = keep_same_loop(with_loop)
    for part in with_loop:
        if part not in same and part.loop:
            run, number = part.loop["task_run_id"], part.loop["loop_id"]
            what = "what its JSON files" if part.kind == "json" else f"what the {part.source.name}"
            reason = (
                f"{what} say is of loop {number} of the run {run}, which other sources of the "
                f"workspace {part.workspace_id} do not name; nothing of it is taken"
            )
            fix = "look whether they were copied from another workspace, and remove them if so"
            yield Finding("warning", None, reason, fix)


def _different_metrics(ranked: Sequence[Evidence]) -> Iterator[Finding]:
    by_kind = {part.kind: part for part in ranked if part.loop and part.loop.get("metrics")}
    if "trace" not in by_kind or "workspace" not in by_kind:
        return
    of_folder = (by_kind["workspace"].loop or {})["metrics"]
    for name, logged in (by_kind["trace"].loop or {})["metrics"].items():
        value = of_folder.get(name)
        if logged is None or value is None:
            continue
        if not math.isclose(logged, value, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
            log = by_kind["trace"].source.name
            reason = f"{name} is {value!r} here, but {logged!r} in the log {log}"
            fix = "look which of the two belongs to this run; the log's was kept"
            yield Finding("warning", "qlib_res.csv", reason, fix)
