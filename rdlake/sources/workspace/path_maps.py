"""Translate absolute paths of other systems into folders of this system.

Paths in files are not trusted: nothing is opened outside the folders that the user named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rdlake.errors import BadInput
from rdlake.sources.formats.wording import explain

Parts = tuple[str, ...]

_DRIVE = re.compile(r"(?:/mnt/([A-Za-z])|([A-Za-z]):)(?=[/\\]|$)")
_LONG = re.compile(r"\\\\[?.]\\(?=[A-Za-z]:)")
_WSL = re.compile(r"(?:\\\\|//)wsl(?:\$|\.localhost)[/\\][^/\\]+", re.IGNORECASE)
_SHARE = re.compile(r"\\\\([^/\\]+[/\\][^/\\]+)")
_EITHER = re.compile(r"[/\\]")
_FIX = "write --map OLD=NEW with an absolute path as the logs have it, and a folder that is here"


@dataclass(frozen=True, slots=True)
class PathMap:
    """Say that what lies below `old` on another system lies below `new` here."""

    old: Parts
    new: Path


def split_path(text: str) -> Parts | None:
    r"""Return the parts of an absolute path, equal for `/mnt/f/x`, `F:\x` and `f:/x`; None for a
    relative path.

    The first part is the drive, a share, or `/`.
    """
    path = _LONG.sub("", text.strip())
    if share := _WSL.match(path):
        path = path[share.end() :].replace("\\", "/") or "/"
    if "\0" in path:
        return None
    if found := _DRIVE.match(path):
        first, rest = f"{(found[1] or found[2]).lower()}:", _EITHER.split(path[found.end() :])
    elif found := _SHARE.match(path):
        first = "//" + found[1].replace("\\", "/").lower()
        rest = _EITHER.split(path[found.end() :])
    elif path.startswith("/"):
        first, rest = "/", path.split("/")
    else:
        return None
    return first, *(part for part in rest if part not in ("", "."))


def read_map(text: str) -> PathMap:
    """Parse `OLD=NEW`. BadInput for any other text, and when NEW is no folder."""
    old, separator, new = (part.strip() for part in text.partition("="))
    if not separator or not old or not new:
        raise BadInput("A map is written OLD=NEW", where=f"--map {text}", fix=_FIX)
    parts = split_path(old)
    if parts is None or ".." in parts:
        raise BadInput(f"{old} is no absolute path", where=f"--map {text}", fix=_FIX)
    try:
        folder = Path(new).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        what = f"The folder {new} cannot be used: {explain(error)}"
        raise BadInput(what, where=f"--map {text}", fix=_FIX) from error
    if not folder.is_dir():
        raise BadInput(f"{new} is a file, not a folder", where=f"--map {text}", fix=_FIX)
    return PathMap(parts, folder)


def apply_maps(text: str, maps: Iterable[PathMap]) -> Path | None:
    """Return where a path of another system lies here; None when no map fits.

    The map with the longest OLD counts. BadInput when the path leads out of NEW, by `..` or by a
    link.
    """
    parts = split_path(text)
    if parts is None:
        return None
    fitting = [each for each in maps if parts[: len(each.old)] == each.old]
    if not fitting:
        return None
    used = max(fitting, key=lambda each: len(each.old))
    rest = parts[len(used.old) :]
    if ".." in rest:
        raise _outside(text, used)
    try:
        path = used.new.joinpath(*rest).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        what = f"The folder cannot be found: {explain(error)}"
        raise BadInput(what, where=text, fix=f"look what lies below {used.new}") from error
    if not path.is_relative_to(used.new):
        raise _outside(text, used)
    return path


def _outside(text: str, used: PathMap) -> BadInput:
    what = f"The path leads out of {used.new}, nothing there is read"
    return BadInput(what, where=text, fix="name the folder with --workspaces if it is to be read")


def split_folder(text: str) -> tuple[str, str | None] | None:
    """Return the last name of a path, and the folder that holds it; a relative path has no such
    folder.

    None when the path holds no name.
    """
    parts = split_path(text)
    if parts is None:
        names = [part for part in _EITHER.split(text.strip()) if part not in ("", ".")]
        return (names[-1], None) if names and "\0" not in text else None
    if len(parts) == 1:
        return None
    first, *rest = parts[:-1]
    start = "\\\\" + first[2:] if first.startswith("//") else first.rstrip("/")
    return parts[-1], "/".join((start, *rest)) or "/"
