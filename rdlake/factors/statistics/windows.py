"""Find the windows in which a factor is measured, as the back-test really ran."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from rdlake.domain.experiment import Workspace
from rdlake.domain.panel import PanelRows

ORIGIN = date(1970, 1, 1)
"""The day from which days are counted."""


@dataclass(frozen=True, slots=True)
class Window:
    """Name a span of days, bounds included."""

    name: str
    first: int
    last: int

    @property
    def start(self) -> date:
        """Return the first day as a date."""
        return ORIGIN + timedelta(self.first)

    @property
    def end(self) -> date:
        """Return the last day as a date."""
        return ORIGIN + timedelta(self.last)


def find_windows(workspace: Workspace, rows: PanelRows) -> list[Window]:
    """Return `all`, and those of train, valid and test that are known.

    They are the segments of the recording. Without a recorded test segment, test is the days from
    the first to the last of the curve.
    """
    if not len(rows.days):
        return []
    known = {each.name: each for each in _recorded_windows(workspace)}
    curve = workspace.curve
    if "test" not in known and curve is not None and curve.height:
        days = curve["date"].to_physical()
        known["test"] = Window("test", int(days.to_numpy().min()), int(days.to_numpy().max()))
    return [Window("all", int(rows.days[0]), int(rows.days[-1])), *known.values()]


def _recorded_windows(workspace: Workspace) -> Iterator[Window]:
    """Yield the segments that ran; skip a segment without both bounds."""
    ran = workspace.recording.configuration if workspace.recording else None
    segments = (ran.segments if ran else None) or {}
    for name in ("train", "valid", "test"):
        start, end = segments.get(name, (None, None))
        if start and end:
            yield Window(name, _day(start), _day(end))


def _day(text: str) -> int:
    """Return the number of an ISO date, counted from 1970-01-01."""
    return (date.fromisoformat(text) - ORIGIN).days
