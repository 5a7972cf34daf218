"""A lake, its archive, and folders that nobody used for months: ready to be cleaned up."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from rdlake.operations.cleanup import (
    CleanupReport,
    CleanupRequest,
    Plan,
    Stage,
    apply_plan,
    make_plan,
    purge,
    undo,
)
from rdlake.sources.workspace.roots import TRASH
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.operations.archive.world import World, links_of

LONG_AGO = 1_600_000_000.0
CLASSES = frozenset({"factor_values"})
UNPROVEN = "notes.bin"
"""A file of the third workspace of which the lake has the digest alone."""


@dataclass(frozen=True)
class Cleaned:
    """A lake, its archive, and the roots it was read from."""

    folder: Path
    given: CleanupRequest

    @property
    def lake(self) -> Lake:
        return open_store(self.folder / "lake")

    @property
    def there(self) -> Lake:
        return open_store(self.to)

    @property
    def to(self) -> str:
        return str(self.folder / "archive")

    @property
    def workspaces(self) -> Path:
        return self.folder / "workspaces"

    def plan(self, *stages: Stage, **changes: object) -> Plan:
        given = replace(self.given, stages=stages or ("workspace",), **changes)  # type: ignore[arg-type]
        return make_plan(self.lake, self.to, given)

    def apply(self, plan: Plan, **options: float) -> CleanupReport:
        return apply_plan(self.lake, self.to, plan, self.given, **options)

    def undo(self, cleanup_id: str | None = None) -> CleanupReport:
        return undo(self.lake, self.roots, cleanup_id)

    def purge(self, *, at_once: bool = True) -> CleanupReport:
        return purge(self.lake, self.to, self.roots, at_once=at_once)

    @property
    def roots(self) -> list[Path]:
        return [*self.given.workspaces, *self.given.logs]


def age(*folders: Path, when: float = LONG_AGO) -> None:
    """As if nothing below had been used since."""
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            os.utime(path, (when, when), follow_symlinks=False)


def make_cleaned(archived: World) -> Cleaned:
    """Let an archived world grow old; one file of it is not kept."""
    age(archived.workspaces)
    given = CleanupRequest(workspaces=(archived.workspaces,), allowed=CLASSES)
    return Cleaned(archived.lake.root.parent, given)


def copied(template: Cleaned, folder: Path) -> Cleaned:
    """The same elsewhere, for a test to change."""
    shutil.copytree(template.folder, folder, symlinks=True)
    roots = tuple(folder / path.relative_to(template.folder) for path in template.given.workspaces)
    logs = tuple(folder / path.relative_to(template.folder) for path in template.given.logs)
    for path in (*roots, *logs):
        age(path)
    return Cleaned(folder, replace(template.given, workspaces=roots, logs=logs))


def content(path: Path) -> bytes:
    """What is in a file, in which to look does not count as use."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME)
    with open(descriptor, "rb") as file:  # noqa: PTH123
        return file.read()


def listing(root: Path) -> dict[str, object]:
    """Every file's content and every link's target below a root, but for the trash."""
    found: dict[str, object] = {
        path.relative_to(root).as_posix(): content(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    found |= links_of(root)
    return {path: each for path, each in found.items() if not path.startswith(f"{TRASH}/")}


def in_trash(root: Path) -> list[str]:
    """The moved files below the trash."""
    found = [path for path in root.rglob("*") if path.is_symlink() or path.is_file()]
    names = [path.relative_to(root).as_posix() for path in found]
    own = ("journal.jsonl", ".turn")
    return sorted(each for each in names if each.startswith(f"{TRASH}/") and not each.endswith(own))


def states(lake: Lake, workspace_ids: Collection[str] = ()) -> set[str]:
    rows = lake.read("artifacts", ["workspace_id", "state"]).rows()
    return {state for key, state in rows if not workspace_ids or key in workspace_ids}
