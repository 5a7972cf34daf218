"""Read the factors and models that a loop proposed, with the coder's code and verdict for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from rdlake.domain.experiment import Action
from rdlake.domain.trace import Task
from rdlake.sources.pickles import Record
from rdlake.sources.traces.fields import (
    ObjectFields,
    read_description,
    read_fields,
    read_flag,
    read_folder_name,
    read_list,
    read_text,
    read_texts,
)
from rdlake.sources.traces.messages import RunReading

_MAIN = ("factor.py", "model.py")
_LOOK = "look at the file; if RD-Agent wrote it so, report it with the version of RD-Agent"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CodedTask:
    """Hold what the coder left for one task: the task as it saw it, the code, and the workspace of
    that code.

    `final` is false while the coder may still improve it.
    """

    task: ObjectFields | None
    code: Mapping[str, str]
    workspace_id: str | None
    final: bool


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Hold the coder's verdicts in the order of its tasks, and the names of these tasks if they are
    known."""

    decisions: tuple[bool | None, ...]
    names: tuple[str | None, ...] | None = None


def read_members(
    value: object, attribute: str, file: str, reading: RunReading
) -> list[ObjectFields | None] | None:
    """Return the objects of a message that is a list, or an experiment with such a list."""
    if isinstance(value, Record):
        whole = read_fields(value, file, reading)
        value = read_list(whole, attribute, always=True) if whole else None
        if value is None:
            return None
    if not isinstance(value, list | tuple):
        reason = f"not a message of this tag: of type {type(value).__name__}, not a list"
        reading.find("error", file, reason, _LOOK)
        return None
    return [None if part is None else read_fields(part, file, reading) for part in value]


def read_task_name(task: ObjectFields | None) -> str | None:
    """Return a factor's or model's name."""
    if task is None:
        return None
    return read_text(task, "factor_name" if "factor_name" in task.values else "name", always=True)


def read_coded_task(workspace: ObjectFields | None, *, final: bool) -> CodedTask | None:
    """Return what lies in a sub-workspace, as the message itself holds it."""
    if workspace is None:
        return None
    target = workspace.values.get("target_task")
    task = read_fields(target, workspace.file, workspace.reading) if target is not None else None
    code, place = (
        read_texts(workspace, "file_dict") or {},
        read_folder_name(workspace, "workspace_path"),
    )
    return CodedTask(task, code, place, final)


def read_verdicts(feedback: ObjectFields, names: Sequence[str | None] | None) -> Verdicts | None:
    """Return the final decisions of a feedback on several tasks."""
    parts = read_list(feedback, "feedback_list", always=True)
    if parts is None:
        return None
    decisions = []
    for part in parts:
        one = read_fields(part, feedback.file, feedback.reading) if part is not None else None
        decisions.append(read_flag(one, "final_decision", always=True) if one else None)
    return Verdicts(tuple(decisions), None if names is None else tuple(names))


def make_tasks(
    proposed: Sequence[ObjectFields | None] | None,
    coded: Sequence[CodedTask | None] | None,
    verdicts: Sequence[Verdicts],
    reading: RunReading,
) -> tuple[Task, ...] | None:
    """Return each proposed task with its code and the first verdict on it; None when no task is
    known.

    Without the proposal, the tasks are those that the coder got.
    """
    if proposed is None:
        proposed = [one.task if one else None for one in coded] if coded is not None else None
    if proposed is None:
        return None
    known = [task for task in proposed if task is not None]
    names = [read_task_name(task) for task in known]
    item_names = [read_task_name(one.task) if one else None for one in coded or ()]
    own = _align(names, list(coded or ()), item_names)
    decisions = [_align(names, list(each.decisions), each.names) for each in verdicts]
    if coded and not any(own):
        reason = "its code belongs to none of the proposed tasks; left out"
        file = next((one.task.file for one in coded if one and one.task), None)
        reading.find("warning", file, reason, _LOOK)
    return tuple(
        _build_task(
            task,
            name,
            own[place],
            next((s[place] for s in decisions if s[place] is not None), None),
        )
        for place, (task, name) in enumerate(zip(known, names, strict=True))
    )


def _align(
    names: Sequence[str | None], items: list[T | None], item_names: Sequence[str | None] | None
) -> list[T | None]:
    """Return the item for each name: the item at its place if the names agree, else the item with
    that name."""
    if len(items) == len(names) and _agree(names, item_names):
        return items
    by_name: dict[str, T | None] = {}
    for item, name in zip(items, item_names or (), strict=False):
        if name is not None:
            by_name.setdefault(name, item)
    return [by_name.get(name) if name else None for name in names]


def _agree(names: Sequence[str | None], item_names: Sequence[str | None] | None) -> bool:
    if item_names is None:
        return True
    pairs = zip(names, item_names, strict=False)
    return all(None in pair or pair[0] == pair[1] for pair in pairs)


def _build_task(
    task: ObjectFields, name: str | None, coded: CodedTask | None, verdict: bool | None
) -> Task:
    kind = _find_kind(task)
    formulation = "formulation" if kind == "model" else "factor_formulation"
    return Task(
        name=name,
        kind=kind,
        description=read_text(task, _find_description(task)),
        formulation=read_text(task, formulation),
        variables=read_description(task, "variables"),
        code=coded.code if coded else {},
        code_sha256=_hash_code(coded.code) if coded else None,
        accepted=verdict if verdict is not None else _read_mark(coded),
        workspace_id=coded.workspace_id if coded else None,
        model_type=read_text(task, "model_type"),
        architecture=read_text(task, "architecture"),
        hyperparameters=read_description(task, "hyperparameters"),
        training_hyperparameters=read_description(task, "training_hyperparameters"),
    )


def _find_kind(task: ObjectFields) -> Action | None:
    if "factor_name" in task.values or task.kind.startswith("Factor"):
        return "factor"
    if "architecture" in task.values or task.kind.startswith("Model"):
        return "model"
    task.warn(f"{task.kind}: neither a factor nor a model; its kind is unknown")
    return None


def _find_description(task: ObjectFields) -> str:
    """Return the attribute with the description; up to 0.4 it had another name for factors."""
    return "description" if "description" in task.values else "factor_description"


def _read_mark(coded: CodedTask | None) -> bool | None:
    """Return the coder's own mark on the task that it got; a task without a mark has None."""
    if coded is None or coded.task is None:
        return None
    marked = read_flag(coded.task, "factor_implementation")
    return marked if marked or coded.final else None


def _hash_code(code: Mapping[str, str]) -> str | None:
    main = next((name for name in _MAIN if name in code), None)
    if main is None and len(code) == 1:
        main = next(iter(code))
    return sha256(code[main].encode()).hexdigest() if main else None
