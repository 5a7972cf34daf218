"""An archive read back in full after a clean-up: content is only in the lake and in the archive."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rdlake.catalog.verify import verify
from rdlake.errors import DamagedLake
from rdlake.library import Library
from rdlake.operations.archive import ArchiveRequest, archive, archiving_levels, restore
from rdlake.store.opening import open_store
from tests.lake_rows import versions
from tests.operations.archive.test_restore import rot
from tests.operations.archive.world import IDS, files_of, rows_of
from tests.operations.cleanup.world import Cleaned, listing, states

FULL = ArchiveRequest(full=True)


@pytest.fixture
def gone(cleaned: Cleaned) -> dict[str, dict[str, bytes]]:
    """The files of the two folders that were deleted for good."""
    there = listing(cleaned.workspaces)
    whole = {
        name: {
            path.removeprefix(f"{name}/"): content
            for path, content in there.items()
            if path.startswith(f"{name}/") and isinstance(content, bytes)
        }
        for name in IDS[:2]
    }
    cleaned.apply(cleaned.plan("workspace"))
    assert not cleaned.purge().refused
    Library(cleaned.lake).ingest(cleaned.workspaces)
    assert not any((cleaned.workspaces / name).exists() for name in whole)
    assert states(cleaned.lake, IDS[:2]) == {"removed"}
    return whole


def gives_back(cleaned: Cleaned, to: Path, whole: dict[str, dict[str, bytes]]) -> None:
    """Every file comes back from there, but those of a class that was allowed to go."""
    for name, files in whole.items():
        into = cleaned.folder / f"restored {name}"
        restore(open_store(to), name, into)
        kept = {path: each for path, each in files.items() if not path.endswith("_df.parquet")}
        assert kept and kept.items() <= files_of(into).items()


@pytest.mark.guards
def test_in_full_everything_is_proven_though_the_folder_is_gone(
    cleaned: Cleaned, gone: dict[str, dict[str, bytes]]
) -> None:
    report = archive(cleaned.lake, cleaned.to, FULL)
    assert report.rows.keys() <= {"artifacts", "ingests"}  # what became of the files
    assert not report.contents and not report.faults and not report.lacking
    assert report.contents_read_back == cleaned.lake.read("blobs")["sha256"].n_unique()
    assert set(archiving_levels(cleaned.lake).values()) == {2}
    assert rows_of(cleaned.there) == rows_of(cleaned.lake)
    before = versions(cleaned.lake), versions(cleaned.there)
    again = archive(cleaned.lake, cleaned.to, FULL)
    assert not again.rows and not again.receipts and not again.faults
    assert (versions(cleaned.lake), versions(cleaned.there)) == before
    gives_back(cleaned, Path(cleaned.to), gone)


@pytest.mark.guards
def test_another_archive_is_filled_from_the_lake_alone(
    cleaned: Cleaned, gone: dict[str, dict[str, bytes]]
) -> None:
    shutil.rmtree(cleaned.workspaces)
    shutil.move(cleaned.to, cleaned.folder / "on a shelf")
    report = archive(cleaned.lake, cleaned.to, FULL)
    assert not report.faults and set(report.levels.values()) == {2}
    assert rows_of(cleaned.there) == rows_of(cleaned.lake)
    assert verify(cleaned.there, deep=True).whole
    gives_back(cleaned, Path(cleaned.to), gone)


@pytest.mark.guards
def test_what_rots_in_the_archive_afterwards_is_told(
    cleaned: Cleaned, gone: dict[str, dict[str, bytes]]
) -> None:
    assert gone
    archive(cleaned.lake, cleaned.to, FULL)
    rot(cleaned.there, IDS[0], "qlib_res.csv")
    report = archive(cleaned.lake, cleaned.to, FULL)
    assert [each.table for each in report.faults] == ["blobs"]
    levels = archiving_levels(cleaned.lake)
    assert levels[IDS[0]] == 1
    for path in cleaned.there.folder("blobs").glob("*.parquet"):
        path.unlink()
    with pytest.raises(DamagedLake):
        archive(cleaned.lake, cleaned.to, FULL)
    assert set(archiving_levels(cleaned.lake).values()) == {0}
