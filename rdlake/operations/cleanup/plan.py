"""Define a plan: what may go and why, as text that a person can read.

Nothing relies on a plan: `rdlake cleanup apply` looks at everything again. A plan only says what
the person agreed to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rdlake.errors import BadInput, CheckFailed
from rdlake.operations.cleanup.disk import unsafe_path

Stage = Literal["intermediates", "workspace", "logs", "junk"]
STAGES: tuple[Stage, ...] = ("intermediates", "workspace", "logs", "junk")
MOST_BYTES = 256 << 20
ANEW = "make a new plan: rdlake cleanup plan; nothing was deleted"


class StrictModel(BaseModel):
    """Accept exactly these fields and types, or refuse."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PlannedFile(StrictModel):
    """Describe a file or link, relative to its folder, and what proves that it may go."""

    path: str
    kind: Literal["file", "link"]
    size: int
    sha256: str | None
    target: str | None
    proof: str | None


class PlanItem(StrictModel):
    """Describe a folder below a root, and what of it may go, or the reasons why nothing may."""

    stage: Stage
    root: str
    folder: str
    name: str
    level: int
    archive_id: str | None
    size: int
    files: tuple[PlannedFile, ...]
    may_go: bool
    reasons: tuple[str, ...]


class Plan(StrictModel):
    """Hold what one look at lake, archive and disk found."""

    format: Literal["rdlake-cleanup-plan-1"] = "rdlake-cleanup-plan-1"
    lake_id: str
    archive_lake_id: str | None
    made_at: str
    idle_days: float
    allowed: tuple[str, ...]
    items: tuple[PlanItem, ...]

    @property
    def going(self) -> tuple[PlanItem, ...]:
        return tuple(item for item in self.items if item.may_go)

    @property
    def bytes(self) -> int:
        return sum(item.size for item in self.going)


Model = TypeVar("Model", bound=StrictModel)


def parse_model(kind: type[Model], text: str | bytes) -> Model:
    """Return the text as a model; raise ValueError in one line when it is none."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the text"
        raise ValueError(f"{place}: {first['msg']}") from error


def read_plan(path: Path) -> Plan:
    """Read a plan from a file. Raise CheckFailed when it is none, or names a path that no plan may
    name."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        what = f"the plan cannot be read: {error.strerror}"
        raise BadInput(
            what, where=path, fix="rdlake cleanup plan -o PLAN.json writes one"
        ) from error
    if len(text) > MOST_BYTES:
        raise CheckFailed("this is no plan: it is too large", where=path, fix=ANEW)
    try:
        plan = parse_model(Plan, text)
    except ValueError as error:
        raise CheckFailed(f"this is no plan: {error}", where=path, fix=ANEW) from error
    for item in plan.items:
        for name in (item.folder, *(each.path for each in item.files)):
            if reason := unsafe_path(name):
                raise CheckFailed(f"the plan names {name!r}: {reason}", where=path, fix=ANEW)
    return plan
