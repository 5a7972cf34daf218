"""Read the rows of a registry. This is the only door to SQLite.

Nothing is written beside the file. A file in WAL mode is copied to a temporary folder and read
there, because SQLite would create files beside it even to read, and cannot do so in a read-only
folder. Any other file is read in its place.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import pathname2url

from rdlake.errors import BadInput
from rdlake.sources.formats.wording import explain

TableRows = Sequence[Mapping[str, object]]
"""Values as SQLite has them; bytes for a text that is not UTF-8 or too long."""

COLUMNS = {
    "task_runs": (
        *("task_run_id", "scenario", "status", "created_at_utc", "updated_at_utc"),
        *("rdagent_version", "log_trace_path"),
    ),
    "loops": (
        *("task_run_id", "loop_id", "action", "status", "best_workspace_id", "started_at_utc"),
        *("ended_at_utc", "error_type", "error_message", "metrics_json", "updated_at_utc"),
    ),
    "workspaces": (
        *("workspace_id", "task_run_id", "loop_id", "workspace_role", "experiment_type"),
        *("step_name", "status", "workspace_path", "created_at_utc", "updated_at_utc"),
    ),
}
KEYS = {
    "task_runs": ("task_run_id",),
    "loops": ("task_run_id", "loop_id"),
    "workspaces": ("workspace_id", "task_run_id"),
}
MAX_SIZE = 2 << 30
MAX_ROWS = 200_000
MAX_TEXT = 1 << 20
SECONDS = 120.0
"""How long SQLite may work on one file."""
_MAGIC = b"SQLite format 3\0"
_QUIET = 0.02
"""A file that was written more recently than this may be written again in the same tick."""
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_TRANSACTION,
    sqlite3.SQLITE_PRAGMA,
}
_NO_REGISTRY = "name the file that RD-Agent's fork writes: …/RDagentDB/registry.sqlite"


def read_registry_rows(path: Path, wait: float = 10.0) -> dict[str, TableRows]:
    """Return the rows of each table at one moment, without the columns that the table lacks.

    BadInput when the file is no registry, is damaged, or stays locked for `wait` seconds.
    """
    try:
        file, is_wal = _check_file(path)
        with TemporaryDirectory(prefix="rdlake-") as passing:
            here = _copy_database(file, Path(passing), wait) if is_wal else file
            with _connect(here, "rw" if is_wal else "ro", wait) as connection:
                return _read_tables(connection, path)
    except sqlite3.Error as error:
        raise _translate_error(path, error) from error
    except (OSError, RuntimeError, ValueError) as error:
        what = f"The registry cannot be read: {explain(error)}"
        raise BadInput(what, where=path, fix="check its path and permissions") from error


def _check_file(path: Path) -> tuple[Path, bool]:
    """Return the real file, and whether it is in WAL mode."""
    try:
        file = path.resolve(strict=True)
    except FileNotFoundError as error:
        raise BadInput("There is no such file", where=path, fix=_NO_REGISTRY) from error
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise BadInput("This is a folder, not a file", where=path, fix=_NO_REGISTRY)
    with file.open("rb") as stream:
        head = stream.read(100)
    if not head.startswith(_MAGIC) or len(head) < 100:
        raise BadInput("This is no SQLite database", where=path, fix=_NO_REGISTRY)
    if status.st_size > MAX_SIZE:
        what = f"The file is larger than {MAX_SIZE >> 30} GiB; no registry is so large"
        raise BadInput(what, where=path, fix=_NO_REGISTRY)
    return file, head[18] == 2 or head[19] == 2


def _copy_database(file: Path, folder: Path, wait: float) -> Path:
    """Copy a file and its log as they are at one moment.

    Meanwhile nothing was moved from the log into the file, and the log was not begun again.
    """
    copy, log = folder / "registry.sqlite", file.with_name(file.name + "-wal")
    copied_log = copy.with_name(copy.name + "-wal")
    until = time.monotonic() + wait
    while True:
        before = file.stat()
        if abs(time.time() - before.st_mtime) > _QUIET:
            shutil.copyfile(file, copy)
            head = _copy_log(log, copied_log)
            after = file.stat()
            same = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
            if same and head == _read_log_header(log):
                return copy
        if time.monotonic() > until:
            what = f"The registry was being changed for all of {wait:g} seconds"
            fix = "ingest again when RD-Agent is idle, or ingest a copy of it"
            raise BadInput(what, where=file, fix=fix)
        time.sleep(_QUIET / 4)


def _copy_log(log: Path, copy: Path) -> bytes:
    """Copy the log and return its header; empty when there is no log."""
    copy.unlink(missing_ok=True)
    if log.is_symlink():
        raise ValueError(f"{log.name} is a link; links are never followed")
    if not log.is_file():
        return b""
    if log.stat().st_size > MAX_SIZE:
        raise ValueError(f"{log.name} is larger than {MAX_SIZE >> 30} GiB")
    try:
        shutil.copyfile(log, copy, follow_symlinks=False)
    except FileNotFoundError:
        return b""
    return _read_log_header(copy)


def _read_log_header(log: Path) -> bytes:
    try:
        with log.open("rb") as stream:
            return stream.read(32)
    except FileNotFoundError:
        return b""


@contextmanager
def _connect(file: Path, mode: str, wait: float) -> Iterator[sqlite3.Connection]:
    """Open a connection that can read and do nothing else."""
    uri = f"file:{pathname2url(os.fspath(file))}?mode={mode}"
    opened = sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None)
    with closing(opened) as connection:
        connection.text_factory = _decode
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.execute("PRAGMA trusted_schema = OFF").close()
        connection.execute("PRAGMA query_only = ON").close()
        until = time.monotonic() + SECONDS
        connection.set_progress_handler(lambda: time.monotonic() > until, 100_000)
        connection.set_authorizer(_authorize)
        yield connection


def _authorize(action: int, first: str | None, *_: str | None) -> int:
    if action == sqlite3.SQLITE_PRAGMA and first not in ("table_info", "quick_check"):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _decode(data: bytes) -> str | bytes:
    if len(data) > MAX_TEXT:
        return data[:1]
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _read_tables(connection: sqlite3.Connection, path: Path) -> dict[str, TableRows]:
    connection.execute("BEGIN").close()
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        raise sqlite3.DatabaseError(str(found[0]) if found else "nothing in it can be read")
    schema = connection.execute("SELECT name, type, sql FROM sqlite_master").fetchall()
    kinds = {name: (kind, str(sql)) for name, kind, sql in schema if name in COLUMNS}
    if not {"task_runs", "loops", "workspaces"} & kinds.keys():
        what = "This SQLite database is no registry: it has no loops and no workspaces"
        raise BadInput(what, where=path, fix=_NO_REGISTRY)
    return {name: _read_table(connection, path, name, kinds.get(name)) for name in COLUMNS}


def _read_table(
    connection: sqlite3.Connection, path: Path, name: str, kind: tuple[str, str] | None
) -> TableRows:
    """Return all rows of a table; none when the table does not exist."""
    if kind is None:
        return []
    if kind[0] != "table" or kind[1].upper().startswith("CREATE VIRTUAL"):
        what = f"{name} is a {kind[0]} in this database, not a table of rows"
        raise BadInput(what, where=path, fix=_NO_REGISTRY)
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
    columns = [column for column in COLUMNS[name] if column in there]
    if missing := set(KEYS[name]) - set(columns):
        what = f"The table {name} has no column {sorted(missing)[0]}, so this is no registry"
        raise BadInput(what, where=path, fix=_NO_REGISTRY)
    listed = ", ".join(columns)
    cursor = connection.execute(f"SELECT {listed} FROM {name} LIMIT {MAX_ROWS + 1}")
    rows = [dict(zip(columns, row, strict=True)) for row in cursor]
    if len(rows) > MAX_ROWS:
        what = f"The table {name} has more than {MAX_ROWS} rows"
        raise BadInput(what, where=path, fix="ingest a copy of the registry with fewer runs")
    return rows


def _translate_error(path: Path, error: sqlite3.Error) -> BadInput:
    text = explain(error)
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        what = f"Another program keeps the registry locked: {text}"
        return BadInput(what, where=path, fix="ingest again when it is done, or ingest a copy")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        what = f"A writer was stopped in the middle of a change: {text}"
        fix = f"let SQLite complete it: sqlite3 {path.name} 'PRAGMA quick_check'"
        return BadInput(what, where=path, fix=fix)
    what = f"The registry is damaged: {text}"
    fix = "ingest a backup of it, or what sqlite3 can recover: sqlite3 OLD .recover | sqlite3 NEW"
    return BadInput(what, where=path, fix=fix)
