"""Real experiments: archived at level 2, read from the archive, and given back file by file."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from rdlake.library import Library
from rdlake.operations.archive import archive, archiving_levels, restore
from rdlake.operations.archive.run import ArchiveReport
from rdlake.store.lake import Lake
from rdlake.store.opening import init_store, open_store
from tests.operations.archive.world import files_of, rows_of
from tests.places import CORPUS, KEY, TRACES, needs_shared

pytestmark = [needs_shared, pytest.mark.slow]
BELOW = Path("git_ignore_folder") / "RD-Agent_workspace"
Lakes = tuple[Lake, Lake, ArchiveReport, list[Path]]


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Lakes:
    """The lake of the whole corpus and of all traces, its archive, and the roots."""
    folder = tmp_path_factory.mktemp("corpus")
    runs = [path for path in sorted(TRACES.iterdir()) if (path / BELOW).is_dir()]
    roots = [CORPUS / BELOW, *(path / BELOW for path in runs)]
    lake = init_store(folder / "lake")
    Library(lake).ingest(
        *roots,
        logs=[path / "log" for path in runs],
        registries=[CORPUS / "RDagentDB" / "registry.sqlite"],
        signing_key=KEY.read_bytes(),
    )
    report = archive(lake, folder / "archive")
    return lake, open_store(folder / "archive"), report, roots


def test_every_row_is_there_and_every_experiment_at_level_2(lakes: Lakes) -> None:
    lake, there, report, _ = lakes
    assert rows_of(there) == rows_of(lake)
    assert not report.faults and report.contents == report.contents_read_back > 500
    levels = archiving_levels(lake)
    assert {key for key, level in levels.items() if level != 2} == set(report.lacking)
    assert len(levels) > 30


def test_every_kept_file_of_every_workspace_comes_back(lakes: Lakes, tmp_path: Path) -> None:
    lake, there, _, roots = lakes
    given = 0
    names = lake.read("artifacts")["workspace_id"].unique().sort()
    for name in names:
        (folder,) = [root / name for root in roots if (root / name).is_dir()][:1]
        report = restore(there, name, tmp_path / name)
        original, back = files_of(folder), files_of(tmp_path / name)
        assert back.items() <= original.items()
        left = {each.path: each.sha256 for each in report.left if each.kind == "file"}
        assert original.keys() - back.keys() == left.keys()
        for path, digest in left.items():
            assert digest is None or digest == sha256(original[path]).hexdigest()
        given += report.files
    kept = there.read("blobs")["sha256"].unique()
    files = there.read("artifacts", where=pl.col("sha256").is_in(kept.to_list()))
    assert given == files.height > 1000
