"""The windows in which a factor is looked at, as the back-test really ran."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from rdlake.domain.experiment import Workspace
from rdlake.domain.panel import PanelRows

ORIGIN = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Window:
    """Some days by name, bounds included."""

    name: str
    first: int
    last: int

    @property
    def start(self) -> date:
        return ORIGIN + timedelta(self.first)

    @property
    def end(self) -> date:
        return ORIGIN + timedelta(self.last)


def windows(workspace: Workspace, rows: PanelRows) -> list[Window]:
    """`all`, and those of train, valid and test that are known: the segments of the recording; of
    test else the first to the last day of the curve."""
    if not len(rows.days):
        return []
    known = {each.name: each for each in _recorded(workspace)}
    curve = workspace.curve
    if "test" not in known and curve is not None and curve.height:
        days = curve["date"].to_physical()
        known["test"] = Window("test", int(days.to_numpy().min()), int(days.to_numpy().max()))
    return [Window("all", int(rows.days[0]), int(rows.days[-1])), *known.values()]


def _recorded(workspace: Workspace) -> Iterator[Window]:
    """The segments that ran; one of which a bound is not known is left out."""
    ran = workspace.recording.configuration if workspace.recording else None
    segments = (ran.segments if ran else None) or {}
    for name in ("train", "valid", "test"):
        start, end = segments.get(name, (None, None))
        if start and end:
            yield Window(name, _day(start), _day(end))


def _day(text: str) -> int:
    return (date.fromisoformat(text) - ORIGIN).days
