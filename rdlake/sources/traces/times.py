"""When a loop's steps ran, and what its calls of the language model cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from rdlake.domain.trace import Step
from rdlake.sources.formats.wording import quoted
from rdlake.sources.pickles import Refused, as_value
from rdlake.sources.traces.fields import Fields, mapping, number, text
from rdlake.sources.traces.messages import Message, Reading
from rdlake.sources.traces.opened import LoopMessages, last

_ORDER = (
    "hypothesis generation", "experiment generation", "coder result", "runner result", "feedback"
)  # fmt: skip
_CLOCK = "nothing to do; check the clock of the machine that ran RD-Agent"


@dataclass(frozen=True, slots=True)
class Cost:
    """The sum of the recorded costs, None when none was, and the calls of each model."""

    total: float | None
    models: Counter[str]


def read_steps(reading: Reading, messages: Sequence[Message]) -> dict[str, Step]:
    """Begin and end of each step, of the last time it ran."""
    newest = {message.step: message for message in messages if message.step}
    steps = {}
    for name, message in newest.items():
        opened, value = last(reading, [message])
        found = mapping(value, message.path, reading) if opened else None
        if found is None or name is None:
            continue
        step = Step(_time(found, "start_time"), _time(found, "end_time"))
        if step.start and step.end and step.end < step.start:
            reading.find("warning", message.path, "the step ends before it begins", _CLOCK)
        steps[name] = step
    return steps


def _time(found: Fields, name: str) -> datetime | None:
    if name not in found.values:
        found.warn(f"`{name}` is missing; taken as unknown")
        return None
    try:
        value = as_value(found.values[name])
    except Refused:
        value = None
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    found.wrong(name, "a time")
    return None


def read_cost(reading: Reading, messages: Sequence[Message]) -> Cost:
    """What these calls cost together, and which models answered."""
    costs: list[float] = []
    models: Counter[str] = Counter()
    for message in messages:
        opened, value = last(reading, [message])
        found = mapping(value, message.path, reading) if opened else None
        if found is None:
            continue
        cost, model = number(found, "cost"), text(found, "model")
        costs += [cost] if cost is not None else []
        models.update([model] if model else [])
    return Cost(sum(costs) if costs else None, models)


def warn_of_clock(reading: Reading, loop: LoopMessages) -> None:
    """A warning when a later part of the loop was logged before an earlier one."""
    logged = [(tag, loop.of(tag)[-1]) for tag in _ORDER if loop.of(tag)]
    for (before, earlier), (after, later) in pairwise(logged):
        if earlier.time and later.time and later.time < earlier.time:
            reason = f"{quoted(after)} was logged before {quoted(before)}: the clock went back"
            reading.find("warning", later.path, reason, _CLOCK)
