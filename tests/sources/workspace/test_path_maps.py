"""Check absolute paths of other systems: one meaning in every notation, and never a way out of
NEW."""

from __future__ import annotations

from pathlib import Path

import pytest

from rdlake.errors import BadInput
from rdlake.sources.workspace.path_maps import apply_maps, read_map, split_path

ON_F = ("f:", "RD", "ws", "1")


@pytest.mark.parametrize(
    "text",
    [
        "F:\\RD\\ws\\1",
        "f:\\RD\\ws\\1",
        "F:/RD/ws/1",
        "f:/RD/ws/1",
        "F:\\RD/ws\\1",
        "/mnt/f/RD/ws/1",
        "/mnt/F/RD/ws/1",
        "/mnt/f/RD\\ws\\1",
        "/mnt/f//RD/./ws/1/",
        "F:\\RD\\ws\\1\n",
        "  F:\\RD\\ws\\1\\ \r\n",
        "\\\\?\\F:\\RD\\ws\\1",
        "\\\\wsl$\\Ubuntu\\mnt\\f\\RD\\ws\\1",
        "//wsl.localhost/Ubuntu-22.04/mnt/f/RD/ws/1",
    ],
)
def test_every_notation_of_a_drive_means_the_same(text: str) -> None:
    assert split_path(text) == ON_F


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/home/q/ws", ("/", "home", "q", "ws")),
        ("//home//q/./ws/\n", ("/", "home", "q", "ws")),
        ("\\\\wsl$\\Ubuntu\\home\\q\\ws", ("/", "home", "q", "ws")),
        ("\\\\wsl$\\Ubuntu", ("/",)),
        ("/", ("/",)),
        ("F:", ("f:",)),
        ("F:\\", ("f:",)),
        ("/mnt/f", ("f:",)),
        ("/mnt/fast/ws", ("/", "mnt", "fast", "ws")),
        ("/mnt", ("/", "mnt")),
        ("\\\\NAS\\Lake\\ws", ("//nas/lake", "ws")),
        ("/a\\b/c", ("/", "a\\b", "c")),
        ("/数据/工作区 一", ("/", "数据", "工作区 一")),
        ("/a/../b", ("/", "a", "..", "b")),
    ],
)
def test_other_absolute_paths_keep_their_parts(text: str, parts: tuple[str, ...]) -> None:
    assert split_path(text) == parts


@pytest.mark.parametrize("text", ["", " ", "a/b", "./a", "..\\a", "F:a", "FF:\\a", "~/a", "/a\0b"])
def test_what_is_not_absolute_is_nowhere(text: str) -> None:
    assert split_path(text) is None
    assert apply_maps(text, []) is None


@pytest.mark.parametrize("old", ["F:\\RD", "/mnt/f/RD", "f:/RD/", "\\\\wsl$\\U\\mnt\\f\\RD"])
@pytest.mark.parametrize("named", ["F:\\RD\\ws", "/mnt/f/RD/ws", "f:/RD/ws\n"])
def test_either_notation_may_stand_on_either_side(tmp_path: Path, old: str, named: str) -> None:
    assert apply_maps(named, [read_map(f"{old}={tmp_path}")]) == tmp_path / "ws"


def test_the_longest_match_wins_in_whole_parts(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    maps = [read_map(f"/a={tmp_path / 'one'}"), read_map(f"/a/b={tmp_path / 'two'}")]
    assert apply_maps("/a/b/c", maps) == apply_maps("/a/b/c", maps[::-1]) == tmp_path / "two" / "c"
    assert apply_maps("/a/bc", maps) == tmp_path / "one" / "bc"
    assert apply_maps("/a/b", maps) == tmp_path / "two"
    assert apply_maps("/ab", maps) is None
    assert apply_maps("F:\\a\\b", maps) is None


@pytest.mark.parametrize(
    "named",
    ["/a/../b", "/a/b/../../../etc", "/a/..", "/a/link/x", "/a/link"],
)
def test_no_path_leads_out_of_new(tmp_path: Path, named: str) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "secret" / "x").mkdir(parents=True)
    (tmp_path / "new" / "link").symlink_to(tmp_path / "secret", target_is_directory=True)
    with pytest.raises(BadInput, match="leads out of") as error:
        apply_maps(named, [read_map(f"/a={tmp_path / 'new'}")])
    assert error.value.where == named
    assert "--workspaces" in error.value.fix


def test_a_link_that_stays_inside_is_followed_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "new" / "real").mkdir(parents=True)
    (tmp_path / "new" / "link").symlink_to(tmp_path / "new" / "real", target_is_directory=True)
    (tmp_path / "way").symlink_to(tmp_path / "new", target_is_directory=True)
    assert apply_maps("/a/link", [read_map(f"/a={tmp_path / 'way'}")]) == tmp_path / "new" / "real"


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(BadInput) as error:
        apply_maps("/x/a", [read_map(f"/x={tmp_path}")])
    assert error.value.fix


@pytest.mark.parametrize("text", ["", "=", "/a", "/a=", "={here}", "a={here}", "/a/..={here}"])
def test_a_map_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    given = text.format(here=tmp_path)
    with pytest.raises(BadInput) as error:
        read_map(given)
    assert error.value.where == f"--map {given}"
    assert "OLD=NEW" in error.value.fix


@pytest.mark.parametrize("new", ["missing", "file"])
def test_new_must_be_a_folder(tmp_path: Path, new: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput) as error:
        read_map(f"/a={tmp_path / new}")
    assert new in error.value.what


def test_new_may_have_an_equals_sign(tmp_path: Path) -> None:
    (tmp_path / "a=b").mkdir()
    assert read_map(f"F:\\x={tmp_path / 'a=b'}").new == tmp_path / "a=b"
