"""One source's word on one workspace, as a value and as a row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl
import pyarrow as pa

from rdlake.schema.frames import polars_schema
from rdlake.schema.tables import table

Row = Mapping[str, Any]
TABLE = table("evidence")
DAY = ("date", "account", "value", "cash", "return", "cost", "bench", "turnover")


def _has_times(kind: pa.DataType) -> bool:
    inner = (kind.field(place).type for place in range(kind.num_fields))
    return pa.types.is_temporal(kind) or any(map(_has_times, inner))


TIMED = {
    column.name: column.type
    for name in ("loops", "factors")
    for column in table(name).columns
    if _has_times(column.type)
}


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One source's word on one workspace: columns of its rows, each null where it says nothing.

    `source` is `trace:<task_run_id>`, `registry:<task_run_id>` (`registry:<task_run_id>/<loop_id>`
    when RD-Agent itself told of one loop), `workspace:<workspace_id>`, `json:<workspace_id>` of its
    JSON files, or `catalog:<export>`. `loop` is None for a folder that
    is no experiment; `folder` has columns of `workspaces`, `model` of `models`; `templates` are the
    folder's YAML files; `provenance` says where each column of `loop` was found. `ran` and `begun`
    are a run's claim to the workspace: whether its loop got its result there and not out of a
    cache, and when the loop began; of a catalog it is when that was exported.
    """

    source: str
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
    def kind(self) -> str:
        return self.source.partition(":")[0]

    @property
    def named(self) -> str:
        """The run's or workspace's own name."""
        return name_of(self.source)


def name_of(source: str) -> str:
    """The name in a source, without the number of a single loop of a run."""
    return source.partition(":")[2].partition("/")[0]


def evidence_rows(parts: Sequence[Evidence]) -> pl.DataFrame:
    """Rows of `evidence`."""
    return pl.DataFrame(
        {
            "source": [part.source for part in parts],
            "workspace_id": [part.workspace_id for part in parts],
            "content": [_content(part) for part in parts],
            "source_digest": [part.digest for part in parts],
            "stat_digest": [part.stat_digest for part in parts],
            "curve": _curves(parts),
        },
        schema_overrides={"stat_digest": pl.String, "source_digest": pl.String},
    )


def _curves(parts: Sequence[Evidence]) -> pl.Series:
    """The curve of each part as a list of its days; all in one piece, for a frame of each takes its
    time."""
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


def read_evidence(rows: pl.DataFrame) -> list[Evidence]:
    """The evidence that such rows hold."""
    curves = rows["curve"]
    lengths = curves.list.len()
    days, at, found = curves.filter(lengths > 0).explode().struct.unnest(), 0, []
    for row, length in zip(rows.drop("curve").iter_rows(named=True), lengths, strict=True):
        found.append(_evidence(row, None if length is None else days.slice(at, length)))
        at += length or 0
    return found


def _evidence(row: Row, curve: pl.DataFrame | None) -> Evidence:
    told = json.loads(row["content"])
    return Evidence(
        source=row["source"],
        workspace_id=row["workspace_id"],
        digest=row["source_digest"],
        loop=_timed(told["loop"]),
        provenance=told["provenance"],
        factors=None
        if told["factors"] is None
        else tuple(_timed(each) or {} for each in told["factors"]),
        feedback=told["feedback"],
        model=told.get("model"),
        folder=told["folder"],
        curve=curve,
        templates=None if told.get("templates") is None else tuple(told["templates"]),
        stat_digest=row["stat_digest"],
        ran=bool(told.get("ran")),
        begun=datetime.fromisoformat(told["begun"]) if told.get("begun") else None,
    )


def _content(part: Evidence) -> str:
    told = {
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
    return json.dumps(told, ensure_ascii=False, default=_iso)


def _iso(value: date) -> str:
    return value.isoformat()


def _timed(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """The columns with their times as such."""
    if row is None:
        return None
    return {
        name: _declared(TIMED[name], value) if name in TIMED else value
        for name, value in row.items()
    }


def _declared(kind: pa.DataType, value: Any) -> Any:
    """The value with its days and times, which are ISO text in JSON, as such."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_declared(kind.value_type, each) for each in value]
    if pa.types.is_struct(kind):
        return {name: _declared(kind.field(name).type, each) for name, each in value.items()}
    if pa.types.is_temporal(kind):
        return (date if pa.types.is_date(kind) else datetime).fromisoformat(value)
    return value
