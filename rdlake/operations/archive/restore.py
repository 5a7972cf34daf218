"""Restore a workspace as it was: every kept file byte for byte, in a new folder."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import polars as pl

from rdlake.errors import BadInput, StorageFailed
from rdlake.store.blobs import Content, checked_chunks, read_contents
from rdlake.store.durable import sync_folder
from rdlake.store.lake import Lake
from rdlake.store.lookup import find_workspace

_DRIVE = re.compile(r"[A-Za-z]:")
_LONGEST = 3_000
"""The largest length of a path; each name in it may have 255 bytes, the limit of common disks."""


@dataclass(frozen=True, kw_only=True)
class SkippedFile:
    """Describe a file that was not restored, and why."""

    path: str
    kind: str
    size: int | None
    sha256: str | None
    target: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class RestoreReport:
    """Report what was restored."""

    workspace_id: str
    folder: Path
    files: int
    bytes: int
    links: int
    left: tuple[SkippedFile, ...]


def restore(lake: Lake, experiment: str, into: str | Path) -> RestoreReport:
    """Write the files of an experiment's workspace to the folder `into`, which is new or empty.

    The folder appears when all files are whole. Times and permissions are not known and not
    restored. Paths come from a table and are not trusted: a path or link that leads out of the
    folder is skipped. Raise BadInput when something is in the folder, or when the lake knows no
    file.
    """
    workspace_id = find_workspace(lake, experiment)
    folder = _new_folder(Path(into).expanduser().absolute())
    rows = lake.read("artifacts", where=pl.col("workspace_id") == workspace_id).sort("path")
    if rows.is_empty():
        raise BadInput(
            "no file of it is known: it has no folder",
            where=workspace_id,
            fix="rdlake blobs EXPERIMENT lists the files of one",
        )
    passing = _temporary_folder(folder)
    try:
        given = _Writer(passing)
        given.files(lake, rows.filter(pl.col("kind") != "link"))
        given.links(rows.filter(pl.col("kind") == "link"))
        _move_into_place(passing, folder)
    except OSError as error:
        raise StorageFailed.cannot_write(folder, error, "the files") from error
    finally:
        shutil.rmtree(passing, ignore_errors=True)
    left = tuple(sorted(given.left, key=lambda each: each.path))
    return RestoreReport(
        workspace_id=workspace_id,
        folder=folder,
        files=given.count,
        bytes=given.size,
        links=given.linked,
        left=left,
    )


def _new_folder(folder: Path) -> Path:
    """Raise BadInput when something is there already, or when the folder above is missing."""
    try:
        empty = folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())
    except OSError as error:
        what = f"the folder cannot be read: {error.strerror}"
        raise BadInput(what, where=folder, fix="name a new folder") from error
    if os.path.lexists(folder) and not empty:
        raise BadInput(
            "something is there, and nothing is overwritten",
            where=folder,
            fix="name a new or an empty folder",
        )
    if not folder.parent.is_dir():
        raise BadInput.no_folder(folder.parent)
    return folder


def _temporary_folder(folder: Path) -> Path:
    """Create a folder beside the target that nobody else may enter, so that no link can be put in
    the way."""
    try:
        return Path(mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise StorageFailed.cannot_write(folder.parent, error, "a folder") from error


def _move_into_place(passing: Path, folder: Path) -> None:
    """Give the folder its name; only an empty folder is replaced."""
    mask = os.umask(0)
    os.umask(mask)
    passing.chmod(0o777 & ~mask)
    if os.name == "nt" and folder.is_dir():
        folder.rmdir()
    passing.rename(folder)
    sync_folder(folder.parent)


class _Writer:
    """Write files below a new folder that no one else can enter, and count them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = self.size = self.linked = 0
        self.left: list[SkippedFile] = []

    def files(self, lake: Lake, rows: pl.DataFrame) -> None:
        """Write the files; each content is read once, however many files have it."""
        wanted: dict[str, list[dict[str, Any]]] = {}
        for row in rows.iter_rows(named=True):
            if reason := _leads_out(row["path"]):
                self._leave(row, reason)
            elif row["sha256"] is None:
                self._leave(row, "it could not be read when it was ingested")
            else:
                wanted.setdefault(row["sha256"], []).append(row)
        for content in read_contents(lake, wanted):
            for row in wanted.pop(content.sha256):
                self._write(content, row)
        for row in (row for rows in wanted.values() for row in rows):
            self._leave(row, "its content was not kept")

    def _write(self, content: Content, row: dict[str, Any]) -> None:
        path = self.root / row["path"]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("xb")
        except (FileExistsError, NotADirectoryError):
            self._leave(row, "another file has its name")
            return
        with file:
            for piece in checked_chunks(content):
                self.size += file.write(piece)
        self.count += 1

    def links(self, rows: pl.DataFrame) -> None:
        """Make the links last, so that no file is written through one."""
        for row in rows.iter_rows(named=True):
            if reason := _leads_out(row["path"]) or _points_out(row["path"], row["target"]):
                self._leave(row, reason)
                continue
            path = self.root / row["path"]
            try:
                if self._is_through_a_link(path):
                    self._leave(row, "a link lies in its way")
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(row["target"])
                self.linked += 1
            except (FileExistsError, NotADirectoryError):
                self._leave(row, "another file has its name")

    def _is_through_a_link(self, path: Path) -> bool:
        above = path.parent
        while above != self.root:
            if above.is_symlink():
                return True
            above = above.parent
        return False

    def _leave(self, row: dict[str, Any], reason: str) -> None:
        path, kind, size = row["path"], row["kind"], row["size"]
        self.left.append(
            SkippedFile(
                path=path,
                kind=kind,
                size=size,
                sha256=row["sha256"],
                target=row["target"],
                reason=reason,
            )
        )


def _leads_out(path: str) -> str | None:
    """Return why a path must not be written to; None when it may."""
    parts = path.split("/")
    if "\0" in path or len(path) > _LONGEST or any(len(os.fsencode(p)) > 255 for p in parts):
        return "no file can have this name"
    if any(part in ("", ".", "..") for part in parts) or _DRIVE.match(path):
        return "its path leads out of the folder"
    if os.name == "nt" and ("\\" in path or ":" in path):
        return "no file can have this name here"
    return None


def _points_out(path: str, target: str | None) -> str | None:
    """Return why a link must not be made; None when it may.

    A link may go up only at its beginning. So it stays inside whatever other links there are.
    """
    if not target or "\0" in target or len(target) > _LONGEST:
        return "nobody knows where it pointed"
    if target.startswith("/") or "\\" in target or _DRIVE.match(target):
        return "it leads out of the workspace"
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = parts.count("..")
    if up > path.count("/") or ".." in parts[up:]:
        return "it leads out of the workspace"
    return None
