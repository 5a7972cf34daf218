"""Which data files a commit takes in: those that are small and many."""

from __future__ import annotations

import pytest

from rdlake.store.data_files import FEW_ROWS, FILES_IN_A_CROWD, SMALL_FILE, File, crowd


def files(count: int, size: int = 1, rows: int = 1) -> set[File]:
    return {(f"{number}-{size}-{rows}.parquet", size, rows) for number in range(count)}


def test_few_small_files_are_left_alone() -> None:
    assert crowd(files(FILES_IN_A_CROWD - 1)) == set()


@pytest.mark.parametrize("large", [files(9, size=SMALL_FILE), files(9, rows=FEW_ROWS)])
def test_many_small_files_are_a_crowd_without_the_large_ones(large: set[File]) -> None:
    small = files(FILES_IN_A_CROWD)
    assert crowd(small | large) == small
