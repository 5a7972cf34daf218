"""Measure how deep a loaded value is, and how large it would be if nothing in it were shared."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.records import Record
from rdlake.sources.pickles.refusal import Refused

FEW_SHARED = 8
BETWEEN_LOOKS = 1_024
_CONTAINERS = frozenset({tuple, list, dict, set, frozenset, Record})


class _PathStep:
    """Hold one container on the path: the parts still to be measured, and its measure so far."""

    __slots__ = ("depth", "size", "todo", "value")

    def __init__(self, value: object) -> None:
        held = _list_parts(value)
        self.value = value
        self.todo = [part for part in held if type(part) in _CONTAINERS]
        self.depth = 1
        self.size = 1 + len(held) - len(self.todo)

    def take(self, part: object, depth: int, size: int) -> None:
        self.depth = max(self.depth, depth + 1)
        self.size += 1 if type(part) is Record else size


def check(value: object, budget: Budget) -> None:
    """Raise Refused when the value is nested too deep, or is small only because its parts are
    shared.

    A record counts as one value where it is used, because experiments really share their ancestors.
    """
    limits = budget.limits
    few = budget.containers <= limits.depth and budget.shared <= FEW_SHARED
    for count, (depth, size) in enumerate(() if few else _measure(value, limits.depth)):
        if depth > limits.depth:
            raise _too_deep(limits.depth)
        if size > limits.expanded:
            raise Refused("pickle", f"stands for more than {limits.expanded:,} values")
        if count % BETWEEN_LOOKS == 0:
            budget.watch()


def _too_deep(deepest: int) -> Refused:
    return Refused("pickle", f"nested deeper than {deepest:,} levels")


def _measure(value: object, deepest: int) -> Iterable[tuple[int, int]]:
    """Yield depth and size of each container, parts first; a way back into the path counts 0."""
    path = [_PathStep(value)] if type(value) in _CONTAINERS else []
    seen: dict[int, tuple[int, int]] = {id(value): (0, 0)}
    while path:
        step = path[-1]
        if step.todo:
            part = step.todo.pop()
            if id(part) in seen:
                step.take(part, *seen[id(part)])
            else:
                seen[id(part)] = (0, 0)
                path.append(_PathStep(part))
                if len(path) > deepest:
                    raise _too_deep(deepest)
            continue
        path.pop()
        seen[id(step.value)] = step.depth, step.size
        yield step.depth, step.size
        if path:
            path[-1].take(step.value, step.depth, step.size)


def _list_parts(value: Any) -> list[Any]:
    if type(value) is Record:
        return [value.args, value.kwargs, value.state, value.items, value.entries]
    return list(chain(value, value.values()) if type(value) is dict else value)
