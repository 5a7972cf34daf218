"""Write the JSON catalogs of protocol v1, for readers that do not use DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from pydantic import ValidationError

from rdlake.errors import CheckFailed
from rdlake.exports.protocol_v1 import CATALOGS, SOURCE, VERSION, JsonCatalog
from rdlake.exports.session import ExportedFile, ExportSession, open_session
from rdlake.schema.sql import identifier
from rdlake.store.lake import Lake

AT_ONCE = 1000
"""So many rows are fetched at a time."""


def export_json(lake: Lake, folder: Path, version: int | None = None) -> list[ExportedFile]:
    """Write the catalogs of a version, by default the newest, in place of older files in `folder`.

    Two exports of one version are equal to the byte. Raise CheckFailed, and replace nothing, when a
    row does not follow the protocol.
    """
    with open_session(lake, folder, version) as session:
        return [ExportedFile(folder / each.file, _write(each, session)) for each in CATALOGS]


def _write(catalog: JsonCatalog, session: ExportSession) -> int:
    """Write one catalog, one row a line; return the number of rows."""
    published = session.version.published_at.replace(tzinfo=UTC).isoformat()
    head = {"version": VERSION, "generated_at_utc": published, "source": SOURCE}
    count = 0
    with (session.staging / catalog.file).open("wb") as file:
        file.write(f'{json.dumps(head)[:-1]}, "{catalog.list}": ['.encode())
        for count, line in enumerate(_lines(catalog, session), 1):
            file.write((b",\n" if count > 1 else b"\n") + line)
        file.write(b"\n]}\n")
    return count


def _lines(catalog: JsonCatalog, session: ExportSession) -> Iterator[bytes]:
    """Yield each row as JSON, checked against the protocol."""
    columns_there = session.columns(catalog.view)
    if not columns_there:
        return
    names = [field.alias or name for name, field in catalog.row.model_fields.items()]
    columns = ", ".join(identifier(name) if name in columns_there else "NULL" for name in names)
    cursor = session.connection.execute(session.select(catalog.view, columns, catalog.where))
    while some := cursor.fetchmany(AT_ONCE):
        for values in some:
            row = dict(zip(names, values, strict=True))
            try:
                yield catalog.row.model_validate(row).model_dump_json().encode()
            except ValidationError as error:
                raise _broken(catalog, row, error) from error


def _broken(catalog: JsonCatalog, row: dict[str, object], error: ValidationError) -> CheckFailed:
    """Return the error for a row that does not follow the protocol."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    named = ", ".join(f"{name} {value!r:.80}" for name, value in list(row.items())[:3])
    return CheckFailed(
        f"a row is not what protocol v1 says: {where}: {first['msg']}",
        where=f"{catalog.view}: {named}",
        fix="rdlake catalogs checks tells whether it is published so; export an earlier version "
        "with --version until its source is ingested again",
    )
