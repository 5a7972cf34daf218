"""Decode points in time, spans and time zones of Python, pandas, pytz and zoneinfo."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from rdlake.sources.pickles.limits import Budget
from rdlake.sources.pickles.names import refuse, word
from rdlake.sources.pickles.octets import as_bytes
from rdlake.sources.pickles.records import Record, record
from rdlake.sources.pickles.refusal import Refused

TIMES: Final = ("Timestamp", "Timedelta", "NaT", "datetime", "date", "time", "timedelta")
MISSING: Final = -(1 << 63)
MOST_MINUTES = 14 * 60
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_UNITS: Final = {7: "s", 8: "ms", 9: "us", 10: "ns"}
_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EPOCH: Final = dt.datetime(1970, 1, 1)


def as_time(value: object, budget: Budget) -> Any:
    """Return a datetime, date, time or timedelta; None for NaT.

    Where pandas holds nanoseconds that Python cannot, the value is numpy's datetime64 or
    timedelta64. Refused for anything else.
    """
    found = record(value, "a time")
    name, args = word(found), found.args
    try:
        match name:
            case "NaT":
                return None
            case "Timestamp":
                return _timestamp(found, budget)
            case "Timedelta":
                return _span(found)
            case "timedelta":
                return dt.timedelta(*_numbers(found, args))
            case "datetime" | "date" | "time":
                return _from_octets(found, as_bytes(args[0], budget), args[1:], budget)
    except Refused:
        raise
    except (ValueError, OverflowError, IndexError) as error:
        raise refuse(found, f"no such time: {error}") from error
    raise refuse(found, "is not a time")


def zone_name(value: object, budget: Budget) -> str:
    """Return the name of a time zone, `+08:00` for one of a fixed distance; Refused for no zone."""
    found = record(value, "a time zone")
    args = found.args
    match word(found):
        case "utc zone":
            return "UTC"
        case "named zone" if args and type(args[0]) is str and _ZONE.fullmatch(args[0]):
            return args[0]
        case "minutes zone" if len(args) == 1 and type(args[0]) is int:
            return _distance(found, args[0] * 60)
        case "timezone" if args:
            away = as_time(args[0], budget)
            if isinstance(away, dt.timedelta) and not away.microseconds:
                return _distance(found, away.days * 86_400 + away.seconds)
    raise refuse(found, "is not a time zone that is read")


def _distance(found: Record, seconds: int) -> str:
    minutes = abs(seconds) // 60
    if abs(seconds) % 60 or minutes > MOST_MINUTES:
        raise refuse(found, f"a time zone {seconds} s away")
    if not minutes:
        return "UTC"
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _zone(value: object, budget: Budget) -> dt.tzinfo:
    name = zone_name(value, budget)
    if name == "UTC":
        return dt.UTC
    if name[0] not in "+-":
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise refuse(value, f"no time zone {name!r} on this system") from error
    away = dt.timedelta(hours=int(name[1:3]), minutes=int(name[4:]))
    return dt.timezone(-away if name[0] == "-" else away)


def _timestamp(found: Record, budget: Budget) -> Any:
    # (value, freq, tz[, unit]), the value in UTC; pandas 1 has no unit and means nanoseconds.
    value, _, zone, *unit = found.args
    (count,) = _numbers(found, (value,))
    name = _unit(found, unit)
    if count == MISSING:
        return None
    seconds, rest = divmod(count, _PER_SECOND[name])
    if rest * 10**6 % _PER_SECOND[name]:
        if zone is not None:
            raise refuse(found, "nanoseconds in a time zone")
        return np.datetime64(count, "ns")
    moment = _EPOCH + dt.timedelta(seconds=seconds, microseconds=rest * 10**6 // _PER_SECOND[name])
    if zone is None:
        return moment
    return moment.replace(tzinfo=dt.UTC).astimezone(_zone(zone, budget))


def _span(found: Record) -> Any:
    value, *unit = found.args
    (count,) = _numbers(found, (value,))
    name = _unit(found, unit)
    if count == MISSING:
        return None
    if count * 10**6 % _PER_SECOND[name]:
        return np.timedelta64(count, "ns")
    return dt.timedelta(microseconds=count * 10**6 // _PER_SECOND[name])


def _unit(found: Record, unit: list[object]) -> str:
    code = unit[0] if unit else 10
    if len(unit) > 1 or type(code) is not int or code not in _UNITS:
        raise refuse(found, "a time in an unknown unit")
    return _UNITS[code]


def _numbers(found: Record, values: tuple[object, ...]) -> list[int]:
    numbers = [value for value in values if type(value) is int and abs(value) <= 1 << 63]
    if len(numbers) != len(values):
        raise refuse(found, "a time that is no number")
    return numbers


def _from_octets(
    found: Record, octets: bytes | memoryview, zone: tuple[object, ...], budget: Budget
) -> Any:
    """Return the value that Python packs into 4 (date), 6 (time) or 10 bytes (datetime)."""
    name, tz = word(found), _zone(zone[0], budget) if zone else None
    if name == "date" and len(octets) == 4 and tz is None:
        return dt.date(octets[0] * 256 + octets[1], octets[2], octets[3])
    if (name, len(octets)) not in (("time", 6), ("datetime", 10)):
        raise refuse(found, "a time of another length")
    hour, minute, second = octets[-6] & 127, octets[-5], octets[-4]
    micro = int.from_bytes(octets[-3:], "big")
    if name == "time":
        return dt.time(hour, minute, second, micro, tz, fold=octets[0] >> 7)
    year, month = octets[0] * 256 + octets[1], octets[2]
    day = dt.date(year, month & 127, octets[3])
    return dt.datetime.combine(day, dt.time(hour, minute, second, micro, tz, fold=month >> 7))
