"""Write the JSON Schemas of the exported catalogs: `python -m rdlake.exports.schemas
docs/schemas`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rdlake.catalog.docs import column_meanings, empty_contract, view_meaning
from rdlake.exports.protocol_v1 import CATALOGS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """Return the text of each schema by file name. Descriptions are the comments on the views'
    columns."""
    texts = {}
    with empty_contract() as connection:
        for catalog in CATALOGS:
            schema: dict[str, Any] = catalog.whole.model_json_schema(mode="serialization")
            meanings = column_meanings(connection, catalog.view)
            row = schema["$defs"][catalog.row.__name__]
            row["description"] = view_meaning(connection, catalog.view)
            for name, field in row["properties"].items():
                field.pop("title", None)
                field["description"] = meanings[name]
            text = json.dumps({"$schema": DIALECT, **schema}, ensure_ascii=False, indent=2)
            texts[f"{Path(catalog.file).stem}.schema.json"] = text + "\n"
    return texts


if __name__ == "__main__":
    for name, text in schemas().items():
        (Path(sys.argv[1]) / name).write_bytes(text.encode())
