"""Freeing RD-Agent's disk: planned, proven by the archive, by way of a trash, undone at will."""

from rdlake.operations.cleanup.apply import Report, apply_plan, purge, undo
from rdlake.operations.cleanup.classes import CLASSES
from rdlake.operations.cleanup.judge import Given, make_plan
from rdlake.operations.cleanup.plan import STAGES, Item, Plan, Stage, read_plan
from rdlake.operations.cleanup.trash import Done

__all__ = [
    "CLASSES",
    "STAGES",
    "Done",
    "Given",
    "Item",
    "Plan",
    "Report",
    "Stage",
    "apply_plan",
    "make_plan",
    "purge",
    "read_plan",
    "undo",
]
