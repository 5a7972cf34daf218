"""Read what RD-Agent concluded from a loop, or why it skipped the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rdlake.domain.trace import Feedback
from rdlake.sources.pickles import Record
from rdlake.sources.traces.fields import ObjectFields, read_flag, read_text, to_text
from rdlake.sources.traces.loop_messages import read_last_object
from rdlake.sources.traces.messages import LogMessage, RunReading

Place = Literal["observations", "reason", "exception"]


def read_feedback(
    reading: RunReading, messages: Sequence[LogMessage], *, skipped: bool
) -> tuple[Feedback | None, str | None]:
    """Return the last feedback, and the class of the exception in it, if there is one."""
    found = read_last_object(reading, messages)
    if found is None:
        return None, None
    observations, reason = read_text(found, "observations"), read_text(found, "reason")
    error, where = _find_error(observations, reason) if skipped else (None, None)
    kind, words = _read_exception(found)
    if error is None and words is not None:
        error, where = words, "exception"
    feedback = Feedback(
        decision=read_flag(found, "decision", always=True),
        observations=observations,
        hypothesis_evaluation=read_text(found, "hypothesis_evaluation"),
        reason=reason,
        new_hypothesis=read_text(found, "new_hypothesis"),
        code_change_summary=read_text(found, "code_change_summary"),
        error=error,
        error_field=where,
    )
    return feedback, kind


def _find_error(observations: str | None, reason: str | None) -> tuple[str | None, Place | None]:
    """Return the error of a skipped loop: the only text there is. Versions and scenarios put it in
    different fields."""
    if observations and not reason:
        return observations, "observations"
    if reason and not observations:
        return reason, "reason"
    return None, None


def _read_exception(found: ObjectFields) -> tuple[str | None, str | None]:
    """Return class and text of an exception that has a field of its own."""
    value = found.values.get("exception")
    if isinstance(value, str):
        return None, to_text(value)
    if type(value) is Record:
        words = next((part for part in value.args if isinstance(part, str)), None)
        return to_text(value.name), to_text(words)
    if value is not None:
        found.wrong("exception", "an exception or text")
    return None, None
