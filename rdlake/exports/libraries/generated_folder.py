"""Update a folder of generated files. rdlake changes only files that it wrote there itself."""

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
"""The file that names every written file with the sha256 of its content."""


@dataclass(frozen=True)
class GeneratedFolder:
    """Hold what was written to `root` before, as the list says.

    `notes` holds the notes that the writer left in the list.
    """

    root: Path
    files: Mapping[str, str]
    notes: Mapping[str, object]

    def replace(
        self,
        files: Mapping[str, bytes],
        notes: Mapping[str, object],
        *,
        gone: Collection[str] = (),
        dry_run: bool = False,
    ) -> tuple[str, ...]:
        """Write these files, each in one step, and remove those in `gone`; return the paths that
        changed.

        Raise BadInput, before anything is written, when a file that rdlake did not write is in the
        way.
        """
        digests = {path: sha256(content).hexdigest() for path, content in files.items()}
        changed = [path for path in files if self._read_digest(path) != digests[path]]
        removed = [path for path in gone if self._read_digest(path) is not None]
        for path in (*changed, *removed):
            self._refuse_foreign(path)
        kept = {path: each for path, each in self.files.items() if path not in gone}
        listed = _as_text({"files": {**kept, **digests}, **notes})
        if dry_run:
            return tuple(sorted((*changed, *removed)))
        try:
            # A file is listed before it is written, so that a stop leaves no unlisted file behind.
            if changed or removed:
                self._put(LIST, _as_text({"files": {**self.files, **digests}, **self.notes}))
            for path in changed:
                self._put(path, files[path])
            for path in removed:
                remove_quietly(self.root / path)
            if self._read_digest(LIST) != sha256(listed).hexdigest():
                self._put(LIST, listed)
        except OSError as error:
            where = error.filename or self.root
            raise StorageFailed.cannot_write(where, error, "the files") from error
        return tuple(sorted((*changed, *removed)))

    def is_foreign(self, path: str) -> bool:
        """Return whether a file exists there that rdlake did not write."""
        return path not in self.files and self._read_digest(path) is not None

    def _read_digest(self, path: str) -> str | None:
        """Return the digest of what exists at a path; None for nothing."""
        target = self.root / path
        if not os.path.lexists(target):
            return None
        if target.is_symlink() or not target.is_file():
            return "something else"
        return sha256(target.read_bytes()).hexdigest()

    def _refuse_foreign(self, path: str) -> None:
        """Raise BadInput for a file that is not listed, or that was changed since it was listed."""
        folder = self.root / Path(path).parts[0]
        linked = folder if len(Path(path).parts) > 1 and folder.is_symlink() else None
        found = self._read_digest(path)
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
    """Read what rdlake wrote to an existing folder; raise BadInput when the list cannot be read."""
    path = root / LIST
    if not os.path.lexists(path):
        return GeneratedFolder(root, {}, {})
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
        files = dict(notes.pop("files"))
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise unreadable_list(root) from error
    if not all(isinstance(each, str) and _is_below(path) for path, each in files.items()):
        raise unreadable_list(root)
    return GeneratedFolder(root, files, notes)


def unreadable_list(root: Path) -> BadInput:
    """Return the error for a list that is not as it was written."""
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
