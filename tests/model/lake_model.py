"""What a lake must do, as a plain dictionary: no Delta, no DuckDB, no files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tests.model.folders import Answers, Folder, Row, Rows, answers

Outcome = Literal["published", "nothing new", "held"]
Told = tuple[str, str]
"""A workspace, and what became of it at an ingest."""


@dataclass(frozen=True)
class Published:
    """One catalog version: the workspaces it shows, and the ingests up to it."""

    number: int
    folders: dict[str, Folder]
    ingests: tuple[Told, ...]
    back_to: int | None
    at: datetime

    def answers(self) -> Answers:
        """What every view that tells of the data must say."""
        return answers(self.folders) | {"ingest_report": _report(self.ingests)}


@dataclass
class LakeModel:
    """The folders on disk, what the lake has read of them, what was published of that."""

    disk: dict[str, Folder] = field(default_factory=dict)
    lake: dict[str, Folder] = field(default_factory=dict)
    ingests: tuple[Told, ...] = ()
    published: list[Published] = field(default_factory=list)
    news: bool = True
    """Something was read since the last version was published."""

    @property
    def held(self) -> bool:
        return bool(self.published) and self.published[-1].back_to is not None

    def ingest(self) -> list[Told]:
        """What becomes of each workspace that is new or changed."""
        changed = [
            (name, folder.status)
            for name, folder in sorted(self.disk.items())
            if self.lake.get(name) != folder
        ]
        self.lake |= self.disk
        self.ingests += tuple(changed)
        self.news = self.news or bool(changed)
        return changed

    def outcome(self, *, repin: bool = False, release: bool = False) -> Outcome:
        """What publishing must come to."""
        if self.held:
            return "published" if release else "held"
        return "published" if self.news or repin else "nothing new"

    def outcome_of_rollback(self, number: int) -> Outcome:
        """The newest version may be that very rollback, with nothing read since."""
        last = self.published[-1]
        same = last.back_to == number and last.ingests == self.ingests
        return "nothing new" if same else "published"

    def publish(self, at: datetime) -> None:
        self._append(self.lake, None, at)
        self.news = False

    def rollback(self, number: int, at: datetime) -> None:
        self._append(self.published[number - 1].folders, number, at)

    def current(self, moment: datetime) -> Published | None:
        """The version that was current then."""
        return next((each for each in reversed(self.published) if each.at <= moment), None)

    def _append(self, folders: dict[str, Folder], back_to: int | None, at: datetime) -> None:
        number = len(self.published) + 1
        self.published.append(Published(number, dict(folders), self.ingests, back_to, at))


def changes(before: Published, after: Published) -> dict[str, dict[tuple[object, ...], object]]:
    """view -> key -> added, removed, or the columns that changed; only views that differ."""
    old, new = answers(before.folders), answers(after.folders)
    found = {view: _changed(old[view], new[view]) for view in old}
    return {view: rows for view, rows in found.items() if rows}


def _changed(old: Rows, new: Rows) -> dict[tuple[object, ...], object]:
    kinds: dict[tuple[object, ...], object] = {
        **dict.fromkeys(old.keys() - new.keys(), "removed"),
        **dict.fromkeys(new.keys() - old.keys(), "added"),
    }
    for key in old.keys() & new.keys():
        if fields := {name for name in old[key] if old[key][name] != new[key][name]}:
            kinds[key] = fields
    return kinds


def _report(ingests: tuple[Told, ...]) -> Rows:
    """workspace -> how often it was read, and what became of it the last time."""
    times = Counter(name for name, _ in ingests)
    last: dict[str, str] = dict(ingests)
    rows: dict[tuple[object, ...], Row] = {}
    for name, count in times.items():
        rows[(name,)] = {"times": count, "status": last[name]}
    return rows
