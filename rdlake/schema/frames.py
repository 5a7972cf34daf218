"""Turn rows into frames of the declared types and order; compare the rows of owners."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from rdlake.schema.tables import Table


@cache
def polars_schema(entry: Table) -> Mapping[str, pl.DataType]:
    """Return the declared types as Polars types."""
    frame = pl.from_arrow(pa.Table.from_batches([], entry.schema))
    assert isinstance(frame, pl.DataFrame)
    return frame.schema


def frame_of(entry: Table, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Return rows as a frame of the declared types; a column that no row has is null.

    Without maps Polars builds the frame: pyarrow loads pandas where it is installed, which takes
    longer than a few rows. With maps pyarrow builds it: Polars takes twenty times as long.
    """
    if any(pa.types.is_map(column.type) for column in entry.columns):
        frame = pl.from_arrow(pa.Table.from_pylist(list(rows), schema=entry.schema))
        assert isinstance(frame, pl.DataFrame)
        return frame
    kinds = polars_schema(entry)
    return pl.DataFrame(
        [pl.Series(name, [row.get(name) for row in rows], kinds[name]) for name in kinds]
    )


def cast(entry: Table, frame: pl.DataFrame | None) -> pa.Table:
    """Return every declared column, in order, with its declared type, sorted by key. This is the
    one cast."""
    if frame is None:
        return pa.Table.from_batches([], entry.schema)
    if unknown := set(frame.columns) - set(entry.column_names):
        raise ValueError(f"{entry.name} has no columns {sorted(unknown)}")
    full = frame.with_columns(
        pl.lit(None).alias(name) for name in entry.column_names if name not in frame.columns
    )
    return full.select(entry.column_names).sort(entry.key).to_arrow().cast(entry.schema)


def refuse_unowned(entry: Table, rows: pa.Table, owners: Mapping[str, Collection[str]]) -> None:
    """Raise ValueError for rows whose owner is not named: they could never be replaced."""
    if entry.owner and rows.num_rows:
        found = set(pc.unique(rows.column(entry.owner)).to_pylist())
        if strangers := found - set(owners.get(entry.owner, ())):
            some = ", ".join(sorted(map(str, strangers))[:3])
            raise ValueError(f"{entry.name} has rows whose {entry.owner} is not named: {some}")


def rows_of_owners(rows: pa.Table, owner: str, ids: Collection[str]) -> pa.Table:
    """Return the rows of these owners."""
    names = pl.from_arrow(rows.column(owner))
    assert isinstance(names, pl.Series)
    return rows.filter(names.is_in(list(ids)).to_arrow())


def find_changes(
    entry: Table, there: pl.DataFrame, rows: pa.Table, ids: Collection[str]
) -> tuple[list[str], list[str]]:
    """Return the owners whose rows must be written, and those of them whose old rows must go. Clock
    columns do not count."""
    assert entry.owner is not None
    if there.is_empty():
        return sorted(pc.unique(rows.column(entry.owner)).to_pylist()), []
    coming = pl.from_arrow(rows)
    assert isinstance(coming, pl.DataFrame)
    solid = [column.name for column in entry.columns if not column.clock]
    before, after = (frame.select(solid).sort(entry.key) for frame in (there, coming))
    if before.equals(after):
        return [], []
    old, new = (frame.partition_by(entry.owner, as_dict=True) for frame in (before, after))
    changed = [
        key
        for key in sorted(ids)
        if ((key,) in old or (key,) in new)
        and not ((key,) in old and (key,) in new and old[key,].equals(new[key,]))
    ]
    return changed, [key for key in changed if (key,) in old]
