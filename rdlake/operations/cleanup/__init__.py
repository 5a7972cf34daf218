"""Freeing RD-Agent's disk: planned, proven by the archive, by way of a trash, undone at will."""

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
