"""Define what a table and a column are, and the few types they may have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

TEXT, INT, REAL, BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()
DATE, TIME, BYTES = pa.date32(), pa.timestamp("us"), pa.binary()
TEXTS, REALS = pa.list_(TEXT), pa.list_(REAL)
WORDS, FIGURES = pa.map_(TEXT, TEXT), pa.map_(TEXT, REAL)
FINDINGS = pa.list_(pa.struct([("level", TEXT), ("file", TEXT), ("reason", TEXT), ("fix", TEXT)]))
FILES = pa.list_(
    pa.struct([("path", TEXT), ("size", INT), ("sha256", TEXT), ("rows", INT), ("columns", INT)])
)
CURVE = pa.list_(
    pa.struct(
        [("date", DATE)]
        + [
            (name, REAL)
            for name in ("account", "value", "cash", "return", "cost", "bench", "turnover")
        ]
    )
)
STEPS = pa.list_(pa.struct([("name", TEXT), ("started_at", TIME), ("ended_at", TIME)]))
PROFILE = pa.struct(
    [
        ("market", TEXT),
        ("instruments", INT),
        ("days", INT),
        ("first_day", DATE),
        ("last_day", DATE),
        ("score_missing", REAL),
        ("label_missing", REAL),
    ]
)
PINNED = pa.list_(
    pa.struct([("name", TEXT), ("delta_version", INT), ("rows", INT), ("file_list", TEXT)])
)


@dataclass(frozen=True)
class Column:
    """Describe one column. A clock column tells when something was seen, not what it was."""

    name: str
    type: pa.DataType
    meaning: str
    clock: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """Describe one table. Rows belong to their `owner` and are replaced with it; a table without an
    owner is only appended to.

    An operation table tells what was done; it is never rolled back.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    owner: str | None = "workspace_id"
    operation: bool = False
    pinned: bool = True

    @cached_property
    def schema(self) -> pa.Schema:
        return pa.schema([(column.name, column.type) for column in self.columns])

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


C = Column
WORKSPACE = C("workspace_id", TEXT, "the workspace folder's name")
RUN = C("task_run_id", TEXT, "the RD-Agent run; synthetic_<workspace_id> while it is not known")
LOOP = C("loop_id", INT, "the loop's number within its run")
DIGEST = C(
    "source_digest",
    TEXT,
    "digest of everything the row was made of: the folder's files, or all evidence; "
    "the rows of one workspace share it",
)
PROVENANCE = C("provenance", WORDS, "field -> where its value was found: trace, csv, yaml, …")
