"""Freeing RD-Agent's disk: planned, proven by the archive, by way of a trash, undone at will."""

from rdlake.cleanup.apply import Report, apply_plan, purge, undo
from rdlake.cleanup.classes import CLASSES
from rdlake.cleanup.judge import Given, make_plan
from rdlake.cleanup.plan import STAGES, Item, Plan, Stage, read_plan
from rdlake.cleanup.trash import Done

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
