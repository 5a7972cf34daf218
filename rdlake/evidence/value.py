"""Hold what one source says of one workspace, as a value and as a row of `evidence`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl
import pyarrow as pa

from rdlake.evidence.source import Source, SourceKind
from rdlake.schema.frames import polars_schema
from rdlake.schema.tables import table

Row = Mapping[str, Any]
TABLE = table("evidence")
DAY = ("date", "account", "value", "cash", "return", "cost", "bench", "turnover")


def _has_times(kind: pa.DataType) -> bool:
    inner = (kind.field(place).type for place in range(kind.num_fields))
    return pa.types.is_temporal(kind) or any(map(_has_times, inner))


TIME_COLUMNS = {
    column.name: column.type
    for name in ("loops", "factors")
    for column in table(name).columns
    if _has_times(column.type)
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Evidence:
    """Hold what one source says of one workspace.

    `loop`, `factors`, `feedback`, `model` and `folder` are columns of the tables of that name
    (`folder` of `workspaces`); what the source does not say is missing or None. `loop` is None for
    a folder that is no experiment. `provenance` says where each column of `loop` was found.
    `templates` are the folder's YAML files. `ran` and `begun` are a run's claim to the workspace:
    whether its loop got its result there and not out of a cache, and when the loop began. `begun`
    of a catalog is when it was exported.
    """

    source: Source
    workspace_id: str
    digest: str
    loop: Row | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    factors: tuple[Row, ...] | None = None
    feedback: Row | None = None
    model: Row | None = None
    folder: Row = field(default_factory=dict)
    curve: pl.DataFrame | None = None
    templates: tuple[str, ...] | None = None
    stat_digest: str | None = None
    ran: bool = False
    begun: datetime | None = None

    @property
    def kind(self) -> SourceKind:
        """Return the kind of the source."""
        return self.source.kind


def evidence_rows(parts: Sequence[Evidence]) -> pl.DataFrame:
    """Return the evidence as rows of `evidence`."""
    return pl.DataFrame(
        {
            "source": [str(part.source) for part in parts],
            "workspace_id": [part.workspace_id for part in parts],
            "content": [_content(part) for part in parts],
            "source_digest": [part.digest for part in parts],
            "stat_digest": [part.stat_digest for part in parts],
            "curve": _curve_column(parts),
        },
        schema_overrides={"stat_digest": pl.String, "source_digest": pl.String},
    )


def _curve_column(parts: Sequence[Evidence]) -> pl.Series:
    """Return the curve of each part as a list of its days.

    All of them are made in one piece, because a frame of each would take far longer.
    """
    curves = [part.curve for part in parts if part.curve is not None]
    kind = pl.Series(dtype=polars_schema(TABLE)["curve"])
    if not curves:
        return kind.extend_constant(None, len(parts))
    days = pl.concat(curves).select(DAY).to_struct().to_arrow()
    ends, starts = 0, list[int | None]()
    for part in parts:
        starts.append(None if part.curve is None else ends)
        ends += 0 if part.curve is None else part.curve.height
    lists = pa.LargeListArray.from_arrays(pa.array([*starts, ends], pa.int64()), days)
    return pl.Series(lists).cast(kind.dtype)


def parse_evidence(rows: pl.DataFrame) -> list[Evidence]:
    """Return the evidence in rows of `evidence`."""
    curves = rows["curve"]
    lengths = curves.list.len()
    days, start = curves.filter(lengths > 0).explode().struct.unnest(), 0
    parts: list[Evidence] = []
    for row, length in zip(rows.drop("curve").iter_rows(named=True), lengths, strict=True):
        parts.append(_evidence(row, None if length is None else days.slice(start, length)))
        start += length or 0
    return parts


def _evidence(row: Row, curve: pl.DataFrame | None) -> Evidence:
    content = json.loads(row["content"])
    return Evidence(
        source=Source.parse(row["source"]),
        workspace_id=row["workspace_id"],
        digest=row["source_digest"],
        loop=_with_times(content["loop"]),
        provenance=content["provenance"],
        factors=None
        if content["factors"] is None
        else tuple(_with_times(each) or {} for each in content["factors"]),
        feedback=content["feedback"],
        model=content.get("model"),
        folder=content["folder"],
        curve=curve,
        templates=None if content.get("templates") is None else tuple(content["templates"]),
        stat_digest=row["stat_digest"],
        ran=bool(content.get("ran")),
        begun=datetime.fromisoformat(content["begun"]) if content.get("begun") else None,
    )


def _content(part: Evidence) -> str:
    content = {
        "loop": part.loop,
        "provenance": part.provenance,
        "factors": part.factors,
        "feedback": part.feedback,
        "model": part.model,
        "folder": part.folder,
        "templates": part.templates,
        "ran": part.ran,
        "begun": part.begun,
    }
    return json.dumps(content, ensure_ascii=False, default=_iso_text)


def _iso_text(value: date) -> str:
    return value.isoformat()


def _with_times(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the row with dates and times in place of their ISO texts."""
    if row is None:
        return None
    return {
        name: _parse_times(TIME_COLUMNS[name], value) if name in TIME_COLUMNS else value
        for name, value in row.items()
    }


def _parse_times(kind: pa.DataType, value: Any) -> Any:
    """Return a value of a declared type with dates and times in place of their ISO texts."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_parse_times(kind.value_type, each) for each in value]
    if pa.types.is_struct(kind):
        return {name: _parse_times(kind.field(name).type, each) for name, each in value.items()}
    if pa.types.is_temporal(kind):
        return (date if pa.types.is_date(kind) else datetime).fromisoformat(value)
    return value
