"""Where the sources of one workspace contradict each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rdlake.domain.experiment import Finding
from rdlake.evidence.merge import by_rank, claims, names_a_run, of_its_loop
from rdlake.evidence.value import Evidence

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""Log and qlib_res.csv are written from the same numbers; this is less than a digit of them."""


def contradictions(parts: Sequence[Evidence]) -> list[Finding]:
    """A warning when several runs claim the workspace, for JSON that is of another loop, and for
    each metric that its qlib_res.csv has otherwise than the log."""
    heard = by_rank(parts)
    return [*_claimed_twice(parts), *_of_another_loop(heard), *_measured_twice(heard)]


def _claimed_twice(parts: Sequence[Evidence]) -> Iterator[Finding]:
    named = [part.named for part in claims(parts, "registry") if names_a_run(part.named)]
    for runs in ([part.named for part in claims(parts)], named):
        if len(runs) < 2:
            continue
        reason = (
            f"the workspace {parts[0].workspace_id} is claimed by the runs "
            f"{' and '.join(sorted(runs))}; it is taken as that of {runs[0]}"
        )
        fix = "nothing to do if one run continues or copies the other; else look which ran in it"
        yield Finding("warning", None, reason, fix)


def _of_another_loop(heard: Sequence[Evidence]) -> Iterator[Finding]:
    told = [part for part in heard if part.loop is not None]
    of_it = of_its_loop(told)
    for part in told:
        if part not in of_it and part.loop:
            run, number = part.loop["task_run_id"], part.loop["loop_id"]
            whose = "what its JSON files" if part.kind == "json" else f"what the {part.named}"
            reason = (
                f"{whose} say is of loop {number} of the run {run}, which other sources of the "
                f"workspace {part.workspace_id} do not name; nothing of it is taken"
            )
            fix = "look whether they were copied from another workspace, and remove them if so"
            yield Finding("warning", None, reason, fix)


def _measured_twice(heard: Sequence[Evidence]) -> Iterator[Finding]:
    told = {part.kind: part for part in heard if part.loop and part.loop.get("metrics")}
    if "trace" not in told or "workspace" not in told:
        return
    lying = (told["workspace"].loop or {})["metrics"]
    for name, logged in (told["trace"].loop or {})["metrics"].items():
        found = lying.get(name)
        if logged is None or found is None:
            continue
        if not math.isclose(logged, found, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
            reason = f"{name} is {found!r} here, but {logged!r} in the log {told['trace'].named}"
            fix = "look which of the two belongs to this run; the log's was kept"
            yield Finding("warning", "qlib_res.csv", reason, fix)
