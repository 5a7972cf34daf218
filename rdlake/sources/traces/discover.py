"""Find the runs below a log root: folders with what RD-Agent logs, whatever their names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rdlake.domain.experiment import Finding
from rdlake.errors import BadInput
from rdlake.sources.formats.wording import escape_name, explain, is_utf8
from rdlake.sources.workspace.roots import TRASH
from rdlake.sources.workspace.scan import JUNCTION

MAX_DEPTH = 8
MAX_FOLDERS = 100_000

_LOOP = re.compile(r"Loop_[0-9]+")
_MARKS = frozenset({"scenario", "__session__"})
_FIX_ROOT = "use the folder that RD-Agent logs to: `log`, LOG_TRACE_PATH or UI_TRACE_FOLDER"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Name one run's folder and the log root above it."""

    path: Path
    root: Path

    @property
    def relative(self) -> str:
        return self.path.relative_to(self.root).as_posix()


@dataclass(frozen=True, slots=True)
class LogRoot:
    """Hold a log root's real path, its runs by relative path, and a finding for each folder that
    was left out."""

    path: Path
    runs: tuple[RunFolder, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _RunSearch:
    """Collect the runs below one root during the search."""

    root: Path
    runs: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    seen: int = 0


def find_runs(root: Path) -> LogRoot:
    """Return the runs below a log root, at most 8 folders deep; links are reported and not
    followed.

    The root may be a run folder itself. BadInput when the root is missing, unreadable, a file, or
    holds no run.
    """
    path, names = _open_root(root)
    if _is_run(names):
        return LogRoot(path.parent, (RunFolder(path, path.parent),))
    search = _RunSearch(path)
    _visit(search, path, 0)
    if search.seen > MAX_FOLDERS:
        reason = f"more than {MAX_FOLDERS:,} folders; the rest was not searched for runs"
        search.findings.append(_error(None, reason, "name the folders with the runs as roots"))
    if not search.runs and not search.findings and TRASH not in names:
        raise BadInput("There is no run of RD-Agent in this folder", where=path, fix=_FIX_ROOT)
    runs = sorted(search.runs, key=lambda run: run.relative_to(path).as_posix())
    return LogRoot(path, tuple(RunFolder(run, path) for run in runs), tuple(search.findings))


def _open_root(root: Path) -> tuple[Path, list[str]]:
    """Return the root's real path and the names of its child folders."""
    try:
        path = root.resolve(strict=True)
        return path, [child.name for child in _list_folders(path)]
    except FileNotFoundError as error:
        raise BadInput("There is no such folder", where=root, fix=_FIX_ROOT) from error
    except NotADirectoryError as error:
        raise BadInput("This is a file, not a folder", where=root, fix=_FIX_ROOT) from error
    except (OSError, RuntimeError, ValueError) as error:
        what = f"The folder cannot be read: {explain(error)}"
        raise BadInput(what, where=root, fix="check its path and permissions") from error


def _visit(search: _RunSearch, folder: Path, depth: int) -> None:
    search.seen += 1
    if search.seen > MAX_FOLDERS:
        return
    try:
        children = sorted(_list_children(folder), key=lambda child: child.name)
    except OSError as error:
        reason = f"the folder cannot be read: {explain(error)}"
        search.findings.append(_error(_show_path(search, folder), reason, "make it readable"))
        return
    if _is_run(child.name for child in children if _is_folder(child)):
        search.runs.append(folder)
        return
    for child in children:
        path = folder / child.name
        if child.name == TRASH:
            continue
        if _leads_away(child):
            reason = "a link; links are never followed, so nothing behind it was read"
            fix = "name the folder it points to as a log root of its own, or remove the link"
            search.findings.append(Finding("warning", _show_path(search, path), reason, fix))
        elif _is_folder(child):
            _descend(search, path, depth)


def _descend(search: _RunSearch, path: Path, depth: int) -> None:
    if not is_utf8(path.name):
        reason = "the folder's name is not UTF-8 and cannot be an id; it was not searched"
        search.findings.append(_error(_show_path(search, path), reason, "rename the folder"))
    elif depth < MAX_DEPTH:
        _visit(search, path, depth + 1)
    else:
        reason = f"{MAX_DEPTH} folders deep; not searched for runs below"
        search.findings.append(_error(_show_path(search, path), reason, "name it as a log root"))


def _is_run(names: Iterator[str] | list[str]) -> bool:
    return any(name in _MARKS or _LOOP.fullmatch(name) for name in names)


def _list_children(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as children:
        return list(children)


def _list_folders(folder: Path) -> list[os.DirEntry[str]]:
    return [child for child in _list_children(folder) if _is_folder(child)]


def _is_folder(child: os.DirEntry[str]) -> bool:
    return child.is_dir(follow_symlinks=False) and not _leads_away(child)


def _leads_away(child: os.DirEntry[str]) -> bool:
    """Return whether this is a link to a folder. A link to a file cannot lead to a run."""
    if child.is_symlink():
        try:
            return child.is_dir()
        except OSError:
            return False
    if not hasattr(os.stat_result, "st_reparse_tag"):
        return False
    return getattr(child.stat(follow_symlinks=False), "st_reparse_tag", None) == JUNCTION


def _show_path(search: _RunSearch, path: Path) -> str:
    return escape_name(path.relative_to(search.root).as_posix())


def _error(file: str | None, reason: str, fix: str) -> Finding:
    return Finding("error", file, reason, fix)
