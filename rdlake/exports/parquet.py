"""Write every view of a version as a Parquet file that says what its columns mean."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rdlake.catalog.docs import column_meanings, view_meaning
from rdlake.exports.session import ExportedFile, ExportSession, open_session
from rdlake.store.lake import Lake

AT_ONCE = 20_000
"""So many rows are in memory at a time, and in one row group."""


def export_parquet(lake: Lake, folder: Path, version: int | None = None) -> list[ExportedFile]:
    """Write each view of a version, by default the newest, in place of older files in `folder`.

    The metadata holds the comments: `comment` of the view, `column_comments` of the columns as
    JSON, and `comment` of each field for readers of Arrow.
    """
    with open_session(lake, folder, version) as session:
        return [
            ExportedFile(folder / f"{view}.parquet", _write(session, view, lake.lake_id))
            for view in session.views
        ]


def _write(session: ExportSession, view: str, lake_id: str) -> int:
    """Write one view; return the number of rows."""
    meanings = column_meanings(session.connection, view)
    metadata = {
        "comment": view_meaning(session.connection, view),
        "column_comments": json.dumps(meanings, ensure_ascii=False),
        "key": ", ".join(session.version.contract.keys[view]),
        "lake_id": lake_id,
        "catalog_version": str(session.version.catalog_version),
    }
    count = 0
    reader = session.connection.sql(session.select(view)).to_arrow_reader(AT_ONCE)
    fields = [field.with_metadata({"comment": meanings[field.name]}) for field in reader.schema]
    schema = pa.schema(fields)
    with pq.ParquetWriter(session.staging / f"{view}.parquet", schema, compression="zstd") as file:
        file.add_key_value_metadata(metadata)
        for batch in reader:
            file.write_batch(pa.record_batch(batch.columns, schema=schema), row_group_size=AT_ONCE)
            count += batch.num_rows
    return count
