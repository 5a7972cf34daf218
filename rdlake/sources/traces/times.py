"""Read when a loop's steps ran, and what its calls of the language model cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from rdlake.domain.trace import Step
from rdlake.sources.formats.wording import quote
from rdlake.sources.pickles import Refused, as_value
from rdlake.sources.traces.fields import ObjectFields, read_mapping, read_number, read_text
from rdlake.sources.traces.loop_messages import LoopMessages, read_last
from rdlake.sources.traces.messages import LogMessage, RunReading

_ORDER = (
    "hypothesis generation", "experiment generation", "coder result", "runner result", "feedback"
)  # fmt: skip
_CLOCK = "nothing to do; check the clock of the machine that ran RD-Agent"


@dataclass(frozen=True, slots=True)
class CallCost:
    """Hold the sum of the recorded costs, None when none was recorded, and the calls of each
    model."""

    total: float | None
    models: Counter[str]


def read_steps(reading: RunReading, messages: Sequence[LogMessage]) -> dict[str, Step]:
    """Return the begin and end of each step's last run."""
    newest = {message.step: message for message in messages if message.step}
    steps = {}
    for name, message in newest.items():
        opened, value = read_last(reading, [message])
        found = read_mapping(value, message.path, reading) if opened else None
        if found is None or name is None:
            continue
        step = Step(_read_time(found, "start_time"), _read_time(found, "end_time"))
        if step.start and step.end and step.end < step.start:
            reading.find("warning", message.path, "the step ends before it begins", _CLOCK)
        steps[name] = step
    return steps


def _read_time(found: ObjectFields, name: str) -> datetime | None:
    if name not in found.values:
        found.warn(f"`{name}` is missing; counts as unknown")
        return None
    try:
        value = as_value(found.values[name])
    except Refused:
        value = None
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    found.wrong(name, "a time")
    return None


def read_cost(reading: RunReading, messages: Sequence[LogMessage]) -> CallCost:
    """Return what these calls cost together, and which models answered."""
    costs: list[float] = []
    models: Counter[str] = Counter()
    for message in messages:
        opened, value = read_last(reading, [message])
        found = read_mapping(value, message.path, reading) if opened else None
        if found is None:
            continue
        cost, model = read_number(found, "cost"), read_text(found, "model")
        costs += [cost] if cost is not None else []
        models.update([model] if model else [])
    return CallCost(sum(costs) if costs else None, models)


def warn_of_clock(reading: RunReading, loop: LoopMessages) -> None:
    """Warn when a later part of the loop was logged before an earlier one."""
    logged = [(tag, loop.of(tag)[-1]) for tag in _ORDER if loop.of(tag)]
    for (before, earlier), (after, later) in pairwise(logged):
        if earlier.time and later.time and later.time < earlier.time:
            reason = f"{quote(after)} was logged before {quote(before)}: the clock went back"
            reading.find("warning", later.path, reason, _CLOCK)
