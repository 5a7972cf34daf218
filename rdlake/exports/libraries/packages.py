"""Write the text of generated Python packages. Their content is literals, made of values."""

from __future__ import annotations

import ast
import pprint
from collections.abc import Callable, Mapping
from hashlib import sha256

from rdlake.exports.libraries.generated_folder import GeneratedFolder

NOTICE = (
    "Made by `rdlake libs sync`; what is changed here is not overwritten, and no longer kept up."
)


def literal_text(value: object) -> str:
    """Return a value as Python writes it; raise ValueError if Python would not read it back
    equal."""
    text = pprint.pformat(value, width=96, sort_dicts=True)
    if ast.literal_eval(text) != value:
        raise ValueError("it cannot be written as a literal")
    return text


def package_init(before: GeneratedFolder, package: str, words: str) -> dict[str, bytes]:
    """Return the package's `__init__.py`; nothing if the folder is another's package to which
    this is added."""
    path = f"{package}/__init__.py"
    return {} if before.is_foreign(path) else {path: f'"""{words} {NOTICE}"""\n'.encode()}


def number_version(
    before: GeneratedFolder, files_of: Callable[[int], Mapping[str, bytes]]
) -> tuple[int, Mapping[str, bytes]]:
    """Return the files of the last version if they have not changed, else those of the next
    version."""
    last_version = before.notes.get("version")
    last = last_version if isinstance(last_version, int) else 0
    files = files_of(last)
    same = {path: sha256(content).hexdigest() for path, content in files.items()}
    if last and all(before.files.get(path) == digest for path, digest in same.items()):
        return last, files
    return last + 1, files_of(last + 1)
