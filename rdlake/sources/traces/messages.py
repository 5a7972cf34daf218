"""List the messages in a run folder by their paths, and read the content of one.

A path is `<tag, a folder for each dot>/<process ids>/<UTC time>.pkl`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from rdlake.domain.experiment import Finding, Level
from rdlake.sources.formats.wording import explain
from rdlake.sources.pickles import Damaged, Limits, Refused, Signature, load, open_envelope
from rdlake.sources.workspace.hashing import is_same_file, open_file
from rdlake.sources.workspace.scan import FolderEntry, Scan, scan_folder

MAX_BYTES = 64 << 20
MAX_ENTRIES = 1_000_000
LIMITS = Limits(size=MAX_BYTES, depth=50_000, seconds=10.0)
"""The limits for one message. A long run is nested deep, because each experiment holds those it
builds on."""

TAGS = frozenset(
    {
        "scenario", "hypothesis generation", "experiment generation", "evolving code",
        "evolving feedback", "coder result", "Qlib_execute_log", "Quantitative Backtesting Chart",
        "runner result", "feedback", "time_info", "token_cost",
    }
)  # fmt: skip
_NEVER = frozenset({"__session__", "debug_tpl", "debug_llm", "load_pdf_screenshot"})
_SECRETS = "_SETTINGS"
_OLD = frozenset({"init", "r", "d", "ef"})
_ANYWHERE = frozenset({"scenario", "token_cost"})

_LOOP = re.compile(r"Loop_([0-9]{1,9})")
_PROCESSES = re.compile(r"[0-9]+(-[0-9]+)*")
_STOP = b"."
_TIME = "%Y-%m-%d_%H-%M-%S-%f"

_AGAIN = "ingest again when the run has finished; if it stays, restore the file or remove it"
_FOREIGN = "remove it from the log folder if RD-Agent did not write it"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogMessage:
    """Describe a message by its path: its last tag, its loop and step, and when it was written.

    `old` marks a tag as early releases wrote them. Some of these releases kept no log of Qlib.
    """

    entry: FolderEntry
    tag: str
    loop_id: int | None
    step: str | None
    time: datetime | None
    old: bool

    @property
    def path(self) -> str:
        return self.entry.path


@dataclass(frozen=True, slots=True)
class MessageContent:
    """Hold the content of a message that can be trusted, undecoded."""

    value: object


@dataclass(kw_only=True, slots=True)
class RunReading:
    """Collect what is learnt while one run is read: findings, signatures, models, digests of the
    messages, and the folders that hold its workspaces."""

    key: bytes | None = None
    findings: list[Finding] = field(default_factory=list)
    signatures: Counter[Signature] = field(default_factory=Counter)
    digests: dict[str, tuple[int, str]] = field(default_factory=dict)
    models: Counter[str] = field(default_factory=Counter)
    roots: set[str] = field(default_factory=set)

    def find(self, level: Level, file: str | None, reason: str, fix: str) -> None:
        self.findings.append(Finding(level, file, reason, fix))


def scan_run(folder: Path) -> Scan:
    """List the run's messages of interest by name, size and times; no other folder is listed."""
    return scan_folder(folder, enters=_is_of_interest, most=MAX_ENTRIES)


def list_messages(scanned: Scan, reading: RunReading) -> list[LogMessage]:
    """Return the scanned messages, earliest first; messages without a readable time come before all
    others."""
    messages, homeless = [], 0
    for entry in scanned.entries:
        message = _parse_path(entry, reading)
        if message is None:
            continue
        if message.loop_id is None and message.tag not in _ANYWHERE:
            homeless += 1
        else:
            messages.append(message)
    if homeless:
        reason = f"{homeless} messages lie in no Loop_N folder; they were not read"
        reading.find("warning", None, reason, "read runs of RD-Agent before 0.4 with its own tools")
    return sorted(messages, key=_sort_key)


def find_last_write(scanned: Scan) -> datetime | None:
    """Return when the newest message was written, by the names of the files."""
    times = (message.time for message in list_messages(scanned, RunReading()))
    return max(filter(None, times), default=None)


def read_message(reading: RunReading, message: LogMessage) -> MessageContent | None:
    """Return what a message holds; None and a finding when it cannot or must not be used."""
    try:
        data = _read_bytes(message.entry)
    except OSError as error:
        fix = "ingest again; RD-Agent removes messages when it goes back to an earlier step"
        reading.find("error", message.path, f"the file cannot be read: {explain(error)}", fix)
        return None
    except Refused as error:
        reading.find("error", message.path, error.reason, _FOREIGN)
        return None
    reading.digests[message.path] = len(data), sha256(data).hexdigest()
    return _open_message(reading, message.path, data)


def _open_message(reading: RunReading, file: str, data: bytes) -> MessageContent | None:
    try:
        payload = _check_signature(reading, file, data)
        return None if payload is None else MessageContent(load(payload, limits=LIMITS))
    except Damaged as error:
        reading.find("error", file, f"damaged: {error.reason}", _AGAIN)
    except Refused as error:
        reading.find("error", file, f"refused: {error}", _FOREIGN)
    return None


def _check_signature(reading: RunReading, file: str, data: bytes) -> bytes | None:
    """Return the pickle in a message; None and a finding when its signature is wrong."""
    if not data:
        raise Damaged("it is empty")
    envelope = open_envelope(data, reading.key)
    if envelope.signature == "bad" and not envelope.payload.endswith(_STOP):
        raise Damaged("it ends early")
    reading.signatures[envelope.signature] += 1
    if envelope.signature != "bad":
        return envelope.payload
    reason = "its signature was not made with this key; it was not used"
    fix = "check the signing key; if it is right, restore the file: it was changed"
    reading.find("error", file, reason, fix)
    return None


def _read_bytes(entry: FolderEntry) -> bytes:
    """Return the file's bytes. Refused, unread, when it is too large; OSError when it is another
    file by now."""
    descriptor, status = open_file(entry.location)
    with open(descriptor, "rb") as file:  # noqa: PTH123
        if not is_same_file(entry.status, status):
            raise OSError("replaced by another file while the run was read")
        if status.st_size > MAX_BYTES:
            raise Refused("file", f"larger than {MAX_BYTES >> 20} MiB; not read")
        return file.read(MAX_BYTES)


def _is_of_interest(path: str) -> bool:
    parent, _, name = path.rpartition("/")
    if name in _NEVER or name.endswith(_SECRETS):
        return False
    return not _PROCESSES.fullmatch(name) or parent.rpartition("/")[2] in TAGS


def _parse_path(entry: FolderEntry, reading: RunReading) -> LogMessage | None:
    parts = entry.path.split("/")
    if any(part in _NEVER or part.endswith(_SECRETS) for part in parts):
        return None
    if entry.target is not None:
        reason = "a link; links are never followed, so nothing behind it was read"
        reading.find("error", entry.path, reason, "put the file or folder itself in its place")
        return None
    if not parts[-1].endswith(".pkl"):
        return None
    if len(parts) < 3 or not _PROCESSES.fullmatch(parts[-2]) or parts[-3] not in TAGS:
        reason = "a pickle where RD-Agent writes none; it was not read"
        reading.find("warning", entry.path, reason, _FOREIGN)
        return None
    loop = _LOOP.fullmatch(parts[0])
    return LogMessage(
        entry=entry,
        tag=parts[-3],
        loop_id=int(loop[1]) if loop else None,
        step=parts[1] if loop and len(parts) > 4 else None,
        time=_parse_time(entry.path, reading),
        old=not _OLD.isdisjoint(parts[:-3]),
    )


def _parse_time(path: str, reading: RunReading) -> datetime | None:
    """Return when the message was written, as its file name says."""
    name = path.rpartition("/")[2].removesuffix(".pkl")
    try:
        return datetime.strptime(name, _TIME)
    except ValueError:
        reason = "its name is no time; the message counts as older than all others"
        fix = "give the file back the name RD-Agent wrote it under"
        reading.find("warning", path, reason, fix)
        return None


def _sort_key(message: LogMessage) -> tuple[datetime, str]:
    return message.time or datetime.min, message.path
