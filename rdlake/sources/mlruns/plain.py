"""Turn a configuration into plain JSON values, whether it came from a pickle, mlflow's parameters
or YAML."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from pathlib import PurePath

from rdlake.domain.recording import Json
from rdlake.sources.formats.unreadable import Unreadable
from rdlake.sources.pickles import (
    Global,
    Limits,
    Record,
    Refused,
    as_value,
    load,
    qualified,
)

MAX_DEPTH = 60
MAX_VALUES = 200_000
LIMITS = Limits(size=4 << 20, memory=64 << 20, depth=200, expanded=MAX_VALUES, seconds=0.5)
_SMALL = Limits(size=1 << 20, memory=1 << 20, depth=20, expanded=1_000, seconds=0.1)


def read_pickled_json(data: bytes) -> Json:
    """Return what a pickle holds; an object that is no plain value becomes `<module.Class>`.

    Refused for a damaged pickle, Unreadable for one that is larger than any configuration.
    """
    return to_json(load(data, limits=LIMITS))


def read_pickled_texts(data: bytes) -> Json:
    """Return the texts directly inside a pickled dict, by name. Refused for anything else."""
    found = load(data, limits=LIMITS)
    if not isinstance(found, dict):
        name = qualified(found) if isinstance(found, Record) else type(found).__name__
        raise Refused(name, "is no dict")
    return {str(name): value for name, value in found.items() if isinstance(value, str)}


def to_json(value: object) -> Json:
    """Return dicts, lists, numbers and texts; dates as ISO text, numbers that are not finite as
    text."""
    return _JsonConverter().json(value, MAX_DEPTH)


class _JsonConverter:
    """Convert values and count how many may still come."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def json(self, value: object, depth: int) -> Json:
        self.left -= 1
        if self.left < 0 or depth < 0:
            raise Unreadable(f"deeper than {MAX_DEPTH} levels or more than {MAX_VALUES:,} values")
        if isinstance(value, Mapping):
            return {str(name): self.json(each, depth - 1) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(each, depth - 1) for each in value]
        return self._record(value, depth) if isinstance(value, Record) else _convert_scalar(value)

    def _record(self, value: Record, depth: int) -> Json:
        if qualified(value).startswith("qlib."):
            return f"<{qualified(value)}>"
        try:
            decoded = as_value(value, limits=_SMALL)
        except Refused:
            return f"<{qualified(value)}>"
        return self.json(decoded, depth - 1)


def _convert_scalar(value: object) -> Json:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case datetime.datetime() if _has_time(value):
            return value.isoformat(sep=" ")
        case datetime.date():
            return value.isoformat()[:10]
        case PurePath():
            return value.as_posix()
    return f"<{qualified(value) if isinstance(value, Global) else type(value).__name__}>"


def _has_time(value: datetime.datetime) -> bool:
    return value.timetz() != datetime.time()
