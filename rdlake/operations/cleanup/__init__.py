"""Free RD-Agent's disk: planned, proven by the archive, by way of a trash, and reversible.

`planner` compares lake, archive and disk and writes a plan (`plan`): what may go, and why or why
not. `apply` plans again and moves only what still agrees into the trash of its root: first the
journal (`journal`), then the table `cleanups` (`lake_record`), then the disk (`trash`). `undo`
moves it back. `purge` deletes it after the days of grace, and only what the archive, read again,
still proves (`experiment_facts`).

No link is followed, no other disk entered, no file of another user touched (`disk`). A stopped
clean-up is completed by the next command.
"""

from rdlake.operations.cleanup.apply import CleanupReport, apply_plan, purge, undo
from rdlake.operations.cleanup.classes import CLASSES
from rdlake.operations.cleanup.plan import STAGES, Plan, PlanItem, Stage, read_plan
from rdlake.operations.cleanup.planner import CleanupRequest, make_plan
from rdlake.operations.cleanup.trash import MoveOutcome

__all__ = [
    "CLASSES",
    "STAGES",
    "CleanupReport",
    "CleanupRequest",
    "MoveOutcome",
    "Plan",
    "PlanItem",
    "Stage",
    "apply_plan",
    "make_plan",
    "purge",
    "read_plan",
    "undo",
]
