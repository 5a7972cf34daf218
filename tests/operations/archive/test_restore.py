"""Every kept file comes back byte for byte, in a new folder, and never leads out of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rdlake.errors import BadInput, DamagedLake, StorageFailed
from rdlake.operations.archive import restore
from rdlake.store.blobs import CHUNK
from tests.operations.archive.world import IDS, World, files_of, links_of, put_rows

HOSTILE = (
    "../out.txt", "/etc/out.txt", "a/../../out.txt", "C:out.txt", "c:/out.txt", "a\0b", "", ".",
    "..", "a//b", "./x", "a/", "n" * 256, "名" * 100, "x/" * 1600 + "y",
)  # fmt: skip
LINKS = {
    "up": "../elsewhere", "root": "/etc", "drive": "C:\\x", "back": "..\\x", "deep/out": "../../x",
    "round": "a/../../x", "nowhere": None, "none": "", "nul": "a\0",
}  # fmt: skip
INSIDE = {"near": "qlib_res.csv", "deep/in": "../qlib_res.csv", "dot": "./.", "gone": "not/there"}


def artifact(path: str, **values: Any) -> dict[str, Any]:
    row = {"workspace_id": IDS[0], "path": path, "kind": "file", "state": "present", **values}
    names = ("artifact_type", "size", "sha256", "target", "source_digest")
    return dict.fromkeys(names) | row


def whole(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("name", IDS)
def test_a_workspace_comes_back_as_it_was(archived: World, tmp_path: Path, name: str) -> None:
    original = archived.workspaces / name
    files, links = files_of(original), links_of(original)
    shutil.rmtree(original)
    report = restore(archived.there, name, tmp_path / "back")
    back = files_of(tmp_path / "back")
    left = {each.path: each for each in report.left}
    assert back | {path: files[path] for path in files.keys() & left.keys()} == files
    assert report.files == len(back) and report.bytes == sum(map(len, back.values()))
    for path in files.keys() - back.keys():
        assert left[path].sha256 == sha256(files[path]).hexdigest()
        assert left[path].reason == "its content was not kept"
    inside = {path: target for path, target in links.items() if path == "below/inside"}
    assert links_of(tmp_path / "back") == inside
    assert links.keys() - inside.keys() <= left.keys()


def test_what_is_not_kept_is_listed(world: World, tmp_path: Path) -> None:
    report = restore(world.lake, IDS[2], tmp_path / "back")
    assert {each.path for each in report.left} == {"notes.bin", "daily_pv.h5", "out"}
    assert not (tmp_path / "back" / "notes.bin").exists()
    assert (tmp_path / "back" / "below" / "inside").read_text() == "model_cls = None\n"


def test_nothing_is_overwritten(world: World, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    for into in (taken, taken / "mine.txt"):
        with pytest.raises(BadInput, match="nothing is overwritten"):
            restore(world.lake, IDS[0], into)
    assert whole(taken) == ["mine.txt"]
    empty, link = tmp_path / "empty", tmp_path / "link"
    empty.mkdir()
    link.symlink_to(empty)
    with pytest.raises(BadInput, match="nothing is overwritten"):
        restore(world.lake, IDS[0], link)
    assert not whole(empty)
    assert restore(world.lake, IDS[0], empty).files == len(files_of(empty)) > 0
    with pytest.raises(BadInput, match="nothing is overwritten"):
        restore(world.lake, IDS[0], empty)
    with pytest.raises(BadInput, match="no such folder"):
        restore(world.lake, IDS[0], tmp_path / "no" / "where")
    with pytest.raises(BadInput, match="no experiment"):
        restore(world.lake, "f" * 32, tmp_path / "back")


def test_hostile_paths_never_leave_the_folder(world: World, tmp_path: Path) -> None:
    there = world.lake.read("artifacts", where=pl.col("workspace_id") == IDS[0])
    good = there.filter(pl.col("path") == "qlib_res.csv").to_dicts()[0]
    content = {"sha256": good["sha256"], "size": good["size"]}
    put_rows(
        world.lake,
        "artifacts",
        IDS[0],
        good,
        *(artifact(path, **content) for path in HOSTILE),
        artifact("qlib_res.csv/below", **content),
        artifact("up/through", **content),
        *(artifact(path, kind="link", target=target) for path, target in LINKS.items()),
    )
    place = tmp_path / "place"
    place.mkdir()
    report = restore(world.lake, IDS[0], place / "back")
    assert whole(place) == ["back", "back/qlib_res.csv", "back/up", "back/up/through"]
    refused = {*HOSTILE, "qlib_res.csv/below", *LINKS}
    assert {each.path for each in report.left} == refused
    assert report.files == 2 and not report.links


def test_links_lead_inside_by_whatever_other_links(world: World, tmp_path: Path) -> None:
    there = world.lake.read("artifacts", where=pl.col("workspace_id") == IDS[0])
    good = there.filter(pl.col("path") == "qlib_res.csv").to_dicts()[0]
    links: Mapping[str, str] = {**INSIDE, "s/d": "..", "f": "s/d/..", "g": "s/d/qlib_res.csv"}
    rows = (artifact(path, kind="link", target=target) for path, target in links.items())
    put_rows(world.lake, "artifacts", IDS[0], good, *rows)
    report = restore(world.lake, IDS[0], tmp_path / "back")
    assert {each.path for each in report.left} == {"f"}
    root = (tmp_path / "back").resolve()
    for path in root.rglob("*"):
        assert path.resolve().is_relative_to(root), path
    assert (root / "g").read_bytes() == (root / "qlib_res.csv").read_bytes()


def test_damaged_content_gives_nothing(world: World, tmp_path: Path) -> None:
    rot(world.lake, IDS[2], "params.pkl")
    with pytest.raises(DamagedLake, match="not what it says"):
        restore(world.lake, IDS[2], tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_a_folder_that_cannot_be_written_to_is_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageFailed, match="No space left"):
        restore(world.lake, IDS[0], tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.guards
def test_large_content_is_given_back_piece_by_piece(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdlake.store.blobs.MOST_AT_ONCE", CHUNK // 2)
    world.archive()
    restore(world.there, IDS[2], tmp_path / "back")
    original = (world.workspaces / IDS[2] / "params.pkl").read_bytes()
    assert (tmp_path / "back" / "params.pkl").read_bytes() == original
    assert len(original) > CHUNK


def rot(lake: Any, workspace_id: str, path: str) -> None:
    """Change a byte of a file's content, as a bad disk does."""
    named = (pl.col("workspace_id") == workspace_id) & (pl.col("path") == path)
    digest = lake.read("artifacts", ["sha256"], named)["sha256"].item()
    assert digest, "it has no content"
    rows = lake.read("blobs", where=pl.col("sha256") == digest).sort("chunk").to_dicts()
    rows[0]["data"] = bytes([rows[0]["data"][0] ^ 1]) + rows[0]["data"][1:]
    lake.commit({"blobs": pl.DataFrame(rows)}, {"sha256": [digest]})
