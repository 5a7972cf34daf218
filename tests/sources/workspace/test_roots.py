"""Check what a user may call a root, and what is refused with a better path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rdlake.errors import BadInput
from rdlake.sources.workspace.roots import find_workspaces


def workspace(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names or ("conf_baseline.yaml", "qlib_res.csv"):
        (path / name).write_text("", encoding="utf-8")
    return path


def refusal(root: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        find_workspaces(root)
    assert caught.value.where
    return caught.value


def test_children_come_by_name_and_files_beside_them_are_ignored(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        workspace(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    found = find_workspaces(tmp_path)
    assert [folder.name for folder in found.folders] == ["a", "b", "c"]
    assert found.findings == ()


def test_names_with_quotes_newlines_and_chinese_are_kept(tmp_path: Path) -> None:
    names = ["a'b", 'a"b', "a\nb", "工作区", " "]
    for name in names:
        workspace(tmp_path / name)
    assert sorted(names) == [folder.name for folder in find_workspaces(tmp_path).folders]


def test_a_root_is_named_by_its_real_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace(tmp_path / "real" / "a")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "real" / "a")
    for root in (tmp_path / "link", Path("..")):
        assert find_workspaces(root).folders == (tmp_path / "real" / "a",)


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    assert "no such folder" in refusal(tmp_path / "nowhere").what


def test_a_broken_link_as_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert "no such folder" in refusal(tmp_path / "link").what


def test_a_link_to_itself_as_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "link")
    assert "cannot be read" in refusal(tmp_path / "link").what


def test_a_name_that_no_folder_can_have_is_refused() -> None:
    assert "cannot be read" in refusal(Path("a\0b")).what


def test_a_file_as_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "a file" in refusal(tmp_path / "file").what


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every folder")
def test_an_unreadable_root_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    assert "cannot be read" in refusal(closed).what


def test_an_empty_root_is_refused(tmp_path: Path) -> None:
    assert "no workspace" in refusal(tmp_path).what


def test_a_root_of_other_folders_is_refused(tmp_path: Path) -> None:
    workspace(tmp_path / "project" / "src", "main.py", "README.md")
    error = refusal(tmp_path / "project")
    assert "None of the 1 folders" in error.what
    assert "RD-Agent_workspace" in error.fix


@pytest.mark.parametrize("below", ["git_ignore_folder/RD-Agent_workspace", "RD-Agent_workspace"])
def test_a_parent_is_refused_with_the_folder_below(tmp_path: Path, below: str) -> None:
    workspace(tmp_path / below / "a")
    assert refusal(tmp_path).fix == f"use {tmp_path / below}"


@pytest.mark.parametrize("inner", ["mlruns", None])
def test_a_workspace_itself_is_refused_with_its_parent(tmp_path: Path, inner: str | None) -> None:
    one = workspace(tmp_path / "root" / "one")
    if inner:
        (one / inner).mkdir()
    assert refusal(one).fix == f"use its parent {tmp_path / 'root'}"


def test_a_linked_child_is_reported_and_not_followed(tmp_path: Path) -> None:
    workspace(tmp_path / "elsewhere" / "b")
    workspace(tmp_path / "root" / "a")
    (tmp_path / "root" / "b").symlink_to(tmp_path / "elsewhere" / "b")
    found = find_workspaces(tmp_path / "root")
    assert [folder.name for folder in found.folders] == ["a"]
    assert [(finding.file, finding.level) for finding in found.findings] == [("b", "error")]


def test_a_child_whose_name_is_not_utf8_is_reported(tmp_path: Path) -> None:
    workspace(tmp_path / "a")
    os.mkdir(os.fsencode(tmp_path) + b"/\xff\xfe")  # noqa: PTH102 - a path of bytes
    found = find_workspaces(tmp_path)
    assert [folder.name for folder in found.folders] == ["a"]
    assert [finding.file for finding in found.findings] == ["\\xff\\xfe"]


def test_one_workspace_among_empty_folders_makes_a_root(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    workspace(tmp_path / "b", "runtime_info.py")
    assert len(find_workspaces(tmp_path).folders) == 2
