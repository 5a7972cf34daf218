"""Describe `sql/materialize.toml`: what rdlake must know of views and checks beyond their SQL."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rdlake.errors import BadInput

GROUP_SIZE = 8192
"""Rows in a Parquet row group; groups are small, so that a look-up by key reads little."""


class _Entry(BaseModel):
    """Refuse fields that are not known, and values of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ViewSettings(_Entry):
    """Hold the settings of one view; the head of the file explains each."""

    key: list[str] = Field(min_length=1)
    materialized: bool = False
    by: str | None = None
    shown_as: str | None = None
    parts: Literal[1, 2, 4, 8, 16] = 1
    group: int = Field(GROUP_SIZE, ge=1)

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        needs = {"by": "materialized", "group": "materialized", "shown_as": "by", "parts": "by"}
        for field, needed in needs.items():
            if field in self.model_fields_set and not getattr(self, needed):
                raise ValueError(f"`{field}` needs `{needed}`")
        return self

    @property
    def shown_by(self) -> str | None:
        """Return the view's own name for the column `by`."""
        return self.shown_as or self.by


class CheckSettings(_Entry):
    """Hold the settings of one check; with `keys_of` the check is generated."""

    by: str | None = None
    keys_of: list[str] = Field(default_factory=list)
    promise: str | None = None

    @model_validator(mode="after")
    def _is_generated_or_not(self) -> Self:
        if bool(self.keys_of) != bool(self.promise):
            raise ValueError("`keys_of` and `promise` go together")
        return self


class SharedRows(_Entry):
    """Say how the rows of a table that workspaces share are found from a workspace."""

    column: str
    used_in: list[str]
    used_as: str


class Relations(_Entry):
    """Lead from rows without the column `by` to the workspaces that they belong to."""

    columns: Mapping[str, list[str]] = Field(default_factory=dict)
    tables: Mapping[str, SharedRows] = Field(default_factory=dict)


class ContractSettings(_Entry):
    """Hold the whole file."""

    views: Mapping[str, ViewSettings]
    checks: Mapping[str, CheckSettings] = Field(default_factory=dict)
    relations: Relations = Field(default_factory=Relations)


@lru_cache(maxsize=8)
def parse_settings(text: str, origin: str) -> ContractSettings:
    """Return the settings that a TOML text holds. BadInput names the line of a mistake in it."""
    try:
        return ContractSettings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else len(text.splitlines())
        raise BadInput(
            f"this is not valid TOML: {error}",
            where=f"{origin}:{line}",
            fix="correct the line; https://toml.io shows how TOML is written",
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(each) for each in first["loc"] if isinstance(each, str)]
        raise BadInput(
            f"{'.'.join(place)}: {first['msg']}",
            where=f"{origin}:{line_of(text, *place)}",
            fix="the head of the file lists the fields, and the values that each may have",
        ) from error


def line_of(text: str, *place: str) -> int:
    """Return the line of a section such as views.loop_catalog, or of a field or table in it; where
    it is not in the text, the line of what it belongs to, else 1."""
    lines = text.splitlines()
    for depth in range(len(place), 0, -1):
        for number in _headers(lines, ".".join(place[:depth])):
            inside = place[depth] if depth < len(place) else None
            return next(_fields(lines, number, inside), number) if inside else number
    return 1


def _headers(lines: list[str], section: str) -> Iterator[int]:
    return (at for at, line in enumerate(lines, start=1) if line.strip() == f"[{section}]")


def _fields(lines: list[str], header: int, name: str) -> Iterator[int]:
    for at, line in enumerate(islice(lines, header, None), start=header + 1):
        if line.startswith("["):
            return
        if re.match(rf'\s*"?{re.escape(name)}"?\s*=', line):
            yield at
