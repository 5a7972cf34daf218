"""The public face of a lake."""

from __future__ import annotations

from pathlib import Path

import rdlake
from rdlake.store.lake import Lake


def test_a_library_offers_what_a_user_needs_and_no_commit(tmp_path: Path) -> None:
    library = rdlake.init_lake(tmp_path / "lake")
    assert {name for name in dir(library) if not name.startswith("_")} == {
        "add_factors",
        "add_strategy",
        "alphas",
        "connect",
        "ingest",
        "lake",
        "publish",
        "read",
        "root",
    }
    assert isinstance(library.lake, Lake)


def test_a_library_reads_rows_that_no_catalog_has_yet(tmp_path: Path) -> None:
    library = rdlake.init_lake(tmp_path / "lake")
    library.alphas()
    names = library.read("factors", ["factor_name"])
    assert names.columns == ["factor_name"]
    assert names.height == 158 + 360
    assert library.read("loops").is_empty()
