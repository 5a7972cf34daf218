"""Read the attributes of one object in a message; each is checked when it is read.

An attribute of a wrong type becomes None with a warning. An absent attribute becomes None, with a
warning only where RD-Agent always writes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from rdlake.domain.trace import Description
from rdlake.sources.formats.wording import quote
from rdlake.sources.pickles import Record, Refused, as_path, as_value, attributes
from rdlake.sources.traces.messages import RunReading

_LOOK = "look at the file; if RD-Agent wrote it so, report it with the version of RD-Agent"


@dataclass(frozen=True, slots=True)
class ObjectFields:
    """Hold attributes by name, their class, and the place for findings about them."""

    kind: str
    values: Mapping[str, object]
    file: str
    reading: RunReading

    def warn(self, reason: str) -> None:
        self.reading.find("warning", self.file, reason, _LOOK)

    def wrong(self, name: str, wanted: str) -> None:
        found = _describe_type(self.values[name])
        self.warn(f"{self.kind}: `{name}` is {found}, not {wanted}; counts as unknown")


def read_fields(value: object, file: str, reading: RunReading) -> ObjectFields | None:
    """Return the attributes of a record; None and an error when the value is no record with
    attributes."""
    try:
        values = attributes(value)
    except Refused as error:
        reading.find("error", file, f"not a message of this tag: {error}", _LOOK)
        return None
    name = value.name if type(value) is Record else ""
    return ObjectFields(name, values, file, reading)


def read_text(of: ObjectFields, name: str, *, always: bool = False) -> str | None:
    """Return a text; None for an empty one."""
    value = _get(of, name, always)
    if value is None or isinstance(value, str):
        return to_text(value)
    of.wrong(name, "text")
    return None


def to_text(value: str | None) -> str | None:
    """Return text that any table can hold; None for an empty one."""
    if not value or value.isascii():
        return value or None
    return value.encode("utf-8", "replace").decode()


def read_flag(of: ObjectFields, name: str, *, always: bool = False) -> bool | None:
    """Return True or False, numpy's too."""
    value = _decode(of, name, always)
    if value is None or isinstance(value, bool):
        return value
    of.wrong(name, "True or False")
    return None


def read_number(of: ObjectFields, name: str, *, always: bool = False) -> float | None:
    """Return a finite number."""
    value = _decode(of, name, always)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) if math.isfinite(value) else None
        except OverflowError:
            return None
    if value is not None:
        of.wrong(name, "a number")
    return None


def read_description(of: ObjectFields, name: str) -> Description | None:
    """Return a text, or a dict by names; None for an empty one."""
    value = _decode(of, name, always=False)
    if value is None:
        return None
    if isinstance(value, str):
        return to_text(value)
    if not isinstance(value, dict):
        of.wrong(name, "a text or a dict")
        return None
    try:
        return {str(_simplify(key)): _simplify(part) for key, part in value.items()} or None
    except TypeError:
        of.wrong(name, "made of texts and numbers")
        return None


def _simplify(value: object) -> object:
    """Return the value with text that any table can hold. TypeError for a value that JSON cannot
    hold."""
    match value:
        case str():
            return to_text(value) or ""
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [_simplify(part) for part in value]
        case dict():
            return {str(_simplify(key)): _simplify(part) for key, part in value.items()}
    raise TypeError(type(value).__name__)


def read_texts(of: ObjectFields, name: str) -> dict[str, str] | None:
    """Return a dict of texts by name, without the empty ones."""
    value = _get(of, name, always=False)
    if value is None:
        return None
    if not isinstance(value, dict):
        of.wrong(name, "a dict of texts")
        return None
    pairs = [(key, part) for key, part in value.items() if isinstance(key, str)]
    found = {key: to_text(part) for key, part in pairs if isinstance(part, str)}
    if len(found) != len(value):
        of.warn(f"{of.kind}: `{name}` holds values that are no text; they were left out")
    return {to_text(key) or "": part for key, part in found.items() if part is not None}


def read_mapping(value: object, file: str, reading: RunReading) -> ObjectFields | None:
    """Return the fields of a message that is a dict."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return ObjectFields("dict", value, file, reading)
    reason = f"not a message of this tag: {_describe_type(value)}, not a dict by names"
    reading.find("error", file, reason, _LOOK)
    return None


def read_list(of: ObjectFields, name: str, *, always: bool = False) -> list[object] | None:
    """Return the members of a list, undecoded."""
    value = _get(of, name, always)
    if value is None or isinstance(value, list):
        return value
    if isinstance(value, tuple):
        return list(value)
    of.wrong(name, "a list")
    return None


def read_folder_name(of: ObjectFields, name: str) -> str | None:
    """Return the last name of a path, which is a workspace's id. The folder above it is added to
    the run's roots."""
    value = _get(of, name, always=True)
    if value is None:
        return None
    try:
        path = _parse_path(value) if isinstance(value, str) else as_path(value)
    except Refused:
        of.wrong(name, "a path")
        return None
    last = to_text(path.name)
    if last is None or last == "..":
        of.warn(f"{of.kind}: `{name}` names no folder; counts as unknown")
        return None
    of.reading.roots |= {root for root in [to_text(str(path.parent))] if root}
    return last


def _parse_path(value: str) -> PurePosixPath | PureWindowsPath:
    return PureWindowsPath(value) if "\\" in value else PurePosixPath(value)


def _get(of: ObjectFields, name: str, always: bool) -> object:
    if name not in of.values and always:
        of.warn(f"{of.kind}: `{name}` is missing; counts as unknown")
    return of.values.get(name)


def _decode(of: ObjectFields, name: str, always: bool) -> object:
    """Return the value decoded: numpy's numbers and bools become plain ones."""
    value = _get(of, name, always)
    try:
        decoded: object = as_value(value)
    except Refused:
        of.wrong(name, "a plain value")
        return None
    return decoded


def _describe_type(value: object) -> str:
    if isinstance(value, Record):
        return f"an object of the class {quote(value.name)}"
    return "None" if value is None else f"of type {type(value).__name__}"
