"""Group a loop's messages by tag and read the last one of a tag, which counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rdlake.sources.traces.fields import ObjectFields, read_fields
from rdlake.sources.traces.messages import LogMessage, RunReading, read_message

_CLASSES = {
    "hypothesis generation": "Hypothesis",
    "runner result": "Experiment",
    "feedback": "Feedback",
    "evolving feedback": "MultiFeedback",
    "scenario": "Scenario",
}
_FOREIGN = "remove it from the log folder if RD-Agent did not write it"


@dataclass(frozen=True, slots=True)
class LoopMessages:
    """Hold one loop's messages, earliest first."""

    loop_id: int
    messages: tuple[LogMessage, ...]

    def of(self, tag: str) -> tuple[LogMessage, ...]:
        return tuple(message for message in self.messages if message.tag == tag)

    def last_attempt(self) -> LoopMessages:
        """Return the messages since the last proposal, when the loop was begun again."""
        proposals = self.of("hypothesis generation")
        begun = proposals[-1].time if len(proposals) > 1 else None
        if begun is None:
            return self
        kept = [message for message in self.messages if message.time and message.time >= begun]
        return LoopMessages(self.loop_id, tuple(kept))


def read_last(
    reading: RunReading, messages: Sequence[LogMessage]
) -> tuple[LogMessage, object] | tuple[None, None]:
    """Return the last message and its content; nothing, and no earlier message, when it cannot be
    read."""
    if not messages:
        return None, None
    content = read_message(reading, messages[-1])
    return (messages[-1], content.value) if content else (None, None)


def read_last_object(reading: RunReading, messages: Sequence[LogMessage]) -> ObjectFields | None:
    """Return the attributes of the object in the last message."""
    return read_object(reading, messages[-1]) if messages else None


def read_object(reading: RunReading, message: LogMessage) -> ObjectFields | None:
    """Return the attributes of a message's object; None and an error for an object of another
    class."""
    content = read_message(reading, message)
    found = read_fields(content.value, message.path, reading) if content else None
    if found is None:
        return None
    wanted = _CLASSES.get(message.tag, "")
    if not found.kind.endswith(wanted):
        reason = f"not a message of this tag: an object of another class than …{wanted}"
        reading.find("error", message.path, reason, _FOREIGN)
        return None
    return found
