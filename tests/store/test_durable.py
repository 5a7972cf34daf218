"""A file is replaced whole or not at all, and nothing is left beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rdlake.store.durable import replacing, temporary_path


def test_what_was_written_takes_the_place_of_the_target(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    with replacing(target) as path:
        assert (path.parent, path.suffix) == (tmp_path, ".html")
        assert path.name.startswith(".")
        path.write_text("new")
        assert target.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert target.read_text() == "new"


def test_a_block_that_fails_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(target) as path:
        path.write_text("half")
        raise OSError("full")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]


def test_a_temporary_file_that_was_moved_is_not_missed(tmp_path: Path) -> None:
    with temporary_path(tmp_path, ".part") as path:
        path.touch()
        path.rename(tmp_path / "kept")
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
