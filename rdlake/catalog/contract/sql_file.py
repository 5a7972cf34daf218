"""Hold the text of a file of `sql/`, and turn a mistake in it into an error that names the line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rdlake.errors import BadInput


@dataclass(frozen=True)
class SqlFile:
    """Hold the text of one file of `sql/`."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def first_sentence(self) -> str:
        """Return the sentence in the comment on the first line; BadInput without one."""
        first = self.text.partition("\n")[0]
        if not re.match(r"-- \S", first):
            raise self.error(
                "the first line is not a comment", "begin the file with `-- ` and one sentence"
            )
        return first.removeprefix("-- ")

    def error(self, what: str, fix: str, at: str | int = 1) -> BadInput:
        """Return the error of a mistake at a line, or where the text has these words first."""
        line = at if isinstance(at, int) else self.line_of(self.text.find(at))
        return BadInput(what, where=f"{self.path}:{line}", fix=fix)

    def line_of(self, position: int) -> int:
        """Return the line of a character; 1 for one that is not there."""
        return self.text.count("\n", 0, max(position, 0)) + 1


def read_sql_files(folder: Path) -> dict[str, SqlFile]:
    """Return the SQL files of a folder, by name."""
    return {path.stem: read_file(path) for path in sorted(folder.glob("*.sql"))}


def read_file(path: Path) -> SqlFile:
    """Return the text of a file. BadInput when it cannot be read as UTF-8."""
    try:
        return SqlFile(path, path.read_bytes().decode("utf-8").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(
            "the file is not UTF-8 text", where=f"{path}:{line}", fix="save it as UTF-8"
        ) from error
    except OSError as error:
        raise BadInput(
            f"the file cannot be read: {error}", where=path, fix="restore the folder sql/"
        ) from error
