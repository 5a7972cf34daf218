"""List the folders of a root. A root is a folder whose direct children are RD-Agent's
workspaces."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rdlake.domain.experiment import Finding
from rdlake.errors import BadInput
from rdlake.sources.formats.wording import escape_name, explain, is_utf8
from rdlake.sources.workspace.roles import is_rdagent_name

TRASH = ".rdlake-trash"
"""The folder in a root to which a clean-up moves what it removes. It is never read. A root with it
may have nothing else left."""

_BELOW = ("git_ignore_folder/RD-Agent_workspace", "RD-Agent_workspace")


@dataclass(frozen=True, slots=True)
class WorkspaceRoot:
    """Hold a root's real path, its folders by name, and a finding for each child that was left
    out."""

    path: Path
    folders: tuple[Path, ...]
    findings: tuple[Finding, ...] = ()


def find_workspaces(root: Path) -> WorkspaceRoot:
    """Return the direct child folders of a root; links among them are reported and not followed.

    BadInput when the root is missing, unreadable, empty, a file, or holds no workspace.
    """
    path, children = _list_children(root)
    _refuse_parent(path)
    cleaned = any(child.name == TRASH for child in children)
    children = [child for child in children if child.name != TRASH]
    folders: list[Path] = []
    findings: list[Finding] = []
    for child in sorted(children, key=lambda child: child.name):
        if child.is_symlink():
            findings.append(_report_link(child.name))
        elif not child.is_dir(follow_symlinks=False):
            continue
        elif is_utf8(child.name):
            folders.append(path / child.name)
        else:
            findings.append(_report_name(child.name))
    if not cleaned:
        _refuse_other(path, folders, (child.name for child in children))
    return WorkspaceRoot(path, tuple(folders), tuple(findings))


def _list_children(root: Path) -> tuple[Path, list[os.DirEntry[str]]]:
    try:
        path = root.resolve(strict=True)
        with os.scandir(path) as children:
            return path, list(children)
    except FileNotFoundError as error:
        fix = f"check the path; RD-Agent writes to {_BELOW[0]} where it is run"
        raise BadInput("There is no such folder", where=root, fix=fix) from error
    except NotADirectoryError as error:
        fix = "name the folder that holds the workspaces"
        raise BadInput("This is a file, not a folder", where=root, fix=fix) from error
    except (OSError, RuntimeError, ValueError) as error:
        what = f"The folder cannot be read: {explain(error)}"
        raise BadInput(what, where=root, fix="check its path and permissions") from error


def _refuse_parent(path: Path) -> None:
    for below in _BELOW:
        if (path / below).is_dir():
            what = "The workspaces lie further down"
            raise BadInput(what, where=path, fix=f"use {path / below}")


def _refuse_other(path: Path, folders: list[Path], names: Iterable[str]) -> None:
    """Raise BadInput for a folder in which no child has a file that RD-Agent writes."""
    if any(map(_is_workspace, folders)):
        return
    if any(map(is_rdagent_name, names)):
        what = "This is one workspace, not a folder of workspaces"
        raise BadInput(what, where=path, fix=f"use its parent {path.parent}")
    fix = "use the folder that RD-Agent has as WORKSPACE_PATH (…/RD-Agent_workspace)"
    if not folders:
        raise BadInput("There is no workspace in this folder", where=path, fix=fix)
    what = f"None of the {len(folders)} folders in it has a file that RD-Agent writes"
    raise BadInput(what, where=path, fix=fix)


def _is_workspace(folder: Path) -> bool:
    try:
        with os.scandir(folder) as children:
            return any(is_rdagent_name(child.name) for child in children)
    except OSError:
        return False


def _report_link(name: str) -> Finding:
    fix = "name the folder it points to as a root of its own, or remove the link"
    return Finding(
        "error", escape_name(name), "a link; links are never followed, nothing of it was read", fix
    )


def _report_name(name: str) -> Finding:
    reason = "the folder's name is not UTF-8 and cannot be an id; nothing of it was read"
    return Finding("error", escape_name(name), reason, "rename the folder")
