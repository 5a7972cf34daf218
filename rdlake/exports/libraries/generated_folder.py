"""A folder of generated files: what rdlake wrote there, and nothing else, is its to change."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from rdlake.errors import BadInput, StorageFailed
from rdlake.store.durable import remove_quietly, replacing

LIST = ".rdlake.json"
"""Names every file that was written, with the sha256 of its content."""


@dataclass(frozen=True)
class GeneratedFolder:
    """What was written to `root` before; `said` is what the writer wants to know again."""

    root: Path
    files: Mapping[str, str]
    said: Mapping[str, object]

    def replace(
        self,
        files: Mapping[str, bytes],
        said: Mapping[str, object],
        *,
        gone: Collection[str] = (),
        dry_run: bool = False,
    ) -> tuple[str, ...]:
        """Write these files, each in one step, and remove those `gone`; the paths that changed.
        BadInput, before anything is written, where a file of someone else stands in the way."""
        digests = {path: sha256(content).hexdigest() for path, content in files.items()}
        changed = [path for path in files if self._found(path) != digests[path]]
        removed = [path for path in gone if self._found(path) is not None]
        for path in (*changed, *removed):
            self._refuse_foreign(path)
        kept = {path: each for path, each in self.files.items() if path not in gone}
        listed = _as_text({"files": {**kept, **digests}, **said})
        if dry_run:
            return tuple(sorted((*changed, *removed)))
        try:
            # named before it is there, so that a stop in between leaves no file without an owner
            if changed or removed:
                self._put(LIST, _as_text({"files": {**self.files, **digests}, **self.said}))
            for path in changed:
                self._put(path, files[path])
            for path in removed:
                remove_quietly(self.root / path)
            if self._found(LIST) != sha256(listed).hexdigest():
                self._put(LIST, listed)
        except OSError as error:
            where = error.filename or self.root
            raise StorageFailed.cannot_write(where, error, "the files") from error
        return tuple(sorted((*changed, *removed)))

    def is_foreign(self, path: str) -> bool:
        """Whether someone else has a file there."""
        return path not in self.files and self._found(path) is not None

    def _found(self, path: str) -> str | None:
        """The digest of what is there; None for nothing."""
        target = self.root / path
        if not os.path.lexists(target):
            return None
        if target.is_symlink() or not target.is_file():
            return "something else"
        return sha256(target.read_bytes()).hexdigest()

    def _refuse_foreign(self, path: str) -> None:
        """Ours is what we listed; a file that someone changed since is no longer."""
        folder = self.root / Path(path).parts[0]
        linked = folder if len(Path(path).parts) > 1 and folder.is_symlink() else None
        found = self._found(path)
        if linked or (found is not None and found != self.files.get(path)):
            raise BadInput(
                "it is not as rdlake wrote it, and is not overwritten",
                where=linked or self.root / path,
                fix="move it away, or name another folder",
            )

    def _put(self, path: str, content: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            temporary.write_bytes(content)


def open_generated_folder(root: Path) -> GeneratedFolder:
    """What rdlake wrote to a folder that is there; BadInput when its list cannot be read."""
    path = root / LIST
    if not os.path.lexists(path):
        return GeneratedFolder(root, {}, {})
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        files = dict(told.pop("files"))
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise unreadable_list(root) from error
    if not all(isinstance(each, str) and _is_below(path) for path, each in files.items()):
        raise unreadable_list(root)
    return GeneratedFolder(root, files, told)


def unreadable_list(root: Path) -> BadInput:
    """What is said of a list that is not as it was written."""
    return BadInput(
        "the list of what rdlake wrote there cannot be read",
        where=root / LIST,
        fix="give it back as it was, or name another folder",
    )


def _is_below(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not path.startswith("/")


def _as_text(value: Mapping[str, object]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
