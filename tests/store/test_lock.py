"""One process at a time holds a lock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rdlake.errors import LakeBusy
from rdlake.store.lock import locked


def hold(path: Path) -> None:
    with locked(os.open(path, os.O_RDWR | os.O_CREAT), path.parent, "archiver"):
        assert path.exists()


def test_a_lock_that_is_held_is_refused_and_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / ".turn"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    with locked(descriptor, tmp_path, "archiver"), pytest.raises(LakeBusy, match="another archi"):
        hold(path)
    hold(path)
