"""Verifying: what is whole is called whole, and every kind of damage is found where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from rdlake.catalog.pinning import file_lists
from rdlake.catalog.publish import publish, release, rollback
from rdlake.catalog.verify import Fault, VerifyReport, verify
from rdlake.catalog.version import history
from rdlake.store.data_files import DataFile
from rdlake.store.lake import Lake
from rdlake.store.opening import open_store
from tests.catalog.published import NEW, Published


def pinned(lake: Lake, number: int, table: str) -> tuple[DataFile, ...]:
    return file_lists(lake, history(lake)[number - 1].tables)[table]


def path_of(lake: Lake, table: str, file: DataFile) -> Path:
    return lake.folder(table) / file.path


def rewrite(lake: Lake, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Lake:
    """The lake after somebody who knows Delta changed the rows of a table past rdlake."""
    delta = DeltaTable(str(lake.folder(table)))
    frame = pl.from_arrow(delta.to_pyarrow_table())
    assert isinstance(frame, pl.DataFrame)
    write_deltalake(delta, change(frame).to_arrow(), mode="overwrite")
    return open_store(lake.root)


def in_version(number: int, **values: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """The row of a version with other values."""
    here = pl.col("catalog_version") == number
    return lambda frame: frame.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def touched(report: VerifyReport) -> dict[str, tuple[int, ...]]:
    return {Path(fault.file).name: fault.versions for fault in report.faults}


def test_a_whole_lake_is_whole(template_of_two: Published) -> None:
    lake = template_of_two.lake
    report = verify(lake, deep=True)
    files = {
        (table, file)
        for version in history(lake)
        for table, listed in file_lists(lake, version.pinned).items()
        for file in listed
    }
    assert report.whole and report.faults == ()
    assert (report.versions, report.files) == (2, len(files))
    assert report.bytes_hashed == sum(file.size for _, file in files)


def test_without_deep_nothing_is_hashed(template_of_two: Published) -> None:
    report = verify(template_of_two.lake)
    assert report.whole and report.bytes_hashed == 0


def test_an_empty_lake_is_whole(lake: Lake) -> None:
    assert verify(lake, deep=True) == VerifyReport(0, 0, 0, ())


@pytest.mark.slow
def test_rollback_and_release_leave_a_whole_chain(two_versions: Published) -> None:
    rollback(two_versions.lake, 1)
    release(two_versions.lake)
    assert verify(two_versions.lake, deep=True).whole


def test_progress_counts_every_file(template_of_two: Published) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(template_of_two.lake, on_file=lambda done, total: seen.append((done, total)))
    assert seen == [(done, report.files) for done in range(1, report.files + 1)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [{"note": "another"}, {"sql": "SELECT 1"}, {"rdlake_version": "9"}, {"published_at": None}],
    ids=lambda values: next(iter(values)),
)
def test_an_edited_row_breaks_the_chain(two_versions: Published, values: dict[str, object]) -> None:
    if "published_at" in values:
        values = {"published_at": history(two_versions.lake)[1].published_at}
    lake = rewrite(two_versions.lake, "catalogs", in_version(1, **values))
    (fault,) = verify(lake).faults
    assert fault.reason == "the row of version 1 was changed"
    assert fault.versions == (1,)


def test_a_row_sealed_anew_no_longer_leads_to_the_next(two_versions: Published) -> None:
    lake = rewrite(two_versions.lake, "catalogs", in_version(1, note="another"))
    digest = history(lake)[0].computed_digest()
    lake = rewrite(lake, "catalogs", in_version(1, digest=digest))
    assert [(fault.reason, fault.versions) for fault in verify(lake).faults] == [
        ("version 2 does not follow the one before it", (2,)),
        ("it is another version 1 than the row in `catalogs`", (1,)),
    ]


def test_a_missing_or_doubled_row_is_found(two_versions: Published) -> None:
    lake = rewrite(two_versions.lake, "catalogs", lambda rows: pl.concat([rows, rows]))
    assert verify(lake).faults[0].reason == "version 2 is missing or doubled"
    lake = rewrite(lake, "catalogs", lambda rows: rows.filter(pl.col("catalog_version") == 2))
    assert verify(lake).faults[0].reason == "version 1 is missing or doubled"


def test_a_flipped_bit_is_found_by_deep_alone(two_versions: Published) -> None:
    lake = two_versions.lake
    file = max(pinned(lake, 1, "equity_curves"), key=lambda file: file.size)
    path = path_of(lake, "equity_curves", file)
    flip(path, 100)
    assert verify(lake).whole
    report = verify(lake, deep=True)
    assert report.faults == (
        Fault(str(path), "its content is not what was written (sha256 differs)", (1, 2)),
    )


def test_a_bit_in_the_footer_is_found_by_deep_too(two_versions: Published) -> None:
    lake = two_versions.lake
    path = path_of(lake, "loops", pinned(lake, 1, "loops")[0])
    flip(path, path.stat().st_size - 1)
    (fault,) = verify(lake).faults
    assert fault.reason.startswith("it cannot be read")
    assert fault.versions == (1, 2)


def test_cut_and_removed_files_are_found_with_their_versions(two_versions: Published) -> None:
    lake = two_versions.lake
    old = set(pinned(lake, 1, "equity_curves"))
    (shared,) = old
    (fresh,) = set(pinned(lake, 2, "equity_curves")) - old
    loops = next(iter(set(pinned(lake, 2, "loops")) - set(pinned(lake, 1, "loops"))))
    path_of(lake, "equity_curves", shared).unlink()
    cut = path_of(lake, "equity_curves", fresh)
    cut.write_bytes(cut.read_bytes()[:-1])
    path_of(lake, "loops", loops).write_bytes(b"")
    report = verify(lake)
    assert touched(report) == {shared.path: (1, 2), fresh.path: (2,), loops.path: (2,)}
    reasons = {Path(fault.file).name: fault.reason for fault in report.faults}
    assert reasons[shared.path] == "it is gone"
    assert reasons[fresh.path] == f"it has {fresh.size - 1} bytes instead of {fresh.size}"
    assert reasons[loops.path] == f"it has 0 bytes instead of {loops.size}"


def test_a_file_that_no_version_pins_is_not_looked_at(published: Published) -> None:
    published.add(NEW)
    before = {file.path for file in pinned(published.lake, 1, "loops")}
    for path, _, _ in published.lake.snapshot("loops").files:
        if path not in before:
            (published.lake.folder("loops") / path).unlink()
    assert verify(published.lake, deep=True).whole


def test_a_lost_list_of_files_is_found(two_versions: Published) -> None:
    digest = history(two_versions.lake)[1].pins["loops"].file_list
    lake = rewrite(
        two_versions.lake, "file_lists", lambda rows: rows.filter(pl.col("digest") != digest)
    )
    (fault,) = verify(lake).faults
    assert fault.reason == f"the list of files {digest} is missing"
    assert fault.versions == (2,)


def test_a_changed_list_of_files_is_found(two_versions: Published) -> None:
    digest = history(two_versions.lake)[0].pins["equity_curves"].file_list

    def shorter(rows: pl.DataFrame) -> pl.DataFrame:
        here = pl.col("digest") == digest
        return rows.with_columns(
            pl.when(here).then(pl.col("files").list.head(0)).otherwise(pl.col("files"))
        )

    faults = verify(rewrite(two_versions.lake, "file_lists", shorter)).faults
    assert {fault.versions for fault in faults} == {(1,)}
    assert {fault.reason for fault in faults} == {
        "the list of files of equity_curves was changed",
        "equity_curves does not have the 40 rows it was published with",
    }


def test_faults_come_with_the_versions_that_publishing_adds(two_versions: Published) -> None:
    publish(two_versions.lake, repin=True)
    (file,) = pinned(two_versions.lake, 1, "equity_curves")
    path_of(two_versions.lake, "equity_curves", file).unlink()
    assert touched(verify(two_versions.lake)) == {file.path: (1, 2, 3)}
