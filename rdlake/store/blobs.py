"""Store content by its digest: once, whole or not at all. Check the digest when it is read."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import polars as pl
import pyarrow as pa

from rdlake.errors import BadInput, DamagedLake, StorageFailed
from rdlake.schema.tables import table
from rdlake.store.durable import temporary_path
from rdlake.store.lake import Lake
from rdlake.store.parquet import CHUNKS_IN_A_GROUP

CHUNK = 1 << 20
MOST_AT_ONCE = 64 << 20
"""About the largest number of bytes that are in memory at once, and in one data file."""


class UnreadableContent(Exception):
    """Tell why content could not be read as it was hashed."""


@dataclass(frozen=True, slots=True)
class Content:
    """Describe content to store. `chunks` yields it by the MiB and raises UnreadableContent."""

    sha256: str
    size: int
    chunks: Callable[[], Iterator[bytes]]


def stored_digests(lake: Lake, digests: Collection[str] | None = None) -> frozenset[str]:
    """Return which of these digests, or which of all, the lake has the content of."""
    where = None if digests is None else pl.col("sha256").is_in(list(digests))
    return frozenset(lake.read("blobs", ["sha256"], where)["sha256"].unique())


# --- storing ---------------------------------------------------------------------------------


def store(lake: Lake, read_contents: Iterable[Content]) -> dict[str, str]:
    """Store the contents that the lake does not have. Return the digests that could not be read,
    with the reason.

    A content is one commit or part of one, never half there. Memory is bounded whatever the size:
    the files of a large content are written while it is read, and named in the log when its digest
    is right.
    """
    lost: dict[str, str] = {}
    batch: dict[str, list[bytes]] = {}
    weight = 0
    for content in read_contents:
        try:
            if content.size > MOST_AT_ONCE:
                lake.append_once("blobs", _large_tables(content), [content.sha256])
                continue
            chunks = list(_checked_chunks(content))
        except UnreadableContent as error:
            lost[content.sha256] = str(error)
            continue
        if batch and weight + content.size > MOST_AT_ONCE:
            _append(lake, batch)
            batch, weight = {}, 0
        batch[content.sha256] = chunks
        weight += content.size
    _append(lake, batch)
    return lost


def _append(lake: Lake, batch: dict[str, list[bytes]]) -> None:
    """Commit the contents that are not there; try again without those that another writer stored
    meanwhile."""
    while batch:
        if lake.append_once("blobs", [_one_table(batch)], batch):
            return
        there = stored_digests(lake, batch)
        batch = {each: chunks for each, chunks in batch.items() if each not in there}


def _large_tables(content: Content) -> Iterator[pa.Table]:
    """Yield the rows of a large content, one data file at a time."""
    first, held = 0, list[bytes]()
    for chunk in _checked_chunks(content):
        held.append(chunk)
        if len(held) * CHUNK >= MOST_AT_ONCE:
            yield _rows(content, first, held)
            first, held = first + len(held), []
    if held:
        yield _rows(content, first, held)


def _checked_chunks(content: Content) -> Iterator[bytes]:
    """Yield the chunks, one empty chunk for empty content. Raise UnreadableContent at the end when
    the digest is another."""
    digest, size = sha256(), 0
    for chunk in content.chunks():
        digest.update(chunk)
        size += len(chunk)
        if size > content.size:
            break
        if chunk:
            yield chunk
    if digest.hexdigest() != content.sha256:
        raise UnreadableContent("it changed while it was read")
    if not size:
        yield b""


def _rows(content: Content, first: int, chunks: Sequence[bytes]) -> pa.Table:
    count = len(chunks)
    numbers = range(first, first + count)
    return _columns([content.sha256] * count, numbers, chunks, [content.size] * count)


def _one_table(batch: Mapping[str, Sequence[bytes]]) -> pa.Table:
    """Return the rows of whole contents, sorted."""
    sizes = {digest: sum(map(len, chunks)) for digest, chunks in batch.items()}
    rows = [
        (digest, number, chunk, sizes[digest])
        for digest in sorted(batch)
        for number, chunk in enumerate(batch[digest])
    ]
    return _columns(*zip(*rows, strict=True))


def _columns(*columns: Iterable[object]) -> pa.Table:
    schema = table("blobs").schema
    arrays = [
        pa.array(each, field.type) for each, field in zip(map(list, columns), schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


# --- giving back -----------------------------------------------------------------------------


def resolve_digest(lake: Lake, prefix: str) -> str:
    """Return the one stored digest with this prefix. Raise BadInput when there is none, or more
    than one."""
    where = pl.col("sha256").str.starts_with(prefix.lower())
    found: list[str] = []
    if prefix:
        found = sorted(set(lake.read("blobs", ["sha256"], where)["sha256"]))
    if len(found) == 1:
        return found[0]
    known = lake.read("artifacts", ["workspace_id", "path"], where).rows() if prefix else []
    if found:
        what, fix = f"{len(found)} contents begin with it", "give more digits of the digest"
    elif known:
        workspace, path = min(known)
        what = f"the content of {workspace}/{path} is known by its digest alone, and was not kept"
        fix = "rdlake ingest --keep all on its folder stores it"
    else:
        what, fix = "no content with this digest is in the lake", "rdlake blobs lists what is there"
    raise BadInput(what, where=prefix or "an empty digest", fix=fix)


def read_content(lake: Lake, digest: str) -> Iterator[bytes]:
    """Yield the content by the MiB. Raise DamagedLake with the last chunk when the digest is
    another.

    Never more than one row group is in memory.
    """
    mine = pl.col("sha256") == digest
    numbers = sorted(set(lake.read("blobs", ["chunk"], mine)["chunk"]))
    check = sha256()
    for first in range(0, len(numbers), CHUNKS_IN_A_GROUP):
        group = pl.col("chunk").is_between(first, first + CHUNKS_IN_A_GROUP - 1)
        rows = lake.read("blobs", ["chunk", "data"], mine & group).unique("chunk").sort("chunk")
        for data in rows["data"]:
            check.update(data)
            yield data
    if check.hexdigest() != digest:
        raise DamagedLake.content(f"{lake.folder('blobs')}: {digest}")


def read_contents(lake: Lake, digests: Collection[str]) -> Iterator[Content]:
    """Yield the stored contents among these digests, sorted by digest. About `MOST_AT_ONCE` bytes
    are read at once.

    Read each content before asking for the next.
    """
    there = lake.read("blobs", ["sha256", "size"], pl.col("sha256").is_in(list(digests)))
    for batch in _group_by_size(there.unique("sha256").sort("sha256").rows()):
        if batch[0][1] > MOST_AT_ONCE:
            digest, size = batch[0]
            yield Content(digest, size, partial(read_content, lake, digest))
            continue
        names = [digest for digest, _ in batch]
        # The range keeps other row groups closed.
        where = pl.col("sha256").is_between(pl.lit(names[0]), pl.lit(names[-1]))
        where &= pl.col("sha256").is_in(names)
        rows = lake.read("blobs", ["sha256", "chunk", "data"], where)
        rows = rows.unique(["sha256", "chunk"]).sort("sha256", "chunk")
        counts = dict(rows["sha256"].rle().struct.unnest().select("value", "len").rows())
        begin = 0
        for digest, size in batch:
            yield Content(digest, size, partial(iter, rows["data"].slice(begin, counts[digest])))
            begin += counts[digest]


def is_sound(content: Content) -> bool:
    """Return whether the content has its digest."""
    try:
        deque(_checked_chunks(content), maxlen=0)
    except (UnreadableContent, DamagedLake):
        return False
    return True


def checked_chunks(content: Content) -> Iterator[bytes]:
    """Yield the bytes of a stored content. Raise DamagedLake with the last chunk when the digest is
    another."""
    try:
        yield from _checked_chunks(content)
    except UnreadableContent as error:
        raise DamagedLake.content(content.sha256) from error


def _group_by_size(sizes: Iterable[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    """Yield groups of contents to read together; a large one is alone."""
    batch, weight = list[tuple[str, int]](), 0
    for digest, size in sizes:
        if batch and weight + size > MOST_AT_ONCE:
            yield batch
            batch, weight = [], 0
        batch.append((digest, size))
        weight += size
    if batch:
        yield batch


def extract(lake: Lake, digest: str, target: Path) -> int:
    """Write a content to a new file, which appears when it is whole. Return its size in bytes.

    Raise BadInput when the target exists, DamagedLake when the content is not whole.
    """
    if os.path.lexists(target):
        raise _taken(target)
    try:
        with temporary_path(target.parent, ".part") as path:
            with path.open("xb") as file:
                size = sum(file.write(chunk) for chunk in read_content(lake, digest))
            _put(path, target)
    except OSError as error:
        raise StorageFailed.cannot_write(target, error, "the file") from error
    return size


def _put(passing: Path, target: Path) -> None:
    """Give the file its name without replacing another."""
    try:
        target.hardlink_to(passing)
    except FileExistsError:
        raise _taken(target) from None
    except OSError:  # a file system without hard links
        try:
            with target.open("xb"):
                passing.replace(target)
        except FileExistsError:
            raise _taken(target) from None


def _taken(target: Path) -> BadInput:
    return BadInput(
        "a file of that name is there, and nothing is overwritten",
        where=target,
        fix="remove it or name another place",
    )
