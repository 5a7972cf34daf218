"""Look at and change a root through open folders only.

No link is ever followed, no other disk entered, nothing of another user touched.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Literal

from rdlake.errors import BadInput
from rdlake.sources.formats.wording import explain

PIECE = 1 << 20
MOST, DEEPEST = 1_000_000, 64
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | _NO_LINK | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_TIME = getattr(os, "O_NOATIME", 0)


class UnsafeEntry(Exception):
    """Tell why a file or folder is not touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskEntry:
    """Describe a file or link of a folder as it is on disk."""

    path: str
    kind: Literal["file", "link"]
    size: int
    sha256: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class Tree:
    """Describe a folder's files and links by path, when one was last used, and when last written.

    Use is a write or, as far as the disk records it, a read by anything but rdlake.
    """

    entries: tuple[DiskEntry, ...]
    used: float
    written: float

    @property
    def size(self) -> int:
        return sum(each.size for each in self.entries)


def unsafe_path(path: str) -> str | None:
    """Return why a path in a plan or journal names nothing below a root; None when it does."""
    parts = path.split("/")
    if not path or "\0" in path or "\\" in path or path[0] in "/~" or ":" in parts[0]:
        return "it is no relative path"
    if any(part in ("", ".", "..") for part in parts):
        return "it leads out of the root"
    return None


class Root:
    """Hold open a folder that the operator names. Paths are relative to it, in POSIX form."""

    def __init__(self, folder: str | Path) -> None:
        if sys.platform == "win32":
            raise BadInput(
                "a clean-up needs the calls of a POSIX system",
                where=folder,
                fix="run it where RD-Agent runs: under WSL or Linux",
            )
        try:
            self.path = Path(folder).expanduser().resolve(strict=True)
            self.descriptor = os.open(self.path, _FOLDER)
        except (OSError, RuntimeError, ValueError) as error:
            raise BadInput(
                f"the folder cannot be used: {explain(error)}",
                where=folder,
                fix="name the folder that was ingested, with --workspaces or --log-path",
            ) from error
        status = os.fstat(self.descriptor)
        self.device, self.mount = status.st_dev, _mount_of(self.descriptor)
        told = f"{self.path}\0{status.st_dev}\0{status.st_ino}"
        self.root_id = sha256(os.fsencode(told)).hexdigest()[:16]

    def __enter__(self) -> Root:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self.descriptor)

    # --- looking --------------------------------------------------------------------------

    @contextmanager
    def folder(self, path: str = "") -> Iterator[int]:
        """Yield a descriptor of a folder below the root; each folder on the way is opened by
        itself.

        Raise UnsafeEntry when one is a link, a mount point, of another user, or missing.
        """
        held = [os.dup(self.descriptor)]
        try:
            for name in path.split("/") if path else ():
                held.append(self.entered(held[-1], name))
            yield held[-1]
        finally:
            for descriptor in held:
                os.close(descriptor)

    def exists(self, path: str) -> bool:
        """Return whether anything has this name."""
        above, _, name = path.rpartition("/")
        try:
            with self.folder(above) as parent:
                os.stat(name, dir_fd=parent, follow_symlinks=False)
        except (UnsafeEntry, FileNotFoundError):
            return False
        return True

    def status(self, parent: int, name: str) -> tuple[int, int]:
        """Return which file a name stands for."""
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        return status.st_dev, status.st_ino

    def tree(self, path: str, *, hashed: bool = True) -> Tree:
        """Return every file and link below a folder, or the file itself.

        Raise UnsafeEntry for what no clean-up may touch: special files, other users' files, other
        disks, names that are not UTF-8.
        """
        above, _, name = path.rpartition("/")
        walk = _TreeWalk(self, hashed)
        with self.folder(above) as parent:
            walk.take(parent, name, "", 0)
        return Tree(
            tuple(sorted(walk.entries, key=lambda each: each.path)), walk.used, walk.written
        )

    def entered(self, parent: int, name: str) -> int:
        """Open a folder in an open one; the caller closes it. Raise as `folder` does."""
        try:
            descriptor = os.open(name, _FOLDER, dir_fd=parent)
        except OSError as error:
            raise UnsafeEntry(_not_entered(name, error)) from error
        with ExitStack() as refused:
            refused.callback(os.close, descriptor)
            self.own(descriptor, name)
            refused.pop_all()
        return descriptor

    def own(self, descriptor: int, name: str) -> os.stat_result:
        """Return the status of an open file. Raise UnsafeEntry for another disk or user."""
        status = os.fstat(descriptor)
        if status.st_dev != self.device or _mount_of(descriptor) != self.mount:
            raise UnsafeEntry(f"{name} is a mount point")
        _refuse_stranger(status, name)
        return status

    # --- changing -------------------------------------------------------------------------

    def make(self, path: str) -> None:
        """Create the folder and those above it, and flush them to disk."""
        above = ""
        for name in path.split("/"):
            with self.folder(above) as parent:
                try:
                    os.mkdir(name, 0o700, dir_fd=parent)
                    os.fsync(parent)
                except FileExistsError:
                    pass
            above = f"{above}/{name}" if above else name
        with self.folder(path):
            pass

    def move(self, source: str, target: str) -> None:
        """Rename in one step, flushed to disk when this returns.

        Raise FileExistsError when the target exists: nothing is overwritten. A file move that was
        stopped half-way is completed.
        """
        (above, _, name), (there, _, new) = source.rpartition("/"), target.rpartition("/")
        with self.folder(above) as parent, self.folder(there) as other:
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                _refuse_taken(other, new)
                os.rename(name, new, src_dir_fd=parent, dst_dir_fd=other)
            else:
                _move_file(status, (parent, name), (other, new))
            os.fsync(other)
            os.fsync(parent)

    def delete(self, path: str) -> None:
        """Remove a file or link."""
        above, _, name = path.rpartition("/")
        with self.folder(above) as parent:
            os.unlink(name, dir_fd=parent)

    def delete_folders(self, path: str) -> None:
        """Remove a folder that contains only folders."""
        with self.folder(path) as descriptor:
            names = os.listdir(descriptor)  # noqa: PTH208 - a descriptor
        for name in names:
            self.delete_folders(f"{path}/{name}")
        above, _, name = path.rpartition("/")
        with self.folder(above) as parent:
            os.rmdir(name, dir_fd=parent)
            os.fsync(parent)


class _TreeWalk:
    """Collect what a folder holds."""

    def __init__(self, root: Root, hashed: bool) -> None:
        self.root, self.hashed = root, hashed
        self.entries: list[DiskEntry] = []
        self.used = self.written = 0.0
        self.seen = 0

    def take(self, parent: int, name: str, path: str, depth: int) -> None:
        self.seen += 1
        if self.seen > MOST or depth > DEEPEST:
            raise UnsafeEntry(f"it has more than {MOST:,} files, or folders {DEEPEST} deep")
        shown = path or name
        try:
            name.encode()
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                self._folder(parent, name, path, depth)
            elif stat.S_ISREG(status.st_mode):
                self._file(parent, name, path)
            elif stat.S_ISLNK(status.st_mode) and path:
                self._link(parent, name, path, status)
            else:
                kind = "a link" if stat.S_ISLNK(status.st_mode) else "a pipe, socket or device"
                raise UnsafeEntry(f"{shown} is {kind}")
        except UnicodeEncodeError as error:
            raise UnsafeEntry("the name of a file in it is not UTF-8") from error
        except OSError as error:
            raise UnsafeEntry(f"{shown} cannot be read: {explain(error)}") from error

    def _folder(self, parent: int, name: str, path: str, depth: int) -> None:
        descriptor = self.root.entered(parent, name)
        try:
            self._written(os.fstat(descriptor).st_mtime)
            for child in sorted(os.listdir(descriptor)):  # noqa: PTH208 - the same
                self.take(descriptor, child, f"{path}/{child}" if path else child, depth + 1)
        finally:
            os.close(descriptor)

    def _file(self, parent: int, name: str, path: str) -> None:
        descriptor = os.open(
            name, _FILE | _NO_TIME if _is_mine(parent, name) else _FILE, dir_fd=parent
        )
        try:
            status = self.root.own(descriptor, path or name)
            if not stat.S_ISREG(status.st_mode):
                raise UnsafeEntry(f"{path or name} was replaced while it was looked at")
            self._written(status.st_mtime)
            self.used = max(self.used, status.st_atime)
            digest, size = sha256(), 0
            while self.hashed and (piece := os.read(descriptor, PIECE)):
                digest.update(piece)
                size += len(piece)
        finally:
            os.close(descriptor)
        told = digest.hexdigest() if self.hashed else None
        self.entries.append(
            DiskEntry(
                path=path,
                kind="file",
                size=size if self.hashed else status.st_size,
                sha256=told,
                target=None,
            )
        )

    def _link(self, parent: int, name: str, path: str, status: os.stat_result) -> None:
        _refuse_stranger(status, path)
        target = os.readlink(name, dir_fd=parent)
        target.encode()
        self._written(status.st_mtime)
        self.entries.append(DiskEntry(path=path, kind="link", size=0, sha256=None, target=target))

    def _written(self, when: float) -> None:
        self.written = max(self.written, when)
        self.used = max(self.used, when)


def _move_file(status: os.stat_result, source: tuple[int, str], target: tuple[int, str]) -> None:
    """Add the second name, which fails where it exists, then remove the first."""
    (parent, name), (other, new) = source, target
    try:
        os.link(name, new, src_dir_fd=parent, dst_dir_fd=other, follow_symlinks=False)
    except FileExistsError:
        there = os.stat(new, dir_fd=other, follow_symlinks=False)
        if (there.st_dev, there.st_ino) != (status.st_dev, status.st_ino):
            raise
    except OSError:  # a file system without hard links
        _refuse_taken(other, new)
        os.rename(name, new, src_dir_fd=parent, dst_dir_fd=other)
        return
    os.fsync(other)
    os.unlink(name, dir_fd=parent)


def _refuse_taken(parent: int, name: str) -> None:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise FileExistsError(f"{name} is there")


def _is_mine(parent: int, name: str) -> bool:
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    return status.st_uid == os.geteuid()


def _refuse_stranger(status: os.stat_result, name: str) -> None:
    if status.st_uid != os.geteuid():
        raise UnsafeEntry(f"{name} belongs to another user")


def _mount_of(descriptor: int) -> str | None:
    """Return the mount of an open file where the system tells: a folder of the same disk may be
    mounted."""
    try:
        text = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii")
    except OSError:
        return None
    return next((line for line in text.splitlines() if line.startswith("mnt_id:")), None)


def _not_entered(name: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{name} is not there"
    if isinstance(error, NotADirectoryError) or error.errno == 40:
        return f"{name} is a link or no folder"
    return f"{name} cannot be entered: {explain(error)}"
